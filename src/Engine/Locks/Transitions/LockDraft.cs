using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// The locks of a partition under change by one transition. Lives for one call on one thread. Its operations keep what sessions, records and queues say
/// of each other in step (L8); <see cref="Settle"/> makes good what a change makes possible (L3).
/// </summary>
internal sealed partial class LockDraft
{
    private readonly LockPartitionState _origin;
    private readonly List<LockWake> _wakes = [];
    private readonly Queue<ResourceKey> _unsettled = new();
    private LockPartitionState _state;
    private long _clock;
    private long _lastWrite;

    public LockDraft(LockPartitionState origin, long now, long seen)
    {
        _origin = origin;
        _state = origin;
        _clock = Math.Max(origin.Clock, seen);
        _lastWrite = Math.Max(origin.LastWrite, now);
        Now = now;
    }

    public long Now { get; }

    public long Clock => _clock;

    public IReadOnlyList<LockWake> Wakes => _wakes;

    public LockPartitionState State => _state;

    /// <summary>Whether the server's clock stands before something that was written.</summary>
    public bool IsClockSetBack => Now < _origin.LastWrite;

    /// <summary>When the next lease or bound runs out.</summary>
    public long NextExpiry => IsSweepUnfinished ? Now : FirstExpiry;

    /// <summary>Whether something dead is left.</summary>
    public bool IsSweepUnfinished => !_state.Ending.IsEmpty || FirstExpiry <= Now;

    private long FirstExpiry => Math.Min(
        _state.Leases.IsEmpty ? Durations.Never : _state.Leases.Min.Deadline, _state.Bounds.IsEmpty ? Durations.Never : _state.Bounds.Min.Deadline);

    /// <summary>The next session, place or token: above everything drawn, stored or seen before, and near server time.</summary>
    public long Tick() => _clock = Math.Max(_clock + 1, Now);

    public bool IsAlive(IncarnationId session) => _state.Sessions.TryGetValue(session, out LockSession? found) && found.LeaseDeadline > Now;

    /// <summary>The session, if it is alive. One whose lease has run out ends, because somebody has looked.</summary>
    public LockSession? Living(IncarnationId session)
    {
        if (!_state.Sessions.TryGetValue(session, out LockSession? found))
            return null;
        if (found.LeaseDeadline > Now)
            return found;
        EndSession(session);
        return null;
    }

    public LockRecord? Record(ResourceKey resource) => _state.Records.GetValueOrDefault(resource);

    public void PutSession(IncarnationId id, LockSession session)
    {
        if (_state.Sessions.TryGetValue(id, out LockSession? before) && before.LeaseDeadline != session.LeaseDeadline)
            _state = _state with { Leases = _state.Leases.Remove((before.LeaseDeadline, id)) };
        _state = _state with
        {
            Sessions = _state.Sessions.SetItem(id, session),
            Leases = session.LeaseDeadline == Durations.Never ? _state.Leases : _state.Leases.Add((session.LeaseDeadline, id)),
        };
    }

    /// <summary>The session is dead from now on. Its handles are taken back when somebody looks at their records, or by sweeps.</summary>
    public void EndSession(IncarnationId id)
    {
        if (!_state.Sessions.TryGetValue(id, out LockSession? session))
            return;
        _state = _state with
        {
            Sessions = _state.Sessions.Remove(id),
            Leases = _state.Leases.Remove((session.LeaseDeadline, id)),
            Ending = session.Handles.IsEmpty ? _state.Ending : _state.Ending.Add(id, session.Handles),
        };
        _wakes.Add(new LockWake(LockWakeKind.SessionEnded, id, 0, 0, Now));
    }

    /// <summary>Puts a handle into the queues.</summary>
    public void Enqueue(LockWaiter waiter)
    {
        foreach (LockClaim claim in waiter.Claims)
        {
            LockRecord record = Record(claim.Resource) ?? new LockRecord(waiter.Policy);
            PutRecord(claim.Resource, record with
            {
                Waiters = record.Waiters.Add(waiter.Place, waiter),
                WaitingWriters = record.WaitingWriters + (waiter.IsWriter ? 1 : 0),
            });
        }

        List(waiter.Handle, new LockHandleEntry([.. waiter.Claims.Select(static claim => claim.Resource)], waiter.Place));
    }

    /// <summary>All claims of a handle become holds, whether it waited or has just come.</summary>
    public void Grant(LockWaiter waiter, long token)
    {
        long deadline = Durations.After(Now, waiter.MaxHold);
        foreach (LockClaim claim in waiter.Claims)
        {
            LockRecord record = WithoutWaiter(Record(claim.Resource) ?? new LockRecord(waiter.Policy), waiter);
            LockHolder holder = new(waiter.Handle, claim.Mode, claim.Capacity, token, Now, deadline, waiter.MaxHold, waiter.Owner, Step: 0, IsRevocationRequested: false);
            PutRecord(claim.Resource, record with { Holders = record.Holders.Add(holder) });
            PutBound(claim.Resource, holder);

            // Who comes first in first-in-first-out order may be another one now, and a signal opens.
            Unsettle(claim.Resource);
        }

        if (waiter.Claims[0].Mode != LockMode.Signal)
            List(waiter.Handle, new LockHandleEntry([.. waiter.Claims.Select(static claim => claim.Resource)], Place: 0));
    }

    /// <summary>Replaces a holder of a record.</summary>
    public void PutHolder(ResourceKey resource, LockRecord record, LockHolder holder)
    {
        LockHolder before = record.HolderOf(holder.Handle)!;
        if (before.Deadline != holder.Deadline)
        {
            _state = _state with { Bounds = _state.Bounds.Remove((before.Deadline, resource, holder.Handle)) };
            PutBound(resource, holder);
        }

        PutRecord(resource, record with { Holders = record.Holders.Replace(before, holder) });
    }

