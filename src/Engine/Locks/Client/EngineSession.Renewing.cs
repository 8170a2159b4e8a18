using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>The session's part of renewals: called by the keeper's thread.</summary>
internal sealed partial class EngineSession
{
    // More than a renewal looks up at once go in turn: the ones that wait first, since a push that was lost costs them time.
    private readonly Queue<long> _waitingLookUps = new();

    // More than are known for certain: they may be on their way, so it is not looked into each time.
    private const int SurplusesAllowed = 10;

    private long _renewSent;
    private long _gaps;
    private long _gapsAtRenewal;
    private long _comeBackAt = Durations.Never;
    private long _countedTo;
    private int _certain;
    private int _uncertain;
    private int _surpluses;
    private bool _isRenewing;

    /// <summary>A renewal is under way: none is begun. Any thread may ask, the keeper's decides.</summary>
    public bool IsRenewing => Volatile.Read(ref _isRenewing);

    public Renewal BeginRenewal()
    {
        List<long> numbers = [];
        lock (_gate)
        {
            int queued = _waiting.Values.Count(static waiting => waiting is { IsQueued: true, IsUpgrade: false });
            (_certain, _uncertain) = (_heldCount + queued, _unsettled.Count - queued);
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

            (_renewSent, _gapsAtRenewal, _comeBackAt, _isRenewing) = (Clock.Now, _gaps, Durations.Never, true);
            _countedTo = Terms.RunsOut ? Volatile.Read(ref _lastNumber) : 0;
        }

        RenewRequest request = new(Id, Terms.Lease, [.. numbers], LockTerms.SweepLimit) { Seen = _client.Seen[Partition], CountTo = _countedTo };
        return new Renewal(Partition, request);
    }

    public void EndRenewal(Renewal renewal)
    {
        Volatile.Write(ref _isRenewing, false);
        if (renewal.Reply is not { } reply)
        {
            Volatile.Write(ref _isInDoubt, true);

            // Soon again, but so that a server that comes back is not met by everybody at once. Who was to be looked up has not been.
            long soon = Math.Max(5_000, Math.Min(Terms.RenewEvery / 8, 500_000));
            lock (_gate)
            {
                _waitingLookUps.Clear();
                _renewAt = Clock.Now + soon + _client.Jitter(soon);
            }

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

                // A gap that came after this renewal was sent is not made up for by it; and many are looked up by several.
                bool isMore = (reply.IsSweepUnfinished && _waiting.Count > 0) || _waitingLookUps.Count > 0 || _gaps != _gapsAtRenewal;
                _renewAt = isMore ? now : Math.Min(_comeBackAt, Durations.After(_renewSent, Terms.RenewEvery));
            }
        }

        if (!IsGood())
            return;
        bool isForgotten = false;
        foreach (HandleReport report in reply.Handles)
            isForgotten |= !Apply(report, reply.Now);
        ComeBackAt(reply.NextExpiry, reply.Now);

        // Who has lost one thing may have lost another: that something was released. Then the counts may agree. Where no lease runs out nothing is lost on the way, and what is taken the short way is
        // held before it is known here: a search for strangers would find it.
        if (Terms.RunsOut && (isForgotten || HasSurplus(reply.Counted)))
            _ = ReleaseStrangersAsync();
        if (Terms.RunsOut)
            _ = HearAsync();
    }

    /// <summary>A server may have ended the subscription, and let everybody subscribe again since.</summary>
    private async Task HearAsync()
    {
        try
        {
            await _client.Subscription.ReadyAsync(Partition, _client.Stopping).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
        {
            // The next renewal tries again; meanwhile renewals are the backstop.
        }
    }

    /// <summary>Pushes may have been lost: look up all that wait, now.</summary>
    public void OnGap()
    {
        lock (_gate)
        {
            _gaps++;
            _waitingLookUps.Clear();
            _renewAt = 0;
        }

        _client.Keeper.Pulse();
    }

    /// <summary>
    /// Whether the server has more handles than this session. What was on its way when the renewal was sent may be there or not: a surplus that could be that
    /// is looked into when it stays.
    /// </summary>
    private bool HasSurplus(long counted)
    {
        _surpluses = counted > _certain ? _surpluses + 1 : 0;
        if (counted <= _certain + _uncertain && _surpluses < SurplusesAllowed)
            return false;
        _surpluses = 0;
        return true;
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
            // Kept apart, since the answer of a renewal that is under way says anew when the next one is due.
            _comeBackAt = Math.Min(_comeBackAt, at);
            isSooner = at < _renewAt;
            if (isSooner)
                _renewAt = at;
        }

        if (isSooner)
            _client.Keeper.Pulse();
    }

    /// <returns>False: the server does not know a handle that is held here.</returns>
    private bool Apply(HandleReport report, long serverNow)
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
            return true;
        if (report.IsRevocationRequested)
            held.RequestRevocation();
        if (report.Standing != HandleStanding.Unknown)
            return true;
        LoseBound(held); // the server ended it, or lost it
        return false;
    }
}
