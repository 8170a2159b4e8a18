using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Generations and tokens grow, and the server's clock may do what it likes.</summary>
public abstract partial class CoordinatorConformance
{
    private const string ClockCantBeSet = "This server's clock can't be set.";

    // Prevents: a sink that rejects a new session because it has seen a higher token for an old one.
    [Fact]
    public async Task Generations_and_tokens_grow_over_completions_and_deletions()
    {
        long highest = 0;
        for (int i = 0; i < 5; i++)
        {
            ClaimedSession session = Assert.Single(await CompleteSessionsAsync("a"));
            Assert.True(session.Generation > highest);
            Assert.True(session.Token > session.Generation);
            await Partition.AbandonAsync(session);
            ClaimedSession again = await ClaimOneAsync();
            Assert.Equal(session.Generation, again.Generation);
            Assert.True(again.Token > session.Token);
            highest = again.Token;
            await Partition.AcknowledgeAsync(again);
            Assert.Equal(0, (await Partition.PokeAsync()).Open);
        }
    }

    // Prevents: a promoted replica, whose clock is behind and which lacks the last writes, issuing numbers again that sinks have seen.
    [Fact]
    public async Task Generations_and_tokens_are_above_whatever_the_engine_has_seen()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        long seen = (await Partition.PokeAsync()).Now + Long;
        FlushReply flushed = await lane.SendAsync(lane.Batch(1, Item.Drop("a", 1)) with { Seen = seen });
        Assert.True(flushed.Clock > seen);
        Assert.True((await Partition.PeekAsync("a")).Generation > seen);
        ClaimReply claimed = await Partition.ClaimAsync(seen: seen + Long);
        ClaimedSession session = Assert.Single(claimed.Claims);
        Assert.True(session.Token > seen + Long);
        Assert.True(claimed.Clock >= session.Token);

        // Somebody who has seen less gets higher numbers still.
        Assert.True(Assert.Single(await CompleteSessionsAsync("b")).Generation > session.Token);
        Assert.True((await Partition.PokeAsync()).Clock > session.Token);
    }

    // Prevents: nobody dying, and nothing being due, until the clock has caught up with where it was.
    [Fact]
    public async Task After_the_clock_was_set_back_the_next_beat_brings_deadlines_back_to_their_own_durations()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        LaneUnderTest claimed = await Partition.NewLaneAsync(AtOnce);
        await claimed.FlushAsync(Item.Drop("sealed", 1));
        await Partition.ClaimAsync(lease: Short);
        LaneUnderTest dead = await Partition.NewLaneAsync(ShortLived with { Linger = Short });
        await dead.FlushAsync(Item.Drop("lingering", 1), Item.Hold("recovered", 1));
        LaneUnderTest alive = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Hard = Short });
        await alive.FlushAsync(Item.Hold("hard", 1));

        await _server.StepClockAsync(-10 * Long);
        BeatReply beat = await alive.BeatAsync();
        Assert.InRange(beat.NextDue, beat.Now, beat.Now + Short);
        Assert.InRange(beat.NextClaimExpiry, beat.Now, beat.Now + Short);
        await ElapseAsync();
        Assert.Equal([dead.Incarnation], (await alive.BeatAsync()).Expired);
        await Partition.ReapAsync(dead);
        ClaimReply reply = await Partition.ClaimAsync();
        Assert.Equal(
            ["hard", "lingering", "recovered", "sealed"], reply.Claims.Select(static session => session.Resource.ToString()).Order(StringComparer.Ordinal));
    }

    // Prevents: the same, when the partition heard no beat between its last write and the step.
    [Fact]
    public async Task A_clock_that_was_set_back_is_noticed_although_no_beat_saw_the_time_before()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Linger = Short });
        await lane.FlushAsync(Item.Hold("held", 1));
        await lane.BeatAsync();
        await _server.ElapseAsync(Long / 2);
        await lane.FlushAsync(Item.Drop("a", 1));
        await _server.StepClockAsync(-Long / 4);
        BeatReply beat = await lane.BeatAsync();
        Assert.InRange(beat.NextDue, beat.Now, beat.Now + Short);
    }

    // Prevents: a generation that is delivered twice with different content.
    [Fact]
    public async Task A_clock_that_was_set_back_does_not_change_what_is_delivered_again()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1));
        ClaimedSession first = await ClaimOneAsync(lease: Short);
        await _server.StepClockAsync(-10 * Long);
        await lane.BeatAsync();
        await ElapseAsync();
        ClaimedSession second = await ClaimOneAsync();
        AssertSameContent(first, second);
        Assert.True(second.Token > first.Token);
        await Partition.AcknowledgeAsync(second);
        Assert.True(Assert.Single(await CompleteSessionsAsync("a")).Generation > second.Token);
    }

    // Prevents: a clock that was set forward making two lives of one. Everybody is fenced at once, and nothing else happens.
    [Fact]
    public async Task After_the_clock_was_set_forward_everybody_is_dead_and_nothing_is_lost()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        LaneUnderTest first = await Partition.NewLaneAsync();
        LaneUnderTest second = await Partition.NewLaneAsync();
        await first.FlushAsync(Item.Hold("a", 1));
        await second.FlushAsync(Item.Hold("a", 10));
        await _server.StepClockAsync(100 * Long);
        Assert.Equal(2, (await Partition.PokeAsync()).Expired.Length);
        await Partition.ReapAsync(first);
        await Partition.ReapAsync(second);
        Assert.Equal(FlushStatus.Fenced, (await first.FlushAsync(Item.Hold("a", 100))).Status);
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal(11, Item.Hits(session.Fields));

        // Identities that were asked for before the step are too old; new ones begin new lives.
        LaneUnderTest stale = Partition.LaneIssuedAt(first.Incarnation.IssuedAt);
        Assert.Equal(FlushStatus.Unknown, (await stale.FlushAsync(Item.Hold("a", 1))).Status);
        LaneUnderTest reborn = await Partition.NewLaneAsync();
        Assert.Equal(FlushStatus.Applied, (await reborn.FlushAsync(Item.Hold("a", 1))).Status);
    }
}
