using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// This engine's session in one partition: what it holds and waits for there, and until when that is certain. Lost for ever when it is lost; the engine then
/// opens another. Any thread.
/// </summary>
internal sealed partial class EngineSession
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, LockWaiting> _waiting = [];
    private readonly LockClient _client;
    private readonly IUncontendedLocks? _uncontended;
    private HeldLock? _firstHeld;
    private HeldLock? _nextLookUp;
    private long _validUntil;
    private long _renewAt;
    private long _lastNumber;
    private long _anchorSent;
    private long _anchorServer;
    private long _idleSince;
    private int _heldCount;
    private int _entered;
    private bool _isLost;
    private bool _isRetired;
    private bool _isInDoubt;

    public EngineSession(LockClient client, int partition, OpenSessionReply opened, long sent)
    {
        _client = client;
        Partition = partition;
        Id = opened.Session;
        _uncontended = client.Coordinator.Uncontended(client.Space, partition, opened.Session);
        (_anchorSent, _anchorServer, _idleSince) = (sent, opened.Now, sent);
        _validUntil = Terms.RunsOut ? sent + Terms.Lease - Terms.Margin : Durations.Never;
        _renewAt = Durations.After(sent, Terms.RenewEvery);
    }

    public int Partition { get; }

    public IncarnationId Id { get; }

    public LeaseClock Clock => _client.Clock;

    /// <summary>The coordinator did not answer the last time it was asked.</summary>
    public bool IsInDoubt => Volatile.Read(ref _isInDoubt);

    public bool IsLost => Volatile.Read(ref _isLost);

    /// <summary>Until when everything is certain, on the lease clock, less the margin.</summary>
    public long ValidUntil => Volatile.Read(ref _validUntil);

    public long RenewAt => Volatile.Read(ref _renewAt);

    public int HeldCount => Volatile.Read(ref _heldCount);

    public LockTerms Terms => _client.Terms;

    /// <summary>Whether it can be relied on now. Once false, always false: a renewal that comes after the deadline doesn't bring it back.</summary>
    public bool IsGood()
    {
        if (Volatile.Read(ref _isLost))
            return false;
        long until = ValidUntil;
        if (until == Durations.Never || Clock.Now < until)
            return true;
        lock (_gate)
        {
            if (!_isLost && Clock.Now < _validUntil)
                return true;
        }

        Lose();
        return false;
    }

    /// <summary>Somebody is about to acquire: the session is not retired before <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_isLost || _isRetired || Clock.Now >= _validUntil)
                return false;
            _entered++;
            return true;
        }
    }

    public void Leave()
    {
        lock (_gate)
        {
            _entered--;
            _idleSince = Clock.Now;
        }
    }

    /// <summary>Takes a resource that nobody else wants, without a request. Null: ask.</summary>
    public HeldLock? TryTake(ResourceKey resource, LockPolicy policy)
    {
        if (_uncontended is null || Volatile.Read(ref _isLost))
            return null;
        long number = Interlocked.Increment(ref _lastNumber);
        if (!_uncontended.TryTake(resource, policy, number, out long token))
            return null;
        HeldLock held = new(this, number, LockMode.Exclusive, token, Durations.Never, isDoubtful: false, resource);
        Add(held);
        return held;
    }

    public bool TryFree(HeldLock held, ResourceKey resource)
    {
        if (!_uncontended!.TryFree(resource, held.Number))
            return false;
        Remove(held);
        return true;
    }

    /// <summary>A push for this session.</summary>
    public void OnWake(in LockWake wake)
    {
        switch (wake.Kind)
        {
            case LockWakeKind.Granted:
                _client.Seen.Raise(Partition, wake.Token);
                if (WaitingOf(wake.Number) is { } waiting)
                    waiting.TryEnd(WaitEnd.Granted, wake.Token, wake.At);
                else if (IsStranger(wake.Number))
                    _ = ReleaseStrangerAsync(wake.Number);
                break;
            case LockWakeKind.RevocationRequested:
                HeldOf(wake.Number)?.RequestRevocation();
                break;
            case LockWakeKind.HoldEnded:
                if (HeldOf(wake.Number) is { } ended)
                    LoseBound(ended);
                break;
            case LockWakeKind.SessionEnded:
                Lose();
                break;
        }
    }

    /// <summary>Everything that belongs to the session is lost. Once.</summary>
    public void Lose() => End(WaitEnd.SessionLost);

    /// <summary>The engine is being stopped.</summary>
    public void Stop() => End(WaitEnd.Stopped);

    /// <summary>The bound of a handle has passed, here or at the server.</summary>
    public void LoseBound(HeldLock held)
    {
        if (!held.TryLose())
            return;
        Unsettled(held.Number);
        Remove(held);
        WaitingOf(held.Number)?.TryEnd(WaitEnd.SessionLost);
        _client.Metrics?.Lost(1);
        _client.Announce([held]);
        SettleLater(held.Number, held.IsDoubtful);
    }

    /// <summary>Nobody holds, waits or comes since <paramref name="since"/>: it may be closed, and nobody enters it any more.</summary>
    public bool TryRetire(long since)
    {
        lock (_gate)
        {
            if (_isLost || _isRenewing || _entered > 0 || _firstHeld is not null || _waiting.Count > 0 || _idleSince > since)
                return false;
            return _isRetired = true;
        }
    }

    private void End(WaitEnd how)
    {
        List<HeldLock> held = [];
        LockWaiting[] waiting;
        lock (_gate)
        {
            if (_isLost)
                return;
            _isLost = true;
            _validUntil = 0;
            for (HeldLock? each = _firstHeld; each is not null; each = each.Next)
                held.Add(each);
            foreach (HeldLock each in held)
                Unlink(each);
            waiting = [.. _waiting.Values];
            _waiting.Clear();
        }

        held.RemoveAll(static each => !each.TryLose());
        _client.Metrics?.Lost(held.Count);
        _client.Announce(held);
        foreach (LockWaiting each in waiting)
            each.TryEnd(how);
        _client.OnEnded(this);
    }

    private void Add(HeldLock held)
    {
        lock (_gate)
        {
            if (!_isLost)
            {
                held.Next = _firstHeld;
                if (_firstHeld is not null)
                    _firstHeld.Previous = held;
                _firstHeld = held;
                held.IsListed = true;
                _heldCount++;
                return;
            }
        }

        held.TryLose();
    }

    private void Remove(HeldLock held)
    {
        lock (_gate)
        {
            Unlink(held);
            if (_firstHeld is null && Terms.RunsOut)
                _idleSince = Clock.Now;
        }
    }

    private void Unlink(HeldLock held)
    {
        if (!held.IsListed)
            return;
        if (ReferenceEquals(_nextLookUp, held))
            _nextLookUp = held.Next;
        if (held.Previous is { } previous)
            previous.Next = held.Next;
        else
            _firstHeld = held.Next;
        if (held.Next is { } next)
            next.Previous = held.Previous;
        (held.Previous, held.Next, held.IsListed) = (null, null, false);
        _heldCount--;
        if (held.BoundUntil != Durations.Never)
            _client.Keeper.Unwatch(this, held);
    }

    private LockWaiting? WaitingOf(long number)
    {
        lock (_gate)
            return _waiting.GetValueOrDefault(number);
    }

    private HeldLock? HeldOf(long number)
    {
        lock (_gate)
        {
            for (HeldLock? each = _firstHeld; each is not null; each = each.Next)
            {
                if (each.Number == number)
                    return each;
            }

            return null;
        }
    }
}
