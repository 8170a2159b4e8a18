using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>Beat, poke, reap, leave: who lives, who is dead, and what the dead held.</summary>
/// <remarks>
/// The reference count of a resource changes only in the transition that changes an owned set, by that change. A reaper fences first, then takes
/// references back a bounded number at a time; any number of reapers may run at once, because what one has taken no other finds.
/// </remarks>
internal static class MembershipTransitions
{
    public static (PartitionState State, BeatReply Reply) Beat(PartitionState state, long now, BeatRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        if (now < state.LastWrite)
            ClockSetBack.Clamp(draft);
        draft.LastWrite = now;
        PurgeTombstones(draft, state, request.Limit);
        BeatStatus status;
        long last = 0;
        if (draft.Members.TryGetValue(request.Incarnation, out Member? member))
        {
            status = BeatStatus.Alive;
            last = member.Applied;
            draft.PutMember(request.Incarnation, member, member with { LeaseDeadline = Durations.After(now, request.Lease), Lease = request.Lease });
        }
        else if (draft.Tombstones.TryGetValue(request.Incarnation, out Tombstone? tombstone))
        {
            // A fenced incarnation never gets a lease again.
            status = BeatStatus.Fenced;
            last = tombstone.Applied;
        }
        else
        {
            status = BeatStatus.Unknown;
        }

        PartitionState result = draft.Commit();
        return (result, new BeatReply(status, last, Expired(result, now, request.Limit), now, result.NextDue, result.NextClaimExpiry));
    }

    public static PokeReply Poke(PartitionState state, long now, PokeRequest request) => new(
        now, state.Clock, Expired(state, now, request.Limit), state.NextDue, state.NextClaimExpiry, state.Open.Count,
        state.Owned.Values.Sum(static owned => owned.Count), state.Sealed.Count, state.Sealed.Values.Count(static record => record.Parked),
        state.Members.Count);

    public static (PartitionState State, ReapReply Reply) Reap(PartitionState state, long now, ReapRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        if (draft.Members.TryGetValue(request.Incarnation, out Member? member))
        {
            if (member.LeaseDeadline > now)
                return (state, new ReapReply(WasExpired: false, 0, now, state.NextDue));
            draft.Fence(request.Incarnation, member, request.TombstoneLife);
        }

        ImmutableDictionary<ResourceKey, Holding>.Builder owned = draft.OwnedBy(request.Incarnation);
        foreach (ResourceKey resource in owned.Keys.Take(request.Limit).ToArray())
        {
            owned.Remove(resource);
            OpenRecord before = draft.Open[resource];
            OpenRecord record = before with { Holders = before.Holders - 1 };
            if (record is { Holders: 0, HasUpdates: true, Forced: false })
            {
                record = record with
                {
                    Due = Math.Min(Durations.After(now, request.Linger), record.HardDue),
                    DueAfter = request.Linger,
                    Reason = CompletionReason.Recovered,
                };
            }

            draft.Put(resource, before, record);
        }

        int remaining = owned.Count;
        PartitionState result = draft.Commit();
        return (result, new ReapReply(WasExpired: true, remaining, now, result.NextDue));
    }

    public static (PartitionState State, LeaveReply Reply) Leave(PartitionState state, long now, LeaveRequest request)
    {
        if (state.Owned.TryGetValue(request.Incarnation, out ImmutableDictionary<ResourceKey, Holding>? owned))
            return (state, new LeaveReply(HasLeft: false, owned.Count));
        if (!state.Members.TryGetValue(request.Incarnation, out Member? member))
            return (state, new LeaveReply(HasLeft: true, 0));
        PartitionDraft draft = new(state, now, request.Seen);
        draft.Fence(request.Incarnation, member, request.TombstoneLife);
        return (draft.Commit(), new LeaveReply(HasLeft: true, 0));
    }

    /// <summary>Members whose lease ran out, and fenced ones whose references are not all taken back; bounded.</summary>
    private static ImmutableArray<IncarnationId> Expired(PartitionState state, long now, int limit)
    {
        ImmutableArray<IncarnationId>.Builder expired = ImmutableArray.CreateBuilder<IncarnationId>();
        foreach ((long deadline, IncarnationId incarnation) in state.Leases)
        {
            if (deadline > now || expired.Count >= limit)
                break;
            expired.Add(incarnation);
        }

        foreach (IncarnationId incarnation in state.Owned.Keys)
        {
            if (expired.Count >= limit)
                break;
            if (!state.Members.ContainsKey(incarnation))
                expired.Add(incarnation);
        }

        return expired.ToImmutable();
    }

    /// <summary>A tombstone is purged when its time is up, but never before its references have been taken back.</summary>
    private static void PurgeTombstones(PartitionDraft draft, PartitionState state, int limit)
    {
        foreach ((long purgeAt, IncarnationId incarnation) in state.TombstoneQueue.Take(limit))
        {
            if (purgeAt > draft.Now)
                break;
            if (state.Owned.ContainsKey(incarnation))
                continue;
            draft.TombstoneQueue.Remove((purgeAt, incarnation));
            draft.Tombstones.Remove(incarnation);
        }
    }
}
