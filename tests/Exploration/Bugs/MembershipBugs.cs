using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>Only members look after a partition, and who holds nothing there has left.</summary>
internal sealed class MembersOnly : Rules
{
    public override bool LooksAfterEveryPartition => false;
}

/// <summary>Who leaves is forgotten at once.</summary>
internal sealed class LeavesNoTombstone : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        (PartitionState after, object reply) = base.Apply(state, now, request);
        return request is LeaveRequest leave && after.Tombstones.TryGetValue(leave.Incarnation, out Tombstone? tombstone)
            ? (after with { Tombstones = after.Tombstones.Remove(leave.Incarnation), TombstoneQueue = after.TombstoneQueue.Remove((tombstone.PurgeAt, leave.Incarnation)) }, reply)
            : (after, reply);
    }
}

/// <summary>A first batch of an unknown incarnation makes it a member, however long ago it was born.</summary>
internal sealed class AnyAge : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        base.Apply(state, now, request is FlushRequest flush ? flush with { Terms = flush.Terms with { TombstoneLife = Durations.Never / 4 } } : request);
}

/// <summary>A beat is a sign of life, so it makes a member of whoever gives it.</summary>
internal sealed class BeatRevives : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is BeatRequest beat && state.Tombstones.TryGetValue(beat.Incarnation, out Tombstone? tombstone))
        {
            Member member = new(tombstone.Applied, tombstone.Hash, tombstone.Refused, now, beat.Lease);
            state = state with
            {
                Members = state.Members.Add(beat.Incarnation, member),
                Leases = state.Leases.Add((now, beat.Incarnation)),
                Tombstones = state.Tombstones.Remove(beat.Incarnation),
                TombstoneQueue = state.TombstoneQueue.Remove((tombstone.PurgeAt, beat.Incarnation)),
            };
        }

        return base.Apply(state, now, request);
    }
}

/// <summary>After the clock was set back, deadlines stay where they are.</summary>
internal sealed class KeepsDeadlines : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        base.Apply(request is BeatRequest ? state with { LastWrite = 0 } : state, now, request);
}

/// <summary>A script that has fenced and emptied the owned set when it meets its first write that needs memory.</summary>
internal sealed class HalfReap : Rules
{
    public override (PartitionState State, object Reply)? ApplyWithoutMemory(PartitionState state, long now, object request)
    {
        if (request is not ReapRequest reap)
            return base.ApplyWithoutMemory(state, now, request);
        (PartitionState after, object reply) = Apply(state, now, request);
        return (after with { Open = state.Open, Due = state.Due, Owned = state.Owned.Remove(reap.Incarnation) }, reply);
    }
}
