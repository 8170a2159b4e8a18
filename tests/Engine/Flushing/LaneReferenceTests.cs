using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>What a lane makes of references that a server has lost.</summary>
public sealed class LaneReferenceTests
{
    // A server lost the last seconds, was away for longer than the lease, and the engine was fenced. A reference that was taken and given back within what was lost
    // came back as "does not hold", which changes nothing: its callback never ran, although whoever gave it back had been told that it was the last.
    [Fact]
    public void A_reference_that_was_taken_and_given_back_in_what_the_server_lost_is_taken_and_given_back_again()
    {
        LaneUnderTest lane = new(window: 1_000_000);
        lane.Acknowledged("n", holds: true);
        lane.Machine.Enqueue(new PendingItem(ResourceKey.Of("x")) { Holds = true, Takes = true, Folded = 1 });
        lane.Reply(FlushStatus.Applied, lane.Cut().Number);
        lane.Acknowledged("x", holds: false);
        lane.Enqueue("n", holds: true, 1);
        lane.Cut();
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal("x+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("x:, n+:1", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal((1, true), (lane.Machine.Held, lane.Machine.IsIdle));
    }

    // The life that took it was fenced before the server had that; the next one held it, gave it back, and that is there again: what the first life took must not be taken once more,
    // since nobody would give it back.
    [Fact]
    public void A_reference_of_an_earlier_life_that_the_next_one_has_given_back_is_not_taken_again()
    {
        LaneUnderTest lane = new(window: 1_000_000);
        lane.Machine.Enqueue(new PendingItem(ResourceKey.Of("x")) { Holds = true, Takes = true, Folded = 1 });
        lane.Reply(FlushStatus.Applied, lane.Cut().Number);
        lane.Enqueue("n", holds: true);
        lane.Cut();
        lane.Reply(FlushStatus.Fenced, last: 1);
        Assert.Equal("n+:, x+:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        lane.Acknowledged("x", holds: false);
        lane.Enqueue("n", holds: true, 1);
        lane.Cut();
        lane.Reply(FlushStatus.Unknown);
        Assert.Equal("x+:", LaneUnderTest.Text(lane.Outstanding));
        lane.Reply(FlushStatus.Fenced, last: 0);
        Assert.Equal("n+:, x+:", LaneUnderTest.Text(lane.Outstanding));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("x:", LaneUnderTest.Text(lane.Outstanding));
        lane.Reply(FlushStatus.Applied, 2);
        Assert.Equal("n+:1", LaneUnderTest.Text(lane.Outstanding));
        lane.Reply(FlushStatus.Applied, 3);
        Assert.Equal("x:", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 4);
        Assert.Equal((1, true), (lane.Machine.Held, lane.Machine.IsIdle));
    }
}
