using System.Diagnostics;
using Sluice.Tests.Simulation;

namespace Sluice.Exploration;

/// <summary>What a search found.</summary>
/// <param name="States">States that were visited.</param>
/// <param name="Transitions">Moves that were made from them.</param>
/// <param name="Depth">Moves of the longest of the shortest ways to a state.</param>
/// <param name="IsWhole">Whether every state within the bounds was visited.</param>
/// <param name="Fault">The invariant that does not hold, or null.</param>
/// <param name="History">The shortest way to the fault, readable.</param>
internal sealed record Exploration(int States, long Transitions, int Depth, bool IsWhole, TimeSpan Elapsed, InvariantException? Fault, IReadOnlyList<string> History)
{
    /// <summary>Moves of <see cref="History"/>.</summary>
    public int Length { get; init; }

    /// <summary>Which answers were seen: a search that never gets into trouble proves nothing.</summary>
    public required IReadOnlySet<Enum> Answers { get; init; }
}

/// <summary>
/// Visits every state that can be reached within the bounds, nearest first, so that the first fault found has the shortest history.
/// </summary>
/// <remarks>
/// A state is kept as its parent and the move that led here, 8 bytes, and as a code in the set of states, not as a world. Neighbours in the queue mostly
/// share their ways, so the worlds along the way to the last one are kept and only what differs is played again: about one move a state.
/// </remarks>
internal sealed class Search(Bounds bounds, Rules rules, int quietOneIn = 1)
{
    private readonly StateSet _seen = new();
    private readonly StateCode _code = new();
    private readonly List<(int Parent, int Move)> _states = [];
    private readonly List<(int State, World World)> _way = [];
    private readonly List<int> _missing = [];

    public Exploration Run(TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        long began = Stopwatch.GetTimestamp();
        List<Move> moves = [];
        long transitions = 0;
        int depth = 0, levelEnd = 1;
        World start = new(bounds, rules);
        _seen.Add(_code.Of(start));
        _states.Add((-1, 0));
        _way.Add((0, start));
        bool isWhole = true, isQuiet = false;
        for (int state = 0; state < _states.Count; state++)
        {
            if (state == levelEnd)
            {
                depth++;
                levelEnd = _states.Count;
            }

            World world = WorldOf(state);
            moves.Clear();
            world.AddMoves(moves);
            foreach (Move move in moves)
            {
                transitions++;
                World next = world.Fork();
                isQuiet = false;
                try
                {
                    next.Take(move);
                    Checker.AfterStep(next);
                    ulong code = _code.Of(next);
                    if (!_seen.Add(code))
                        continue;
                    _states.Add((state, move.Code));
                    isQuiet = next.Preparing < 0 && code % (ulong)quietOneIn == 0;
                    if (isQuiet)
                        next.Fork().BeQuiet((int)(code >> 40) & (bounds.HasProducer ? 0 : 1));
                }
                catch (InvariantException fault)
                {
                    return Result(fault, [.. HistoryOf(state), move]);
                }
            }

            if (_states.Count > bounds.MostStates || cancellation.IsCancellationRequested || ((state & 0xFF) == 0 && limit is { } most && Stopwatch.GetElapsedTime(began) > most))
            {
                isWhole = false;
                break;
            }
        }

        return Result(null, []);

        Exploration Result(InvariantException? fault, List<Move> history) => new(
            _states.Count, transitions, depth, isWhole && fault is null, Stopwatch.GetElapsedTime(began), fault, fault is null ? [] : Telling.Of(bounds, rules, history, fault, isQuiet))
        {
            Length = history.Count,
            Answers = start.Answers,
        };
    }

    private List<Move> HistoryOf(int state)
    {
        List<Move> history = [];
        for (; state > 0; state = _states[state].Parent)
            history.Add(Move.Of(_states[state].Move));
        history.Reverse();
        return history;
    }

    private World WorldOf(int state)
    {
        _missing.Clear();
        int at = state;
        while (!IsOnTheWay(at, out int place))
        {
            _missing.Add(at);
            at = _states[at].Parent;
            if (at == 0)
            {
                place = 0;
                Cut(place);
                break;
            }
        }

        for (int i = _missing.Count - 1; i >= 0; i--)
        {
            World world = _way[^1].World.Fork();
            world.Take(Move.Of(_states[_missing[i]].Move));
            _way.Add((_missing[i], world));
        }

        return _way[^1].World;
    }

    private bool IsOnTheWay(int state, out int place)
    {
        for (place = _way.Count - 1; place >= 0; place--)
        {
            if (_way[place].State != state)
                continue;
            Cut(place);
            return true;
        }

        return false;
    }

    private void Cut(int place) => _way.RemoveRange(place + 1, _way.Count - place - 1);
}
