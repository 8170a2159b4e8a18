using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>What a lane makes of every reply; the table in <see cref="LaneMachine"/>, line by line.</summary>
public sealed class LaneReplyTests
{
    [Theory]
    [InlineData((int)FlushStatus.Applied, 0)]
    [InlineData((int)FlushStatus.Duplicate, 1)]
    public void Applied_and_duplicate_settle_the_batch(int status, int duplicates)
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1, 2);
        lane.Cut();
        lane.Reply((FlushStatus)status, 1, new RefusedItem(0, ItemOutcome.Overflow));
        Assert.Equal([1, 2], lane.Settled);
        Assert.Equal(duplicates, lane.Duplicates);
        Assert.Equal([ItemOutcome.Overflow], lane.Refusals);
        Assert.True(lane.Machine.IsIdle);
        lane.AssertEpochsReturned();
    }

    // Two copies of one virtual machine: the first had flushed twice when the second flushed for the first time, was told that its batch was there already, and
    // lost it.
    [Theory]
    [InlineData((int)FlushStatus.Duplicate)]
    [InlineData((int)FlushStatus.Fenced)]
    public void A_later_batch_than_the_lane_ever_sent_is_of_somebody_with_the_same_identity(int status)
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        IncarnationId shared = lane.Cut().Incarnation;
        lane.Reply((FlushStatus)status, last: 2);
        Assert.Empty(lane.Settled);
        Assert.Equal([FlushStatus.Conflict], lane.Reincarnations);
        FlushRequest again = lane.Cut();
        Assert.Equal("a+:1", LaneUnderTest.Text(again));
        Assert.NotEqual(shared, again.Incarnation);
    }

    [Fact]
    public void A_fence_behind_the_batch_settles_it_and_begins_a_new_life_with_what_is_held()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        lane.Enqueue("b", holds: false, 2);
        IncarnationId dead = lane.Cut().Incarnation;
        lane.Enqueue("c", holds: true, 3);
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal([1, 2], lane.Settled);
        FlushRequest next = lane.Cut();
        Assert.Equal("a+:, c+:3", LaneUnderTest.Text(next));
        Assert.Equal(1, next.Number);
        Assert.NotEqual(dead, next.Incarnation);
    }

    [Fact]
    public void A_fence_before_the_batch_sends_it_again_first_on_the_new_life()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("h", holds: true, 9);
        lane.Enqueue("a", holds: true, 1);
        lane.Enqueue("b", holds: false, 2);
        lane.Cut();
        lane.Enqueue("a", holds: false, 3);
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal([9], lane.Settled);
        Assert.Equal("a:1 3, b:2, h+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal([9, 1, 3, 2], lane.Settled);
        Assert.Empty(lane.Losses);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void A_fence_where_the_broker_redelivers_drops_what_is_not_settled_and_says_so()
    {
        LaneUnderTest lane = new(discards: true);
        lane.Enqueue("a", holds: true, 1);
        lane.Cut();
        lane.Enqueue("b", holds: true, 2);
        lane.Reply(FlushStatus.Fenced, last: 0);
        Assert.Equal("a+:, b+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Empty(lane.Settled);
        Assert.Equal(["1", "2"], lane.Losses.Select(static loss => loss.Events));
        Assert.All(lane.Losses, static loss => Assert.Equal(LossCause.Discarded, loss.Cause));
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void A_gap_replays_the_kept_batches_in_their_own_numbers_and_goes_on()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: true, 1);
        FlushRequest second = lane.Acknowledged("a", holds: true, 2);
        FlushRequest third = lane.Acknowledged("a", holds: false, 3);
        lane.Enqueue("a", holds: true, 4);
        FlushRequest fourth = lane.Cut();
        lane.Reply(FlushStatus.Gap, last: 1);
        Assert.Same(second, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Same(third, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 3, new RefusedItem(0, ItemOutcome.OverflowNotKept));
        Assert.Same(fourth, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 4);
        Assert.Equal([2, 3], lane.Replayed);
        Assert.Equal([1, 2, 3, 4], lane.Settled);
        Assert.Equal([ItemOutcome.OverflowNotKept], lane.Refusals);
        Assert.Empty(lane.Reincarnations);
        Assert.Empty(lane.Losses);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void A_gap_that_nothing_can_fill_is_reported_and_ends_the_life()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Acknowledged("a", holds: true, 2);
        lane.Acknowledged("a", holds: true, 3);
        lane.Enqueue("b", holds: true, 4);
        lane.Cut();
        lane.Reply(FlushStatus.Gap, last: 1);
        Assert.Equal((LossCause.ServerLostBatches, 2L, 3L, ""), Assert.Single(lane.Losses));
        Assert.Equal("b+:4, a+:", LaneUnderTest.Text(lane.Cut()));
        Assert.Equal([FlushStatus.Gap], lane.Reincarnations);
    }

    [Fact]
    public void A_gap_that_can_be_filled_in_part_reports_the_rest_and_sends_the_part_again()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: true, 1);
        lane.Now += 900;
        lane.Acknowledged("a", holds: true, 2);
        lane.Enqueue("a", holds: false, 3);
        lane.Now += 200;
        lane.Cut();
        lane.Reply(FlushStatus.Gap, last: 0);
        Assert.Equal((LossCause.ServerLostBatches, 1L, 1L, ""), Assert.Single(lane.Losses));
        Assert.Equal("a:2", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("a:3", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 2);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void An_unknown_lane_without_retention_reports_its_batches_and_sends_the_outstanding_one_again()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Acknowledged("a", holds: true, 2);
        lane.Enqueue("b", holds: false, 3);
        lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal((LossCause.ServerLostBatches, 1L, 2L, ""), Assert.Single(lane.Losses));
        Assert.Equal("b:3, a+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal([1, 2, 3], lane.Settled);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void An_unknown_lane_that_was_silent_beyond_the_life_of_its_tombstone_does_not_guess()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Enqueue("b", holds: true, 2);
        lane.Cut();
        lane.Enqueue("c", holds: true, 3);
        lane.Now += LaneUnderTest.Half + 1;
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal((LossCause.FateUnknown, 2L, 2L, "2"), Assert.Single(lane.Losses));
        Assert.Equal(["a+:", "b+:", "c+:3"], LaneUnderTest.Text(lane.Cut()).Split(", ").Order());
        lane.Reply(FlushStatus.Applied, 1);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void A_conflict_sends_the_batch_again_under_another_identity()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        IncarnationId shared = lane.Cut().Incarnation;
        lane.Reply(FlushStatus.Conflict, last: 1);
        FlushRequest next = lane.Cut();
        Assert.NotEqual(shared, next.Incarnation);
        Assert.Equal("a+:1", LaneUnderTest.Text(next));
        Assert.Equal([FlushStatus.Conflict], lane.Reincarnations);
    }

    [Fact]
    public void Kept_batches_take_no_more_than_their_bytes()
    {
        LaneUnderTest lane = new(window: 1_000, retentionBytes: 0);
        lane.Acknowledged("a", holds: true, 1);
        lane.Enqueue("a", holds: true, 2);
        lane.Cut();
        lane.Reply(FlushStatus.Gap, last: 0);
        Assert.Equal((LossCause.ServerLostBatches, 1L, 1L, ""), Assert.Single(lane.Losses));
    }

    [Fact]
    public void A_reply_that_nobody_asked_for_is_an_error() =>
        Assert.Throws<InvalidOperationException>(() => new LaneUnderTest().Reply(FlushStatus.Applied, 1));

    /// <summary>Who waits for a flush waits through every reply until the batch that carries it is settled.</summary>
    [Theory]
    [InlineData((int)FlushStatus.Gap, 0, 0)]
    [InlineData((int)FlushStatus.Gap, 0, 1_000)]
    [InlineData((int)FlushStatus.Unknown, 0, 0)]
    [InlineData((int)FlushStatus.Unknown, 0, 1_000)]
    [InlineData((int)FlushStatus.Fenced, 0, 1_000)]
    [InlineData((int)FlushStatus.Fenced, 1, 0)]
    [InlineData((int)FlushStatus.Fenced, 2, 0)]
    [InlineData((int)FlushStatus.Conflict, 2, 0)]
    public void A_barrier_holds_through(int status, long last, long window)
    {
        foreach (bool discards in new[] { false, true })
        {
            LaneUnderTest lane = new(window, discards: discards);
            lane.Acknowledged("a", holds: true, 1);
            lane.Enqueue("a", holds: true, 2);
            lane.Cut();
            lane.Enqueue("a", holds: false, 3);
            lane.Force("b", holds: false, 4);
            lane.Enqueue("b", holds: false, 5);
            FlushWaiter waiter = lane.Barrier();
            lane.Reply((FlushStatus)status, last);
            FlushWaiter later = lane.Barrier();
            for (int turns = 0; turns < 10 && !lane.Machine.IsIdle; turns++)
            {
                Assert.False(waiter.Task.IsCompleted);
                if (lane.Machine.Outstanding is null)
                    lane.Cut();
                lane.Reply(FlushStatus.Applied, lane.Outstanding.Number);
            }

            Assert.True(lane.Machine.IsIdle);
            Assert.True(waiter.Task.IsCompletedSuccessfully);
            Assert.True(later.Task.IsCompletedSuccessfully);
            lane.AssertEpochsReturned();
        }
    }

    [Fact]
    public void A_barrier_on_an_idle_lane_is_open() => Assert.True(new LaneUnderTest().Barrier().Task.IsCompletedSuccessfully);

    [Fact]
    public void A_lane_that_surrenders_hands_over_everything_that_is_not_settled()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Enqueue("a", holds: true, 2);
        lane.Cut();
        lane.Enqueue("b", holds: true, 3);
        Assert.Equal(["a", "b"], lane.Machine.Surrender().Select(static item => item.Resource.ToString()));
        Assert.True(lane.Machine.IsIdle);
    }
}
