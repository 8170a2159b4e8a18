using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>Histories in which a lane was wrong once. Most of them were found by the simulation; each is told by its test.</summary>
public sealed class LaneIncidentTests
{
    /// <summary>
    /// A beat reaches the partition before the lane's first batch and is answered with UNKNOWN; its reply is late and arrives after the batch was
    /// acknowledged. The lane believed it: it reported the batch as lost by the server and gave its identity up.
    /// </summary>
    [Fact]
    public void A_refused_beat_is_a_question_and_not_an_answer()
    {
        LaneUnderTest lane = new();
        FlushRequest first = lane.Acknowledged("a", holds: true, 1);
        lane.Machine.Probe();
        FlushRequest probe = lane.Cut();
        Assert.Empty(probe.Items);
        Assert.Equal(2, probe.Number);
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal(first.Incarnation, lane.Machine.Incarnation);
        Assert.Empty(lane.Losses);
        Assert.Empty(lane.Reincarnations);
        Assert.True(lane.Machine.IsIdle);
    }

    /// <summary>
    /// The server lost the lane's last batch, and then fenced the lane. A beat says "fenced" and not how much was applied; the lane began a new life
    /// without the batch, which it still had.
    /// </summary>
    [Fact]
    public void A_fence_that_a_beat_found_does_not_forget_what_the_server_lost()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: true, 1);
        lane.Acknowledged("a", holds: false, 2);
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal("a:2", LaneUnderTest.Text(lane.Cut()));
        Assert.Empty(lane.Losses);
    }

    /// <summary>
    /// As before, where the broker redelivers what was not acknowledged: the recovered batch was dropped with the rest, but it had been acknowledged, so
    /// that nobody delivers it again.
    /// </summary>
    [Fact]
    public void What_was_acknowledged_and_lost_is_sent_again_even_where_the_broker_redelivers()
    {
        LaneUnderTest lane = new(window: 1_000, discards: true);
        lane.Acknowledged("a", holds: true, 1);
        lane.Acknowledged("a", holds: true, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Cut();
        lane.Enqueue("a", holds: true, 4);
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal("a+:2", LaneUnderTest.Text(lane.Cut()));

        // A second fence finds it in a batch that is not acknowledged: still nobody else has it.
        lane.Reply(FlushStatus.Fenced, last: 0);
        Assert.Equal("a+:2", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("a+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal(["3", "4"], lane.Losses.Select(static loss => loss.Events));
        lane.AssertEpochsReturned();
    }

    /// <summary>
    /// The server lost everything. The lane's batches were all kept and sent again, which made its identity known again; but the outstanding batch went
    /// to a new identity, and a copy of it that was still on its way was applied too.
    /// </summary>
    [Fact]
    public void A_lane_whose_batches_are_all_kept_goes_on_as_itself_when_the_server_lost_everything()
    {
        LaneUnderTest lane = new(window: 1_000);
        FlushRequest first = lane.Acknowledged("a", holds: true, 1);
        lane.Enqueue("a", holds: true, 2);
        FlushRequest second = lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        Assert.Same(first, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Same(second, lane.Outstanding);
        lane.Reply(FlushStatus.Duplicate, 2); // the copy came first
        Assert.Equal([1, 2], lane.Settled);
        Assert.Empty(lane.Reincarnations);
        Assert.Empty(lane.Losses);
    }

    /// <summary>
    /// The age of a lane was taken for its silence: after half of a tombstone's life, a busy lane took a server that had lost its state for a tombstone
    /// that was purged. It gave up a batch that could be sent again, and did not report those that were gone.
    /// </summary>
    [Fact]
    public void An_old_lane_that_was_heard_of_lately_is_not_taken_for_one_that_slept()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Now += LaneUnderTest.Half * 3;
        lane.Acknowledged("a", holds: true, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal((LossCause.ServerLostBatches, 1L, 2L, ""), Assert.Single(lane.Losses));
        Assert.Equal("a+:3", LaneUnderTest.Text(lane.Cut()));
    }

    /// <summary>The same for a lane that had nothing to send for as long, but whose beats were answered.</summary>
    [Fact]
    public void Beats_count_as_signs_of_life()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Now += LaneUnderTest.Half * 3;
        lane.Machine.Hear(lane.Now);
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal((LossCause.ServerLostBatches, 1L, 1L, ""), Assert.Single(lane.Losses));
    }

    /// <summary>
    /// The server lost the last batch of a lane that had nothing more to say. Nobody noticed until the next batch, when the lost one was too old to be
    /// sent again, or never.
    /// </summary>
    [Fact]
    public void An_idle_lane_is_unconfirmed_until_its_last_batch_was_there_half_a_window_later()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: false, 1);
        Assert.True(lane.Machine.IsUnconfirmed);

        // A probe that comes too early proves nothing.
        lane.Now += 100;
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Applied, 2);
        Assert.True(lane.Machine.IsUnconfirmed);
        Assert.False(lane.Machine.CanLeave);
        lane.Now += 400;
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Applied, 3);
        Assert.False(lane.Machine.IsUnconfirmed);
        Assert.True(lane.Machine.CanLeave);
    }

    /// <summary>A batch that was sent again is as young as on its first day: the server may lose it once more.</summary>
    [Fact]
    public void A_replayed_batch_has_to_be_confirmed_again()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: false, 1);
        lane.Now += 500;
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        lane.Reply(FlushStatus.Applied, 1);
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal([1], lane.Replayed);
        Assert.True(lane.Machine.IsUnconfirmed);
    }

    /// <summary>A probe carries nothing: that the server lost it was reported as a lost batch.</summary>
    [Fact]
    public void A_lost_probe_is_no_loss()
    {
        LaneUnderTest lane = new();
        lane.Acknowledged("a", holds: true, 1);
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Applied, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Cut();
        lane.Reply(FlushStatus.Gap, last: 1);
        Assert.Empty(lane.Losses);
        Assert.Equal("a+:3", LaneUnderTest.Text(lane.Cut()));
    }

    /// <summary>The server lost a batch, and the engine slept beyond the life of a tombstone before it asked: the batch was forgotten in silence.</summary>
    [Fact]
    public void Batches_that_were_not_confirmed_before_a_long_sleep_are_named_with_the_one_whose_fate_is_unknown()
    {
        LaneUnderTest lane = new(window: 1_000);
        lane.Acknowledged("a", holds: true, 1);
        lane.Now += 600;
        lane.Acknowledged("a", holds: true, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Cut();
        lane.Now += LaneUnderTest.Half + 1;
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal((LossCause.FateUnknown, 2L, 3L, "2 3"), Assert.Single(lane.Losses));
    }

    /// <summary>While kept batches are sent again, an earlier life turns out to be unknown too: its batch goes into the next one of this life.</summary>
    [Fact]
    public void What_an_earlier_life_lost_is_sent_by_this_one()
    {
        LaneUnderTest lane = new(window: 1_000);
        FlushRequest earlier = lane.Acknowledged("a", holds: true, 1);
        lane.Machine.Probe();
        lane.Cut();
        lane.Reply(FlushStatus.Fenced, last: 2);
        FlushRequest own = lane.Cut();
        lane.Reply(FlushStatus.Applied, 1);
        lane.Enqueue("b", holds: true, 2);
        FlushRequest outstanding = lane.Cut();
        lane.Enqueue("a", holds: false, 3);
        lane.Reply(FlushStatus.Unknown);
        Assert.Same(earlier, lane.Outstanding);
        lane.Reply(FlushStatus.Fenced, last: 0);
        Assert.NotSame(own, lane.Outstanding); // the earlier life's probe
        lane.Reply(FlushStatus.Fenced, last: 0);
        Assert.Same(own, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Same(outstanding, lane.Outstanding);
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal("a+:1", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 3);
        Assert.Equal("a:3", LaneUnderTest.Text(lane.Cut()));
        Assert.Empty(lane.Losses);
    }
}
