using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What is true of a partition's locks between any two transitions.</summary>
internal static class LockInvariants
{
    /// <summary>Says what is wrong; empty when nothing is.</summary>
    public static ImmutableArray<string> Check(LockPartitionState state, long now)
    {
        ImmutableArray<string>.Builder found = ImmutableArray.CreateBuilder<string>();
        foreach ((ResourceKey resource, LockRecord record) in state.Records)
        {
            Record(state, resource, record, found);
            Compatible(state, resource, record, now, found);
        }

        Sessions(state, found);
        return found.ToImmutable();
    }

    /// <summary>L3, at the records that somebody has just looked at: nobody living waits who fits and is not kept back.</summary>
    public static ImmutableArray<string> CheckWaiters(LockPartitionState state, long now, IEnumerable<ResourceKey> looked)
    {
        ImmutableArray<string>.Builder found = ImmutableArray.CreateBuilder<string>();
        LockDraft draft = new(state, now, seen: 0);
        foreach (ResourceKey resource in looked)
            draft.Unsettle(resource);
        draft.Settle();
        foreach (LockWake wake in draft.Wakes)
        {
            if (wake.Kind == LockWakeKind.Granted)
                found.Add($"{wake.Session}/{wake.Number} waits without a reason.");
        }

        return found.ToImmutable();
    }

    /// <summary>L1, among the living.</summary>
    private static void Compatible(LockPartitionState state, ResourceKey resource, LockRecord record, long now, ImmutableArray<string>.Builder found)
    {
        LockHolder[] living =
        [
            .. record.Holders.Where(holder => holder.Deadline > now
                && (holder.OutlivesSession || (state.Sessions.TryGetValue(holder.Handle.Session, out LockSession? session) && session.LeaseDeadline > now))),
        ];
        if (living.Length > 1 && living.Any(static holder => holder.Mode == LockMode.Exclusive))
            found.Add($"'{resource}' is held exclusively and by {living.Length - 1} others.");
        if (living.Count(static holder => holder.Mode == LockMode.Upgradeable) > 1)
            found.Add($"'{resource}' has two holders that may become writers: each would wait for the other.");
        if (living.Count(static holder => holder.Mode == LockMode.Permit) is var permits && permits > 0
            && permits > living.Max(static holder => holder.Mode == LockMode.Permit ? holder.Capacity : 0))
        {
            found.Add($"'{resource}' has {permits} permits out, more than any holder's capacity.");
        }

        if (record.Upgrade is { } upgrade && record.HolderOf(upgrade.Handle)?.Mode != LockMode.Upgradeable)
            found.Add($"{upgrade.Handle} waits to become a writer of '{resource}' and is no upgradeable holder.");
    }

    private static void Record(LockPartitionState state, ResourceKey resource, LockRecord record, ImmutableArray<string>.Builder found)
    {
        if (record.IsEmpty)
            found.Add($"'{resource}' has neither holders nor waiters and should be gone.");
        foreach (LockHolder holder in record.Holders)
        {
            if (holder.Token > state.Clock || holder.Token <= 0)
                found.Add($"'{resource}': {holder.Handle} has token {holder.Token} at clock {state.Clock}.");
            if (record.Holders.Count(other => other.Handle == holder.Handle) != 1)
                found.Add($"'{resource}' is held twice by {holder.Handle}.");
            if ((holder.Deadline != Durations.Never) != state.Bounds.Contains((holder.Deadline, resource, holder.Handle)))
                found.Add($"'{resource}': the bound of {holder.Handle} is not in the queue, or is without need.");
            if (holder.OutlivesSession)
                continue;
            if (EntryOf(state, holder.Handle) is not { Place: 0 } entry || !entry.Resources.Contains(resource))
                found.Add($"'{resource}' is held by {holder.Handle}, whose session does not know: it would never be taken back.");
        }

        foreach ((long place, LockWaiter waiter) in record.Waiters)
        {
            if (waiter.Place != place || waiter.Place > state.Clock)
                found.Add($"'{resource}': {waiter.Handle} stands at {place}, its own place is {waiter.Place}.");
            if (EntryOf(state, waiter.Handle) is not { } entry || entry.Place != place)
                found.Add($"'{resource}': {waiter.Handle} waits, and its session does not know: it would never go away.");
        }

        if (record.WaitingWriters != record.Waiters.Values.Count(static waiter => waiter.IsWriter))
            found.Add($"'{resource}' counts {record.WaitingWriters} waiting writers.");
    }

    private static void Sessions(LockPartitionState state, ImmutableArray<string>.Builder found)
    {
        foreach ((IncarnationId id, LockSession session) in state.Sessions)
        {
            if (state.Ending.ContainsKey(id))
                found.Add($"{id} is alive and ending.");
            if ((session.LeaseDeadline != Durations.Never) != state.Leases.Contains((session.LeaseDeadline, id)))
                found.Add($"The lease of {id} is not in the queue, or is without need.");
            if (session.Finished.Count > LockSession.FinishedLimit)
                found.Add($"{id} remembers {session.Finished.Count} finished numbers.");
            Handles(state, id, session.Handles, found);
        }

        foreach ((IncarnationId id, ImmutableSortedDictionary<long, LockHandleEntry> handles) in state.Ending)
        {
            if (handles.IsEmpty)
                found.Add($"{id} has ended and has nothing: it should be gone.");
            Handles(state, id, handles, found);
        }

        if (state.Leases.Count != state.Sessions.Values.Count(static session => session.LeaseDeadline != Durations.Never))
            found.Add("The lease queue has sessions that are not there.");
        if (state.Bounds.Count != state.Records.Values.Sum(static record => record.Holders.Count(static holder => holder.Deadline != Durations.Never)))
            found.Add("The queue of bounds has holds that are not there.");
    }

    /// <summary>L4: a handle holds everywhere or waits everywhere.</summary>
    private static void Handles(
        LockPartitionState state, IncarnationId id, ImmutableSortedDictionary<long, LockHandleEntry> handles, ImmutableArray<string>.Builder found)
    {
        foreach ((long number, LockHandleEntry entry) in handles)
        {
            LockHandleId handle = new(id, number);
            foreach (ResourceKey resource in entry.Resources)
            {
                LockRecord? record = state.Records.GetValueOrDefault(resource);
                bool isThere = entry.Place == 0 ? record?.HolderOf(handle) is not null : record?.Waiters.ContainsKey(entry.Place) == true;
                if (!isThere)
                    found.Add($"{handle} should {(entry.Place == 0 ? "hold" : "wait for")} '{resource}', and does not.");
            }
        }
    }

    private static LockHandleEntry? EntryOf(LockPartitionState state, LockHandleId handle) =>
        state.Sessions.TryGetValue(handle.Session, out LockSession? session) ? session.Handles.GetValueOrDefault(handle.Number)
        : state.Ending.TryGetValue(handle.Session, out ImmutableSortedDictionary<long, LockHandleEntry>? handles) ? handles.GetValueOrDefault(handle.Number)
        : null;
}
