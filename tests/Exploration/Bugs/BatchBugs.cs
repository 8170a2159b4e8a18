using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <summary>Items are not folded, and the server computes each from what was there before the batch: the last one wins.</summary>
internal sealed class RepeatedInBatch : Rules
{
    public override void Enqueue(LaneMachine lane, PendingItem item, int episode) => LaneFork.EnqueueUnfolded(lane, item);

    public override void Cut(LaneMachine lane, LaneTerms terms) => LaneFork.CutRepeating(lane, terms);

    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        base.Apply(state, now, request is FlushRequest flush ? flush with { Items = [.. flush.Items.Reverse().DistinctBy(static item => item.Resource).Reverse()] } : request);
}

/// <summary>"Updates, and not held afterwards" is taken for the single shot of a cold key, also of who holds it.</summary>
internal sealed class ColdDrop : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not FlushRequest flush || !state.Owned.TryGetValue(flush.Incarnation, out ImmutableDictionary<ResourceKey, Holding>? owned))
            return base.Apply(state, now, request);
        return base.Apply(state, now, flush with
        {
            Items = [.. flush.Items.Select(item => item.Delta.IsEmpty || !owned.ContainsKey(item.Resource) ? item : item with { Holds = true })],
        });
    }
}

/// <summary>What can't be merged is an error of the whole batch.</summary>
internal sealed class PoisonRefuses : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        request is FlushRequest flush && flush.Items.Any(static item => item.Delta.Span.SequenceEqual(Tally.Poison))
            ? throw new CoordinatorException(RequestOutcome.NotApplied, "An item can't be merged.")
            : base.Apply(state, now, request);
}

/// <summary>Number and hash are not compared: who has the same identity and the same number has the batch.</summary>
internal sealed class NoHash : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not FlushRequest flush)
            return base.Apply(state, now, request);
        ulong known = state.Members.GetValueOrDefault(flush.Incarnation)?.Hash ?? state.Tombstones.GetValueOrDefault(flush.Incarnation)?.Hash ?? flush.Hash;
        long applied = state.Members.GetValueOrDefault(flush.Incarnation)?.Applied ?? state.Tombstones.GetValueOrDefault(flush.Incarnation)?.Applied ?? 0;
        return base.Apply(state, now, flush.Number == applied ? flush with { Hash = known } : flush);
    }
}

/// <summary>The layout was compared when the process started, and never again.</summary>
internal sealed class AnyLayout : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not FlushRequest flush)
            return base.Apply(state, now, request);
        (PartitionState after, object reply) = base.Apply(state.Layout == 0 ? state : state with { Layout = flush.Layout }, now, request);
        return (((FlushReply)reply).Status == FlushStatus.Applied ? after : state, reply);
    }
}

/// <summary>Due only when the count comes to 0.</summary>
internal sealed class NoHardDeadline : Rules
{
    public override FlushTerms Terms(Bounds bounds) => bounds.Flush with { Hard = Durations.Never };
}

/// <summary>Sends again what was unsettled when the lane was fenced, although its broker has given it to another engine.</summary>
internal sealed class ResendsRedelivered : Rules
{
    public override bool DiscardsWhenFenced => false;
}

/// <summary>Everything that is kept is sent again, however old.</summary>
internal sealed class ReplaysEverything : Rules
{
    public override long LaneWindow(Bounds bounds) => 1_000 * Bounds.Unit;
}

/// <summary>The partition's clock is what the server has stored, and its time.</summary>
internal sealed class IgnoresSeen : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) => base.Apply(state, now, request switch
    {
        FlushRequest it => it with { Seen = 0 },
        ClaimRequest it => it with { Seen = 0 },
        AcknowledgeRequest it => it with { Seen = 0 },
        BeatRequest it => it with { Seen = 0 },
        ReapRequest it => it with { Seen = 0 },
        LeaveRequest it => it with { Seen = 0 },
        _ => request,
    });
}