    public void PutRecord(ResourceKey resource, LockRecord record) =>
        _state = _state with { Records = record.IsEmpty ? _state.Records.Remove(resource) : _state.Records.SetItem(resource, record) };

    /// <summary>Nothing of the handle is left, wherever it held or waited.</summary>
    public void EndHandle(LockHandleId handle, LockHandleEntry entry)
    {
        foreach (ResourceKey resource in entry.Resources)
        {
            if (Record(resource) is not { } record)
                continue;
            if (entry.Place != 0 && record.Waiters.TryGetValue(entry.Place, out LockWaiter? waiter))
                record = WithoutWaiter(record, waiter);
            else if (record.HolderOf(handle) is { } holder)
                record = WithoutHolder(resource, record, holder);
            PutRecord(resource, record);
            Unsettle(resource);
        }

        Unlist(handle);
    }

    /// <summary>A hold whose bound has passed: ended everywhere. A late copy of its acquire must not take it again.</summary>
    public void EndBound(ResourceKey resource, LockHolder holder)
    {
        if (holder.OutlivesSession)
        {
            EndSignal(resource, holder);
            return;
        }

        IncarnationId session = holder.Handle.Session;
        if (EntryOf(holder.Handle) is { } entry)
            EndHandle(holder.Handle, entry);
        if (_state.Sessions.TryGetValue(session, out LockSession? living))
            PutSession(session, living.Finish(holder.Handle.Number));
        _wakes.Add(new LockWake(LockWakeKind.HoldEnded, session, holder.Handle.Number, holder.Token, Now));
    }

    public void EndSignal(ResourceKey resource, LockHolder signal)
    {
        if (Record(resource) is not { } record)
            return;
        PutRecord(resource, WithoutHolder(resource, record, signal));
        Unsettle(resource);
    }

    public void Wake(LockWakeKind kind, LockHandleId handle, long token) => _wakes.Add(new LockWake(kind, handle.Session, handle.Number, token, Now));

    public LockHandleEntry? EntryOf(LockHandleId handle) =>
        _state.Sessions.TryGetValue(handle.Session, out LockSession? session) ? session.Handles.GetValueOrDefault(handle.Number)
        : _state.Ending.TryGetValue(handle.Session, out ImmutableSortedDictionary<long, LockHandleEntry>? handles) ? handles.GetValueOrDefault(handle.Number)
        : null;

    /// <summary>
    /// After the server's clock was set back, deadlines lie further ahead than their own durations: nobody would die for that long.
    /// </summary>
    public void BringBackDeadlines()
    {
        foreach ((IncarnationId id, LockSession session) in _state.Sessions)
            PutSession(id, session with { LeaseDeadline = Math.Min(session.LeaseDeadline, Durations.After(Now, session.Lease)) });
        foreach ((_, ResourceKey resource, LockHandleId handle) in _state.Bounds)
        {
            LockRecord record = Record(resource)!;
            LockHolder holder = record.HolderOf(handle)!;
            PutHolder(resource, record, holder with { Deadline = Math.Min(holder.Deadline, Durations.After(Now, holder.MaxHold)) });
        }

        _lastWrite = Now;
    }

    /// <summary>The state afterwards: the very same object when nothing changed. What an engine has seen is a change: it may be the last time that it says so.</summary>
    public LockPartitionState Commit() =>
        ReferenceEquals(_state, _origin) && _clock == _origin.Clock ? _origin : _state with { Clock = _clock, LastWrite = _lastWrite };

    private static LockRecord WithoutWaiter(LockRecord record, LockWaiter waiter) =>
        !record.Waiters.ContainsKey(waiter.Place) ? record
        : record with { Waiters = record.Waiters.Remove(waiter.Place), WaitingWriters = record.WaitingWriters - (waiter.IsWriter ? 1 : 0) };

    private LockRecord WithoutHolder(ResourceKey resource, LockRecord record, LockHolder holder)
    {
        if (holder.Deadline != Durations.Never)
            _state = _state with { Bounds = _state.Bounds.Remove((holder.Deadline, resource, holder.Handle)) };
        return record with
        {
            Holders = record.Holders.RemoveAt(record.IndexOf(holder.Handle)),
            Upgrade = record.Upgrade?.Handle == holder.Handle ? null : record.Upgrade,
        };
    }

    private void PutBound(ResourceKey resource, LockHolder holder)
    {
        if (holder.Deadline != Durations.Never)
            _state = _state with { Bounds = _state.Bounds.Add((holder.Deadline, resource, holder.Handle)) };
    }

    private void List(LockHandleId handle, LockHandleEntry entry)
    {
        LockSession session = _state.Sessions[handle.Session];
        _state = _state with { Sessions = _state.Sessions.SetItem(handle.Session, session with { Handles = session.Handles.SetItem(handle.Number, entry) }) };
    }

    private void Unlist(LockHandleId handle)
    {
        if (_state.Sessions.TryGetValue(handle.Session, out LockSession? session))
        {
            _state = _state with { Sessions = _state.Sessions.SetItem(handle.Session, session with { Handles = session.Handles.Remove(handle.Number) }) };
        }
        else if (_state.Ending.TryGetValue(handle.Session, out ImmutableSortedDictionary<long, LockHandleEntry>? handles))
        {
            handles = handles.Remove(handle.Number);
            _state = _state with { Ending = handles.IsEmpty ? _state.Ending.Remove(handle.Session) : _state.Ending.SetItem(handle.Session, handles) };
        }
    }
}
