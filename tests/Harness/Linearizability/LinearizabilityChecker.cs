using System.Collections.Immutable;

namespace Sluice.Harness.Linearizability;

/// <summary>What a check found.</summary>
/// <param name="IsLinearizable">Whether there is an order.</param>
/// <param name="Key">The object that has none.</param>
/// <param name="Explanation">For people: the longest order that was found, and what could not follow.</param>
/// <param name="Steps">How many states the search looked at.</param>
public sealed record LinearizabilityResult(bool IsLinearizable, string? Key, string Explanation, long Steps);

/// <summary>
/// Decides whether a concurrent history could have happened one operation after the other, each at some moment between its call and its return: the search of
/// Wing and Gong with the memory of Lowe, object by object (linearizability is local).
/// </summary>
public static class LinearizabilityChecker
{
    /// <summary>Checks a history.</summary>
    /// <param name="model">What one object does.</param>
    /// <param name="history">In any order; all times on one clock.</param>
    /// <param name="limit">Gives up after so many states of one object, with an exception: neither yes nor no.</param>
    public static LinearizabilityResult Check<TState, TInput, TOutput>(
        ISequentialModel<TState, TInput, TOutput> model, IEnumerable<Operation<TInput, TOutput>> history, long limit = 2_000_000)
        where TState : IEquatable<TState>
    {
        ArgumentNullException.ThrowIfNull(model);
        long steps = 0;
        foreach (IGrouping<string, Operation<TInput, TOutput>> ofOne in history.GroupBy(static operation => operation.Key, StringComparer.Ordinal))
        {
            Search<TState, TInput, TOutput> search = new(model, [.. ofOne.OrderBy(static operation => operation.Called)], limit);
            bool isLinearizable = search.Run();
            steps += search.Steps;
            if (!isLinearizable)
                return new LinearizabilityResult(false, ofOne.Key, search.Explain(), steps);
        }

        return new LinearizabilityResult(true, null, "", steps);
    }

    private sealed class Search<TState, TInput, TOutput>(
        ISequentialModel<TState, TInput, TOutput> model, ImmutableArray<Operation<TInput, TOutput>> operations, long limit)
        where TState : IEquatable<TState>
    {
        private readonly ulong[] _done = new ulong[(operations.Length + 63) / 64];
        private readonly HashSet<Place> _been = [];
        private readonly Stack<(Event Call, TState Before)> _order = new();
        private List<int> _longest = [];

        public long Steps { get; private set; }

        /// <summary>
        /// The events stand in a list in the order of time. The search takes a call whose operation can come next out of it, with its return; when it meets a return,
        /// that operation should have been taken before: it goes back.
        /// </summary>
        public bool Run()
        {
            Event head = Events();
            int open = operations.Count(static operation => operation.IsKnown);
            TState state = model.Initial;
            Event? entry = head.Next;
            while (open > 0)
            {
                if (++Steps > limit)
                    throw new InvalidOperationException($"The search looked at {limit:N0} states and found neither an order nor that there is none.");
                if (entry is { IsCall: true })
                {
                    Operation<TInput, TOutput> operation = operations[entry.Index];
                    if (model.TryStep(state, operation.Input, operation.Output, operation.IsKnown, out TState next) && IsNew(entry.Index, next))
                    {
                        _order.Push((entry, state));
                        Mark(entry.Index, isDone: true);
                        entry.Lift();
                        open -= operation.IsKnown ? 1 : 0;
                        state = next;
                        entry = head.Next;
                    }
                    else
                    {
                        entry = entry.Next;
                    }

                    continue;
                }

                // A return whose call has not been taken, or the end of what can be tried.
                Remember();
                if (!_order.TryPop(out (Event Call, TState Before) last))
                    return false;
                Mark(last.Call.Index, isDone: false);
                last.Call.Unlift();
                open += operations[last.Call.Index].IsKnown ? 1 : 0;
                (state, entry) = (last.Before, last.Call.Next);
            }

            return true;
        }

        public string Explain()
        {
            HashSet<int> done = [.. _longest];
            Operation<TInput, TOutput>[] left = [.. operations.Where((_, index) => !done.Contains(index)).Take(8)];
            return $"After {_longest.Count} of {operations.Length} operations, the last of them\n  {string.Join("\n  ", _longest.TakeLast(8).Select(index => operations[index]))}\nnone of these can follow:\n  {string.Join("\n  ", left.AsEnumerable())}";
        }

        private Event Events()
        {
            List<(long At, bool IsCall, int Index)> times = [];
            for (int i = 0; i < operations.Length; i++)
            {
                times.Add((operations[i].Called, true, i));
                if (operations[i].IsKnown)
                    times.Add((operations[i].Returned, false, i));
            }

            // At one moment calls come before returns: what touches overlaps.
            Event head = new(-1, isCall: false);
            Event last = head;
            Dictionary<int, Event> calls = [];
            foreach ((_, bool isCall, int index) in times.OrderBy(static time => time.At).ThenBy(static time => !time.IsCall))
            {
                Event next = new(index, isCall) { Previous = last };
                last.Next = next;
                last = next;
                if (isCall)
                    calls.Add(index, next);
                else
                    calls[index].Return = next;
            }

            return head;
        }

        private bool IsNew(int index, TState next)
        {
            Mark(index, isDone: true);
            bool isNew = _been.Add(new Place([.. _done], next));
            Mark(index, isDone: false);
            return isNew;
        }

        private void Mark(int index, bool isDone)
        {
            if (isDone)
                _done[index / 64] |= 1ul << (index % 64);
            else
                _done[index / 64] &= ~(1ul << (index % 64));
        }

        private void Remember()
        {
            if (_order.Count > _longest.Count)
                _longest = [.. _order.Reverse().Select(static taken => taken.Call.Index)];
        }

        /// <summary>What has been taken, and where that led: coming here again finds nothing new.</summary>
        private readonly struct Place(ulong[] done, TState state) : IEquatable<Place>
        {
            private readonly ulong[] _done = done;
            private readonly TState _state = state;

            public bool Equals(Place other) => _state.Equals(other._state) && _done.AsSpan().SequenceEqual(other._done);

            public override bool Equals(object? obj) => obj is Place other && Equals(other);

            public override int GetHashCode()
            {
                HashCode hash = default;
                hash.Add(_state);
                foreach (ulong part in _done)
                    hash.Add(part);
                return hash.ToHashCode();
            }
        }

        private sealed class Event(int index, bool isCall)
        {
            public int Index => index;

            public bool IsCall => isCall;

            public Event? Previous { get; set; }

            public Event? Next { get; set; }

            /// <summary>Of a call that returned.</summary>
            public Event? Return { get; set; }

            /// <summary>Takes the call and its return out of the list; they keep their neighbours.</summary>
            public void Lift()
            {
                Unlink();
                Return?.Unlink();
            }

            /// <summary>Puts them back: in the opposite order, so that the neighbours are right again.</summary>
            public void Unlift()
            {
                Return?.Link();
                Link();
            }

            private void Unlink()
            {
                Previous!.Next = Next;
                if (Next is not null)
                    Next.Previous = Previous;
            }

            private void Link()
            {
                Previous!.Next = this;
                if (Next is not null)
                    Next.Previous = this;
            }
        }
    }
}
