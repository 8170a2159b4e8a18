using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>When a session begins and when it may be sealed.</summary>
public abstract partial class CoordinatorConformance
{
    // Prevents: sessions that end while a newcomer is on its way, or that never end.
    [Fact]
    public async Task A_session_that_nobody_holds_is_due_after_the_linger_and_not_before()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("b", 2));
        FlushReply reply = await lane.FlushAsync(Item.Drop("a"));
        Assert.Equal(reply.Now + Long, reply.NextDue);
        await AssertNothingToClaimAsync();

        await lane.FlushAsync(PartitionUnderTest.Terms with { Linger = Short }, Item.Drop("b", reason: CompletionReason.Idle));
        await ElapseAsync();
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((ResourceKey.Of("b"), CompletionReason.Idle, 2), (session.Resource, session.Reason, Item.Hits(session.Fields)));
    }

    // Prevents: a visitor who moves from one engine to another getting two sessions.
    [Fact]
    public async Task A_new_reference_within_the_linger_continues_the_session()
    {
        LaneUnderTest first = await Partition.NewLaneAsync(AtOnce with { Linger = Short });
        LaneUnderTest second = await Partition.NewLaneAsync(AtOnce with { Linger = Short });
        await first.FlushAsync(Item.Hold("a", 1));
        await first.FlushAsync(Item.Drop("a"));
        FlushReply joined = await second.FlushAsync(Item.Hold("a", 10));
        Assert.Equal(Never, joined.NextDue);
        await ElapseAsync();
        await AssertNothingToClaimAsync();

        await second.FlushAsync(AtOnce, Item.Drop("a"));
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((11, 2), (Item.Hits(session.Fields), session.TimesModified));
    }

    // Prevents: a key that always has somebody keeping its session open for ever.
    [Fact]
    public async Task The_hard_deadline_ends_a_session_although_it_is_held()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Hard = Short });
        FlushReply reply = await lane.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(reply.Now + Short, reply.NextDue);
        await ElapseAsync();
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((CompletionReason.HardDeadline, 1, reply.Now), (session.Reason, Item.Hits(session.Fields), session.CreatedAt));
        Assert.Equal([lane.Incarnation], await Partition.HoldersAsync("a"));

        // The next update is the next generation, with a hard deadline of its own.
        FlushReply next = await lane.FlushAsync(Item.Hold("a", 5));
        Assert.Equal(next.Now + Short, next.NextDue);
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal(5, Item.Hits(a.Open));
        Assert.True(a.Generation > session.Generation);
    }

    // Prevents: a hard deadline that a reference, a drop or a return takes off the schedule.
    [Fact]
    public async Task References_move_a_session_between_its_linger_and_its_hard_deadline_and_never_beyond()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Hard = 2 * Long });
        FlushReply held = await lane.FlushAsync(Item.Hold("a", 1));
        long hard = held.Now + (2 * Long);
        Assert.Equal(hard, held.NextDue);
        FlushReply dropped = await lane.FlushAsync(Item.Drop("a"));
        Assert.Equal(dropped.Now + Long, dropped.NextDue);
        Assert.Equal(hard, (await lane.FlushAsync(Item.Hold("a"))).NextDue);
        Assert.Equal(hard, (await lane.FlushAsync(PartitionUnderTest.Terms with { Linger = 3 * Long, Hard = 2 * Long }, Item.Drop("a"))).NextDue);
    }

    // Prevents: a forced completion that waits for other holders, or that takes their references away.
    [Fact]
    public async Task Force_ends_a_session_that_others_hold_with_the_update_that_came_along()
    {
        LaneUnderTest mine = await Partition.NewLaneAsync();
        LaneUnderTest other = await Partition.NewLaneAsync();
        await mine.FlushAsync(Item.Hold("a", 1));
        await other.FlushAsync(Item.Hold("a", 10));
        FlushReply forced = await mine.FlushAsync(Item.Force("a", 100));
        Assert.Equal(forced.Now, forced.NextDue);
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((CompletionReason.Forced, 111), (session.Reason, Item.Hits(session.Fields)));
        Assert.Equal(2, (await Partition.PeekAsync("a")).Holders);

        await other.FlushAsync(Item.Hold("a", 7));
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal((7, 2), (Item.Hits(a.Open), a.Holders));
        Assert.True(a.Generation > session.Generation);
    }

    // Prevents: a completion that says "idle" although somebody asked for it.
    [Fact]
    public async Task A_forced_session_stays_forced_whatever_happens_before_it_is_claimed()
    {
        LaneUnderTest mine = await Partition.NewLaneAsync();
        LaneUnderTest other = await Partition.NewLaneAsync();
        await other.FlushAsync(Item.Hold("a", 1));
        FlushReply forced = await mine.FlushAsync(Item.Force("a"));
        Assert.Equal(forced.NextDue, (await other.FlushAsync(Item.Hold("a", 1))).NextDue);
        Assert.Equal(forced.NextDue, (await other.FlushAsync(Item.Drop("a", 1, CompletionReason.Evicted))).NextDue);
        Assert.Equal(CompletionReason.Forced, (await ClaimOneAsync()).Reason);
    }

    // Prevents: completions without an update: nobody asked for an empty session.
    [Fact]
    public async Task Force_and_references_without_updates_make_no_session()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce with { Hard = Short });
        Assert.Equal(Never, (await lane.FlushAsync(Item.Force("a", holds: false), Item.Hold("b"), Item.Drop("c"))).NextDue);
        Assert.Equal(Never, (await lane.FlushAsync(Item.Force("b"))).NextDue);
        Assert.Equal((1, 1), ((await Partition.PokeAsync()).Open, (await Partition.PokeAsync()).Held));
        Assert.Equal(0, (await Partition.PeekAsync("b")).Generation);
        Assert.Equal(Never, (await lane.FlushAsync(Item.Drop("b"))).NextDue);
        PokeReply poke = await Partition.PokeAsync();
        Assert.Equal((0, 0), (poke.Open, poke.Held));
    }

    // Prevents: with sessions that end by inactivity, references that nobody takes back, or sessions that a chatty key keeps open for ever.
    [Fact]
    public async Task With_sessions_by_inactivity_every_update_moves_the_end_up_to_the_hard_deadline()
    {
        FlushTerms terms = PartitionUnderTest.Terms with { Inactivity = Long, Hard = 2 * Long };
        LaneUnderTest lane = await Partition.NewLaneAsync(terms);
        FlushReply first = await lane.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(first.Now + Long, first.NextDue);
        Assert.Equal(0, (await Partition.PeekAsync("a")).Holders);
        await _server.ElapseAsync(1);
        FlushReply second = await lane.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(second.Now + Long, second.NextDue);
        Assert.True(second.NextDue > first.NextDue);

        // An item without an update is no activity.
        await _server.ElapseAsync(1);
        Assert.Equal(second.NextDue, (await lane.FlushAsync(Item.Drop("a"))).NextDue);
        Assert.Equal(first.Now + (2 * Long), (await lane.FlushAsync(terms with { Inactivity = 3 * Long }, Item.Hold("a", 1))).NextDue);
    }

    [Theory]
    [InlineData(false, CompletionReason.Idle)]
    [InlineData(true, CompletionReason.HardDeadline)]
    public async Task With_sessions_by_inactivity_the_end_says_which_period_ran_out(bool hardIsFirst, CompletionReason reason)
    {
        FlushTerms terms = PartitionUnderTest.Terms with { Inactivity = hardIsFirst ? Long : Short, Hard = hardIsFirst ? Short : Long };
        LaneUnderTest lane = await Partition.NewLaneAsync(terms);
        await lane.FlushAsync(Item.Hold("a", 2));
        await ElapseAsync();
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((reason, 2, 1), (session.Reason, Item.Hits(session.Fields), session.TimesModified));
    }

    // Prevents: a number that depends on how often engines flush, or that counts a retry.
    [Fact]
    public async Task Times_modified_counts_memberships_that_contributed()
    {
        LaneUnderTest first = await Partition.NewLaneAsync();
        LaneUnderTest second = await Partition.NewLaneAsync();
        LaneUnderTest spectator = await Partition.NewLaneAsync();
        await spectator.FlushAsync(Item.Hold("a"));
        await first.FlushAsync(Item.Hold("a"));
        Assert.Equal(0, await TimesModifiedAsync());
        await first.FlushAsync(Item.Hold("a", 1));
        await first.FlushAsync(Item.Hold("a", 1));
        await first.ResendAsync(3);
        Assert.Equal(1, await TimesModifiedAsync());
        await second.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(2, await TimesModifiedAsync());

        // Another local session of the first engine.
        await first.FlushAsync(Item.Drop("a", 1));
        Assert.Equal(2, await TimesModifiedAsync());
        await first.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(3, await TimesModifiedAsync());

        // The next generation counts anew, also for those who held the resource all the time.
        await second.FlushAsync(Item.Force("a"));
        Assert.Equal(3, (await ClaimOneAsync()).TimesModified);
        Assert.Equal(0, await TimesModifiedAsync());
        await second.FlushAsync(Item.Hold("a", 1));
        await second.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(1, await TimesModifiedAsync());

        async Task<long> TimesModifiedAsync() => (await Partition.PeekAsync("a")).TimesModified;
    }

    // Prevents: sessions that stay behind when the last engine of a coordinator without a memory stops.
    [Fact]
    public async Task Ending_a_partition_makes_every_session_due_whoever_holds_it()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("held", 1), Item.Drop("lingering", 2, CompletionReason.Evicted), Item.Hold("empty"));
        EndReply reply = await Partition.SendAsync(new EndRequest(CompletionReason.Shutdown));
        Assert.Equal((2, reply.Now), (reply.Ended, reply.NextDue));
        Assert.Equal(0, (await Partition.SendAsync(new EndRequest(CompletionReason.Recovered))).Ended);
        ClaimReply claimed = await Partition.ClaimAsync();
        Assert.Equal(
            [("held", CompletionReason.Shutdown, 1L), ("lingering", CompletionReason.Evicted, 2L)],
            claimed.Claims.Select(static session => (session.Resource.ToString(), session.Reason, Item.Hits(session.Fields))).Order());

        // What holders add later is the next generation.
        await lane.FlushAsync(Item.Hold("held", 5));
        Assert.Equal((5, 1), (Item.Hits((await Partition.PeekAsync("held")).Open), (await Partition.PeekAsync("held")).Holders));
    }
}
