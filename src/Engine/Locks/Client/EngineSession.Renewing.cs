using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>The session's part of renewals: called by the keeper's thread.</summary>
internal sealed partial class EngineSession
{
    // More than a renewal looks up at once go in turn: the ones that wait first, since a push that was lost costs them time.
    private readonly Queue<long> _waitingLookUps = new();
    private long _renewSent;

    public Renewal BeginRenewal()
    {
        List<long> numbers = [];
        lock (_gate)
        {
            if (_waitingLookUps.Count == 0)
            {
                foreach ((long number, LockWaiting waiting) in _waiting)
                {
                    if (waiting.IsQueued)
                        _waitingLookUps.Enqueue(number);
                }
            }

            while (numbers.Count < 4 * LockTerms.LookUps && _waitingLookUps.TryDequeue(out long number))
                numbers.Add(number);
            _nextLookUp ??= _firstHeld;
            for (int i = 0; i < LockTerms.LookUps && _nextLookUp is not null; i++)
            {
                numbers.Add(_nextLookUp.Number);
                _nextLookUp = _nextLookUp.Next;
            }

            _renewSent = Clock.Now;
        }

        return new Renewal(Partition, new RenewRequest(Id, Terms.Lease, [.. numbers], LockTerms.SweepLimit) { Seen = _client.Seen[Partition] });
    }

    public void EndRenewal(Renewal renewal)
    {
        if (renewal.Reply is not { } reply)
        {
            Volatile.Write(ref _isInDoubt, true);

            // Soon again, but so that a server that comes back is not met by everybody at once.
            long soon = Math.Max(5_000, Math.Min(Terms.RenewEvery / 8, 500_000));
            Volatile.Write(ref _renewAt, Clock.Now + soon + _client.Jitter(soon));
            return;
        }

        _client.Seen.Raise(Partition, reply.Clock);
        if (!reply.IsAlive)
        {
            Lose();
            return;
        }

        lock (_gate)
        {
            // A reply that comes after the deadline comes too late: somebody may have been told that the locks are lost.
            long now = Clock.Now;
            if (!_isLost && now < _validUntil)
            {
                _validUntil = Terms.RunsOut ? Math.Max(_validUntil, _renewSent + Terms.Lease - Terms.Margin) : Durations.Never;
                (_anchorSent, _anchorServer) = (_renewSent, reply.Now);
                _isInDoubt = false;
                _renewAt = reply.IsSweepUnfinished && _waiting.Count > 0 ? now : Durations.After(_renewSent, Terms.RenewEvery);
            }
        }

        if (!IsGood())
            return;
        foreach (HandleReport report in reply.Handles)
            Apply(report, reply.Now);
        ComeBackAt(reply.NextExpiry, reply.Now);
    }

    /// <summary>Pushes may have been lost: look up what waits, now.</summary>
    public void RenewNow()
    {
        Volatile.Write(ref _renewAt, 0);
        _client.Keeper.Pulse();
    }

    /// <summary>Somebody here waits, and at this moment something runs out: that may be what it waits for.</summary>
    private void ComeBackAt(long expiry, long serverNow)
    {
        if (expiry == Durations.Never)
            return;
        bool isSooner;
        lock (_gate)
        {
            if (_waiting.Count == 0 || _isLost)
                return;

            // A millisecond later it has run out for certain; and a few more, since everybody who waits comes at this moment.
            long at = Clock.Now + Math.Max(0, expiry - serverNow) + 1_000 + _client.Jitter(4_000);
            isSooner = at < _renewAt;
            if (isSooner)
                _renewAt = at;
        }

        if (isSooner)
            _client.Keeper.Pulse();
    }

    private void Apply(HandleReport report, long serverNow)
    {
        LockWaiting? waiting = WaitingOf(report.Number);
        if (waiting is { IsQueued: true })
        {
            if (report.Standing == HandleStanding.Unknown)
                waiting.TryEnd(WaitEnd.Forgotten);
            else if (report.Standing == HandleStanding.Held && (!waiting.IsUpgrade || report.Mode == LockMode.Exclusive))
                waiting.TryEnd(WaitEnd.Granted, report.Token, waiting.IsUpgrade ? serverNow : report.Since);
            else if (report.Standing == HandleStanding.Held && !report.IsUpgrading)
                waiting.TryEnd(WaitEnd.Forgotten);
        }

        if (waiting is { IsUpgrade: false } || HeldOf(report.Number) is not { } held)
            return;
        if (report.IsRevocationRequested)
            held.RequestRevocation();
        if (report.Standing == HandleStanding.Unknown)
            LoseBound(held); // the server ended it, or lost it
    }
}
