using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What a change makes possible: the dead are taken back, and who fits is granted.</summary>
internal sealed partial class LockDraft
{
    /// <summary>The record has changed, or is looked at: <see cref="Settle"/> will take back what is dead in it and grant what fits.</summary>
    public void Unsettle(ResourceKey resource) => _unsettled.Enqueue(resource);

    /// <summary>Until nobody is left who could be granted.</summary>
    public void Settle()
    {
        while (_unsettled.TryDequeue(out ResourceKey? resource))
        {
            TakeBackTheDead(resource);
            while (NextToGrant(resource) is { } waiter)
                GrantWaiting(resource, waiter);
        }
    }

    /// <summary>Takes back what is dead anywhere in the partition, up to <paramref name="limit"/>.</summary>
    public void Sweep(int limit)
    {
        for (; limit > 0 && !_state.Leases.IsEmpty && _state.Leases.Min is var lease && lease.Deadline <= Now; limit--)
            EndSession(lease.Session);
        for (; limit > 0 && !_state.Ending.IsEmpty; limit--)
        {
            (IncarnationId session, ImmutableSortedDictionary<long, LockHandleEntry> handles) = _state.Ending.First();
            (long number, LockHandleEntry entry) = handles.First();
            EndHandle(new LockHandleId(session, number), entry);
        }

        for (; limit > 0 && !_state.Bounds.IsEmpty && _state.Bounds.Min is var bound && bound.Deadline <= Now; limit--)
            EndBound(bound.Resource, Record(bound.Resource)!.HolderOf(bound.Handle)!);
        Settle();
    }

    private void TakeBackTheDead(ResourceKey resource)
    {
        if (Record(resource) is not { } record)
            return;
        foreach (LockHolder holder in record.Holders)
        {
            if (holder.Deadline <= Now)
                EndBound(resource, holder);
            else if (!holder.OutlivesSession && !IsAlive(holder.Handle.Session))
                TakeBack(holder.Handle);
        }

        // Who meets counts: the dead don't come.
        foreach (LockWaiter waiter in record.Waiters.Values)
        {
            if (waiter.Claims[0].Mode != LockMode.Rendezvous)
                break;
            if (!IsAlive(waiter.Handle.Session))
                TakeBack(waiter.Handle);
        }
    }

    private void TakeBack(LockHandleId handle)
    {
        EndSession(handle.Session);
        if (EntryOf(handle) is { } entry)
            EndHandle(handle, entry);
    }

    private LockWaiter? NextToGrant(ResourceKey resource)
    {
        while (Record(resource) is { } record)
        {
            if (record.Upgrade is { } upgrade)
                return record.Holders.Length == 1 ? upgrade : null;
            if (record.Waiters.IsEmpty || record.Holders is [{ Mode: LockMode.Exclusive }])
                return null;
            (LockWaiter? found, LockWaiter? dead) = LookThrough(record);
            if (dead is null)
                return found;
            TakeBack(dead.Handle);
        }

        return null;
    }

    /// <summary>The first in the policy's order who can be granted, or one in the way who is dead.</summary>
    private (LockWaiter? Found, LockWaiter? Dead) LookThrough(LockRecord record)
    {
        bool writersFirst = record.Policy == LockPolicy.WritersFirst && record.WaitingWriters > 0;
        if (writersFirst)
        {
            LockWaiter writer = record.Waiters.Values.First(static waiter => waiter.IsWriter);
            if (!IsAlive(writer.Handle.Session))
                return (null, writer);
            if (CanBeGranted(writer))
                return (writer, null);
            if (record.WaitingWriters == record.Waiters.Count)
                return (null, null);
        }

        HashSet<(LockMode, int)> failed = [];
        foreach (LockWaiter waiter in record.Waiters.Values)
        {
            if ((writersFirst && waiter.IsWriter) || (waiter.Claims.Length == 1 && failed.Contains(waiter.Claims[0].Kind)))
                continue; // as little as the first one that wants the same
            if (!IsAlive(waiter.Handle.Session))
                return (null, waiter);
            if (CanBeGranted(waiter))
                return (waiter, null);
            if (record.Policy == LockPolicy.FirstInFirstOut)
                break; // the others are behind it
            if (waiter.Claims.Length == 1)
                failed.Add(waiter.Claims[0].Kind);
        }

        return (null, null);
    }

    private bool CanBeGranted(LockWaiter waiter)
    {
        foreach (LockClaim claim in waiter.Claims)
        {
            if (waiter.Claims.Length > 1)
                TakeBackTheDead(claim.Resource);
            LockRecord? record = Record(claim.Resource);
            if (!GrantRules.Fits(record, claim, waits: true) || GrantRules.IsKeptBack(record, claim.Mode, waiter.Claims.Length, waiter.Place))
                return false;
        }

        return true;
    }

    private void GrantWaiting(ResourceKey resource, LockWaiter waiter)
    {
        long token = Tick();
        if (waiter.IsUpgrade)
        {
            LockRecord record = Record(resource)!;
            LockHolder holder = record.HolderOf(waiter.Handle)!;
            PutHolder(resource, record with { Upgrade = null }, holder with { Mode = LockMode.Exclusive, Token = token });
            Wake(LockWakeKind.Granted, waiter.Handle, token);
        }
        else if (waiter.Claims[0].Mode == LockMode.Rendezvous)
        {
            foreach (LockWaiter together in Record(resource)!.Waiters.Values.Take(waiter.Claims[0].Capacity))
            {
                Grant(together, token);
                Wake(LockWakeKind.Granted, together.Handle, token);
            }
        }
        else
        {
            Grant(waiter, token);
            Wake(LockWakeKind.Granted, waiter.Handle, token);
        }
    }
}
