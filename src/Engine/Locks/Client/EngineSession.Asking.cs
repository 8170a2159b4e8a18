using System.Runtime.CompilerServices;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What the session asks of the coordinator for its handles.</summary>
internal sealed partial class EngineSession
{
    /// <summary>Acquires, or waits to be granted. The caller has entered.</summary>
    /// <returns>How it ended; with <see cref="WaitEnd.Granted"/> the handle.</returns>
    /// <exception cref="CoordinatorException">The coordinator did not answer until the deadline.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(WaitEnd End, HeldLock? Held)> AcquireAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        long number = Issue();
        LockCalls calls = new();
        WaitEnd end;
        HeldLock? held;
        try
        {
            (end, held) = await AcquireAsync(number, wish, calls, deadline, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
        {
            // It may have been carried out, or will be: what is granted then must not stay.
            SettleLater(number, calls.IsDoubtful);
            throw;
        }
        finally
        {
            Unregister(number);
        }

        if (end != WaitEnd.GivenUp)
        {
            Settled(number);

            // It may have been granted before the session ended. Another session would wait for another meeting, to which nobody may come.
            return end == WaitEnd.SessionLost && wish.IsMeeting && calls.MayBeThere
                ? throw new CoordinatorException(RequestOutcome.Unknown, "The session was lost meanwhile, and the coordinator did not say whether all had come by then.")
                : (end, held);
        }

        // Those who meet, and who waits for signals, want to know the moment and nothing else: if it came first, it came.
        ReleaseStatus? left = await GiveUpAsync(number, calls.IsDoubtful, wish.IsMeeting ? Terms.RequestTimeout : Terms.Grace).ConfigureAwait(false);
        if (wish.IsMeeting && left == ReleaseStatus.Released)
            return (WaitEnd.Met, null);
        cancellation.ThrowIfCancellationRequested();

        // Who finds itself still waiting has not met. A server that has ended the session, or that lost what waited there, can't tell.
        return wish.IsMeeting && left != ReleaseStatus.GaveUp
            ? throw new CoordinatorException(RequestOutcome.Unknown, "The time was up, and the coordinator did not say whether all had come by then.")
            : (end, null);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(WaitEnd End, HeldLock? Held)> AcquireAsync(long number, LockWish wish, LockCalls calls, LockDeadline deadline, CancellationToken cancellation)
    {
        AcquireRequest request = new(Id, number, wish.Claims, wish.Policy, deadline.Waits, wish.MaxHold, wish.Owner) { Seen = _client.Seen[Partition] };
        LockWaiting waiting = NewWaiting(isUpgrade: false);
        if (deadline.Waits && !TryRegister(number, waiting))
            return (WaitEnd.SessionLost, null);
        long began = Clock.Now;
        while (true)
        {
            long seen = _client.Seen[Partition];
            AcquireReply reply = await AskAsync(request.Seen == seen ? request : request with { Seen = seen }, calls, deadline, cancellation).ConfigureAwait(false);
            switch (reply.Status)
            {
                case AcquireStatus.Granted:
                    return (WaitEnd.Granted, Granted(wish, number, reply.Token, reply.Since, began, calls));
                case AcquireStatus.Waiting:
                    waiting.IsQueued = calls.IsQueued = true;
                    if (HadGapSince(waiting))
                    {
                        // Its push may be among those that were lost, and the look-up after the gap may have left it out: asked again, it looks.
                        waiting = NewWaiting(isUpgrade: false);
                        if (!TryRegister(number, waiting))
                            return (WaitEnd.SessionLost, null);
                        continue;
                    }

                    ComeBackAt(reply.NextExpiry, reply.Now);
                    break;
                case AcquireStatus.SessionLost:
                    Lose();
                    return (WaitEnd.SessionLost, null);
                case AcquireStatus.Finished:
                    return (WaitEnd.Forgotten, null); // the number is used up: another one
                default:
                    return (WaitEnd.Busy, null);
            }

            (WaitEnd end, long token, long at) = await WaitAsync(waiting, deadline, cancellation).ConfigureAwait(false);
            switch (end)
            {
                case WaitEnd.Granted:
                    return (end, Granted(wish, number, token, at, began, calls));
                case WaitEnd.Forgotten:
                    // The server lost the request. The same number: it may have the first one after all.
                    waiting = NewWaiting(isUpgrade: false);
                    if (!TryRegister(number, waiting))
                        return (WaitEnd.SessionLost, null);
                    calls.IsDoubtful = true;
                    break;
                default:
                    return (end, null);
            }
        }
    }

    /// <summary>Leaves a signal, which is not this session's any more once it is there.</summary>
    public async ValueTask SignalAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        AcquireRequest request = new(Id, Interlocked.Increment(ref _lastNumber), wish.Claims, wish.Policy, Waits: false, wish.MaxHold, wish.Owner) { Seen = _client.Seen[Partition] };
        LockCalls calls = new();
        AcquireReply reply = await AskAsync(request, calls, deadline, cancellation).ConfigureAwait(false);
        if (reply.Status == AcquireStatus.Granted)
            return;
        if (reply.Status == AcquireStatus.SessionLost)
            Lose();
        throw new CoordinatorException(
            calls.IsDoubtful ? RequestOutcome.Unknown : RequestOutcome.NotApplied, $"The session was lost before the signal was answered for ({reply.Status}).");
    }

    /// <summary>Repeats the release until it is answered, or the lease is over.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReleaseOutcome> ReleaseAsync(HeldLock held, CancellationToken cancellation)
    {
        Unsettled(held.Number);
        Remove(held);

        // An upgrade that waits goes with its handle, and nobody tells: the server forgets it without a word.
        WaitingOf(held.Number)?.TryEnd(WaitEnd.SessionLost);
        LockCalls calls = new();
        ReleaseRequest request = new(Id, held.Number, held.IsDoubtful) { Seen = _client.Seen[Partition] };
        try
        {
            // With a lease that never runs out, the request's own time-out is the only bound.
            LockDeadline deadline = new(Clock, Terms.RunsOut ? ValidUntil : Durations.After(Clock.Now, Durations.Micros(Terms.RequestTimeout)));
            ReleaseReply reply = await AskAsync(request, calls, deadline, cancellation).ConfigureAwait(false);
            Settled(held.Number);
            return (reply.Status, calls.Attempts) switch
            {
                (ReleaseStatus.Released, _) => ReleaseOutcome.Released,

                // An earlier copy did it: nobody else could have, before the deadline.
                (ReleaseStatus.NotFound, > 1) when IsGood() && (held.BoundUntil == Durations.Never || Clock.Now < held.BoundUntil) => ReleaseOutcome.Released,
                (_, > 1) => ReleaseOutcome.Unknown,
                _ => ReleaseOutcome.AlreadyLost,
            };
        }
        catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
        {
            SettleLater(held.Number, held.IsDoubtful);
            return ReleaseOutcome.Unknown;
        }
    }

    private HeldLock Granted(LockWish wish, long number, long token, long since, long began, LockCalls calls)
    {
        _client.Seen.Raise(Partition, token);
        long until = Durations.Never;
        if (wish.MaxHold != Durations.Never)
        {
            long margin = Math.Min(Terms.Margin, wish.MaxHold / 10);
            until = Math.Max(began, Math.Min(EarliestTimeOf(since), Clock.Now)) + wish.MaxHold - margin;
        }

        HeldLock held = new(this, number, wish.Claims[0].Mode, token, until, calls.IsDoubtful, thin: null);
        Add(held);
        if (until != Durations.Never)
            _client.Keeper.Watch(this, held);
        return held;
    }

    /// <summary>The last renewal says: then or later, on this engine's clock.</summary>
    private long EarliestTimeOf(long serverTime)
    {
        lock (_gate)
            return _anchorSent + (serverTime - _anchorServer);
    }

    private static async ValueTask<(WaitEnd End, long Token, long At)> WaitAsync(LockWaiting waiting, LockDeadline deadline, CancellationToken cancellation)
    {
        await ((Task)waiting.Task).WaitAsync(deadline.Remaining, deadline.Clock.Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Whoever ends it first decides: a grant that came at the last moment counts.
        waiting.TryEnd(WaitEnd.GivenUp);
        return await waiting.Task.ConfigureAwait(false);
    }

    /// <summary>Sends a request until it is answered or the time is over. Nobody who is asked in vain is asked at once again.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<TReply> AskAsync<TReply>(LockRequest<TReply> request, LockCalls calls, LockDeadline deadline, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            calls.Attempts++;
            try
            {
                TReply reply = await _client.SendAsync(Partition, request, deadline.PatienceFor(Terms), cancellation).ConfigureAwait(false);
                Volatile.Write(ref _isInDoubt, false);
                return reply;
            }
            catch (CoordinatorException fault)
            {
                Volatile.Write(ref _isInDoubt, true);
                calls.IsDoubtful |= fault.Outcome == RequestOutcome.Unknown;
                if (fault.IsPermanent || deadline.IsOver || !IsGood())
                {
                    // Of several copies the last one's fate is not that of all.
                    if (calls.IsDoubtful && fault.Outcome != RequestOutcome.Unknown)
                        throw new CoordinatorException(RequestOutcome.Unknown, fault.Message, fault) { IsPermanent = fault.IsPermanent };
                    throw;
                }

                _client.Retrying(Partition, fault);
            }
            catch (OperationCanceledException)
            {
                calls.IsDoubtful = true;
                throw;
            }

            await Task.Delay(_client.Backoff(calls.Attempts, deadline), Clock.Time, cancellation).ConfigureAwait(false);
        }
    }

    private LockLostException Lost(AcquireStatus status)
    {
        if (status == AcquireStatus.SessionLost)
            Lose();
        return new LockLostException();
    }

    private LockWaiting NewWaiting(bool isUpgrade) => new(isUpgrade, Volatile.Read(ref _gaps));

    private bool HadGapSince(LockWaiting waiting) => Volatile.Read(ref _gaps) != waiting.Gap;

    private bool TryRegister(long number, LockWaiting waiting)
    {
        lock (_gate)
        {
            if (!_isLost)
                _waiting[number] = waiting;
            return !_isLost;
        }
    }

    private void Unregister(long number)
    {
        lock (_gate)
            _waiting.Remove(number);
    }

    /// <summary>What is known of the sending of one request.</summary>
    private sealed class LockCalls
    {
        public int Attempts { get; set; }

        /// <summary>A copy may still be under way.</summary>
        public bool IsDoubtful { get; set; }

        /// <summary>The server has said that it waits.</summary>
        public bool IsQueued { get; set; }

        /// <summary>The server may have it, or have had it.</summary>
        public bool MayBeThere => IsQueued || IsDoubtful;
    }
}
