using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>What a partition says after its server lost its last writes: never silently less than it had acknowledged.</summary>
public sealed class RolledBackServerTests
{
    private static readonly FlushTerms Terms = new(
        Lease: 1_000_000, Linger: 0, Hard: Durations.Never, Inactivity: 0, TombstoneLife: 1_000_000_000, OpenLimit: 100, DeadLetterLimit: 10);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly CoordinationNamespace _space = new("rollback", Item.Schema, 1);
    private readonly InProcessCoordinator _coordinator;

    public RolledBackServerTests() => _coordinator = new InProcessCoordinator(_time);

    // Prevents: a lane that goes on behind a hole (I8: without a loss there is no gap, with one there is).
    [Fact]
    public void A_lane_whose_last_batches_were_lost_is_told_where_to_go_on()
    {
        IncarnationId lane = NewIncarnation();
        Assert.Equal(FlushStatus.Applied, Flush(lane, 1, Item.Hold("a", 1)).Status);
        PartitionState kept = _coordinator.Snapshot(_space, 0);
        Assert.Equal(FlushStatus.Applied, Flush(lane, 2, Item.Hold("a", 10)).Status);
        Assert.Equal(FlushStatus.Applied, Flush(lane, 3, Item.Drop("a", 100)).Status);
        _coordinator.Restore(_space, 0, kept);

        FlushReply gap = Flush(lane, 4, Item.Hold("b", 1));
        Assert.Equal((FlushStatus.Gap, 1), (gap.Status, gap.Last));
        Assert.Equal(FlushStatus.Applied, Flush(lane, 2, Item.Hold("a", 10)).Status);
        Assert.Equal(FlushStatus.Applied, Flush(lane, 3, Item.Drop("a", 100)).Status);
        Assert.Equal(111, Item.Hits(Assert.Single(Claim().Claims).Fields));
    }

    [Fact]
    public void A_lane_that_was_lost_altogether_is_told_that_it_is_unknown()
    {
        IncarnationId lane = NewIncarnation();
        Flush(lane, 1, Item.Hold("a", 1));
        _coordinator.Restore(_space, 0, PartitionState.Empty);
        Assert.Equal(FlushStatus.Unknown, Flush(lane, 2, Item.Hold("a", 1)).Status);
        Assert.Equal(BeatStatus.Unknown, _coordinator.Send(_space, 0, new BeatRequest(lane, 1, 1)).Status);
    }

    // Prevents: an acknowledgement that was lost with its claim ending what another claimant now completes.
    [Fact]
    public void A_claim_that_was_lost_is_not_acknowledged_and_what_engines_have_seen_keeps_numbers_growing()
    {
        IncarnationId lane = NewIncarnation();
        Flush(lane, 1, Item.Drop("a", 1));
        PartitionState kept = _coordinator.Snapshot(_space, 0);
        ClaimReply lost = Claim();
        ClaimedSession first = Assert.Single(lost.Claims);

        // The replica's clock is behind, too.
        _coordinator.Restore(_space, 0, kept);
        _time.SetUtcNow(_time.GetUtcNow() - TimeSpan.FromSeconds(5));
        ClaimTicket ticket = new(first.Resource, first.Generation, first.Token);
        Assert.Equal([false], _coordinator.Send(_space, 0, new AcknowledgeRequest([ticket])).Accepted);
        _time.Advance(TimeSpan.FromSeconds(5));
        ClaimedSession second = Assert.Single(Claim(lost.Clock).Claims);
        Assert.Equal(first.Generation, second.Generation);
        Assert.True(second.Token > first.Token);
        Assert.Equal([false], _coordinator.Send(_space, 0, new AcknowledgeRequest([ticket])).Accepted);
    }

    private IncarnationId NewIncarnation() => new(_coordinator.Send(_space, 0, new PokeRequest(0)).Now, 0, 1);

    private FlushReply Flush(IncarnationId lane, long number, params BatchItem[] items) =>
        _coordinator.Send(_space, 0, new FlushRequest(_space.Layout, lane, number, (ulong)number, [.. items], Terms));

    private ClaimReply Claim(long seen = 0) => _coordinator.Send(_space, 0, new ClaimRequest(10, 1_000_000) { Seen = seen });
}
