using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Who lives, who is dead, and what the dead held.</summary>
public abstract partial class CoordinatorConformance
{
    private FlushTerms ShortLived => PartitionUnderTest.Terms with { Lease = Short };

    // Prevents: an engine without traffic being taken for dead.
    [Fact]
    public async Task A_beat_extends_the_lease()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(ShortLived, Item.Hold("a", 1));
        await ElapseAsync();

        // Its lease ran out, but nobody fenced it: it may come back.
        Assert.Equal([lane.Incarnation], (await Partition.PokeAsync()).Expired);
        BeatReply reply = await lane.BeatAsync();
        Assert.Equal((BeatStatus.Alive, 1), (reply.Status, reply.Last));
        Assert.Empty(reply.Expired);
        Assert.Equal(reply.Now + Long, (await Partition.MemberAsync(lane))!.LeaseDeadline);
        Assert.False((await Partition.ReapAsync(lane)).WasExpired);
    }

    // Prevents: a fenced incarnation that gets a lease again, and with it a second life that nobody expects.
    [Fact]
    public async Task A_beat_never_revives_a_fenced_incarnation()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(ShortLived);
        await lane.FlushAsync(Item.Hold("a", 1));
        await lane.FlushAsync(Item.Hold("a", 1));
        await ElapseAsync();
        await Partition.ReapAsync(lane);
        BeatReply reply = await lane.BeatAsync();
        Assert.Equal((BeatStatus.Fenced, 2), (reply.Status, reply.Last));
        Assert.True((await Partition.MemberAsync(lane))!.IsFenced);
        Assert.Equal(0, (await Partition.PokeAsync()).Members);
        Assert.Equal(FlushStatus.Fenced, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
    }

    // Prevents: members that nobody sent a batch as: only a first batch begins a life.
    [Fact]
    public async Task A_beat_of_a_stranger_creates_nothing()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        Assert.Equal(BeatStatus.Unknown, (await lane.BeatAsync()).Status);
        Assert.Empty(await Partition.MembersAsync());
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
    }

    // Prevents: deaths that nobody notices, and a reply without a bound after a power failure.
    [Fact]
    public async Task Beat_and_poke_tell_who_died_up_to_the_limit()
    {
        LaneUnderTest alive = await Partition.NewLaneAsync();
        await alive.FlushAsync(Item.Hold("a", 1));
        List<IncarnationId> dead = [];
        for (int i = 0; i < 3; i++)
        {
            LaneUnderTest lane = await Partition.NewLaneAsync(ShortLived);
            await lane.FlushAsync(Item.Hold("a", 1));
            dead.Add(lane.Incarnation);
        }

        Assert.Empty((await alive.BeatAsync()).Expired);
        await ElapseAsync();
        Assert.Equal(dead.Order(), (await alive.BeatAsync()).Expired.Order());
        Assert.Equal(dead.Order(), (await Partition.PokeAsync()).Expired.Order());
        Assert.Equal(2, (await alive.BeatAsync(limit: 2)).Expired.Length);
        Assert.Equal(2, (await Partition.PokeAsync(limit: 2)).Expired.Length);
    }

    // Prevents: a look that keeps the dead alive, seals sessions that nobody claims, or takes anything away.
    [Fact]
    public async Task A_poke_changes_nothing()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(ShortLived);
        await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("b"));
        await lane.FlushAsync(ShortLived with { Linger = 0 }, Item.Drop("c", 1));
        await ClaimOneAsync(lease: Short);
        await lane.FlushAsync(ShortLived with { Linger = 0 }, Item.Drop("d", 1), Item.Malformed("e"));
        MemberEntry? before = await Partition.MemberAsync(lane);
        await ElapseAsync();

        PokeReply first = await Partition.PokeAsync();
        Assert.Equal((3, 2, 1, 0, 1), (first.Open, first.Held, first.Sealed, first.Parked, first.Members));
        Assert.True(first.NextDue <= first.Now);
        Assert.True(first.NextClaimExpiry <= first.Now);
        Assert.Equal([lane.Incarnation], first.Expired);
        PokeReply second = await Partition.PokeAsync();
        Assert.Equal(first with { Now = 0, Expired = [] }, second with { Now = 0, Expired = [] });
        Assert.Equal(before, await Partition.MemberAsync(lane));
        Assert.Equal(2, (await Partition.ClaimAsync()).Claims.Length);
    }

    // Prevents: a living engine losing its references because somebody's clock or list was old.
    [Fact]
    public async Task Whoever_lives_is_not_reaped()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 1));
        ReapReply reply = await Partition.ReapAsync(lane);
        Assert.False(reply.WasExpired);
        Assert.Equal([lane.Incarnation], await Partition.HoldersAsync("a"));
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
    }

    // Prevents: a flush of the dead between two steps of its reaper, which would reference what was just taken back; and unbounded steps.
    [Fact]
    public async Task Reaping_fences_first_and_takes_references_back_a_bounded_number_at_a_time()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(ShortLived);
        await lane.FlushAsync([.. Enumerable.Range(0, 5).Select(static i => Item.Hold($"r{i}", 1))]);
        await ElapseAsync();
        ReapReply first = await Partition.ReapAsync(lane, limit: 2, linger: Short);
        Assert.Equal((true, 3, first.Now + Short), (first.WasExpired, first.Remaining, first.NextDue));
        Assert.Equal(FlushStatus.Fenced, (await lane.FlushAsync(Item.Hold("r0", 1))).Status);

        // A reaper that died halfway is noticed too.
        Assert.Equal([lane.Incarnation], (await Partition.PokeAsync()).Expired);
        Assert.Equal(3, (await Partition.MemberAsync(lane))!.Held);
        Assert.Equal(1, (await Partition.ReapAsync(lane, limit: 2, linger: Short)).Remaining);
        Assert.Equal(0, (await Partition.ReapAsync(lane, limit: 2, linger: Short)).Remaining);
        ReapReply again = await Partition.ReapAsync(lane, limit: 2, linger: Short);
        Assert.Equal((true, 0), (again.WasExpired, again.Remaining));
        Assert.Empty((await Partition.PokeAsync()).Expired);

        await ElapseAsync();
        ClaimReply claimed = await Partition.ClaimAsync();
        Assert.Equal(5, claimed.Claims.Length);
        Assert.All(claimed.Claims, static session => Assert.Equal((CompletionReason.Recovered, 1), (session.Reason, Item.Hits(session.Fields))));
    }

    // Prevents: the death of one engine ending the sessions of another.
    [Fact]
    public async Task Reaping_ends_nothing_that_others_hold()
    {
        LaneUnderTest dead = await Partition.NewLaneAsync(ShortLived);
        LaneUnderTest alive = await Partition.NewLaneAsync(AtOnce);
        await dead.FlushAsync(Item.Hold("a", 1), Item.Hold("empty"));
        await alive.FlushAsync(Item.Hold("a", 10));
        await ElapseAsync();
        await Partition.ReapAsync(dead);
        await AssertNothingToClaimAsync();
        Assert.Equal([alive.Incarnation], await Partition.HoldersAsync("a"));
        Assert.Equal(1, (await Partition.PokeAsync()).Open);
        await alive.FlushAsync(Item.Drop("a", reason: CompletionReason.Evicted));
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((11, CompletionReason.Evicted), (Item.Hits(session.Fields), session.Reason));
    }

    // Prevents: two reapers taking the same reference back twice.
    [Fact]
    public async Task Any_number_of_reapers_may_run_at_once()
    {
        LaneUnderTest dead = await Partition.NewLaneAsync(ShortLived);
        LaneUnderTest alive = await Partition.NewLaneAsync();
        string[] resources = [.. Enumerable.Range(0, 30).Select(static i => $"r{i}")];
        await dead.FlushAsync([.. resources.Select(static resource => Item.Hold(resource, 1))]);
        await alive.FlushAsync([.. resources.Take(15).Select(static resource => Item.Hold(resource, 1))]);
        await ElapseAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            while ((await Partition.ReapAsync(dead, limit: 2)).Remaining != 0)
            {
                // The others take the rest.
            }
        })));
        foreach (string resource in resources.Take(15))
            Assert.Equal(1, (await Partition.PeekAsync(resource)).Holders);
        ClaimReply claimed = await Partition.ClaimAsync();
        Assert.Equal(resources.Skip(15).Order(), claimed.Claims.Select(static session => session.Resource.ToString()).Order());
    }

    // Prevents: references that nobody owns.
    [Fact]
    public async Task Whoever_holds_something_can_not_leave()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("b", 1), Item.Drop("c", 1));
        LeaveReply refused = await lane.LeaveAsync();
        Assert.Equal((false, 2), (refused.HasLeft, refused.StillHeld));
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Drop("a"), Item.Drop("b"))).Status);
        Assert.True((await lane.LeaveAsync()).HasLeft);
        Assert.Equal(0, (await Partition.PokeAsync()).Members);
    }

    // Prevents: a copy of batch 1 that was stuck in a broken connection being taken for a newcomer's after its incarnation has left.
    [Fact]
    public async Task A_copy_of_batch_1_that_arrives_after_its_incarnation_left_is_fenced()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Drop("a", 1));
        Assert.True((await lane.LeaveAsync()).HasLeft);
        FlushReply late = await lane.ResendAsync(1);
        Assert.Equal((FlushStatus.Fenced, 1), (late.Status, late.Last));
        Assert.Equal(BeatStatus.Fenced, (await lane.BeatAsync()).Status);
        Assert.Equal(1, Item.Hits((await Partition.PeekAsync("a")).Open));
        Assert.True((await lane.LeaveAsync()).HasLeft);
        Assert.Single(await Partition.MembersAsync());
    }

    // Prevents: tombstones that grow for ever, a purge that takes for ever, and a late copy that is applied because its tombstone is gone.
    [Fact]
    public async Task Old_tombstones_are_purged_by_beats_and_a_late_copy_is_still_not_applied()
    {
        FlushTerms terms = PartitionUnderTest.Terms with { TombstoneLife = Short };
        List<LaneUnderTest> gone = [];
        for (int i = 0; i < 3; i++)
        {
            gone.Add(await Partition.NewLaneAsync(terms));
            await gone[i].FlushAsync(Item.Drop("a", 1));
            await gone[i].LeaveAsync();
        }

        LaneUnderTest alive = await Partition.NewLaneAsync();
        await alive.FlushAsync(Item.Hold("b", 1));
        await ElapseAsync();
        Assert.Equal(4, (await Partition.MembersAsync()).Count);
        await alive.BeatAsync(limit: 2);
        Assert.Equal(2, (await Partition.MembersAsync()).Count);
        await alive.BeatAsync(limit: 2);
        Assert.Equal(alive.Incarnation, Assert.Single(await Partition.MembersAsync()).Incarnation);
        foreach (LaneUnderTest lane in gone)
            Assert.Equal(FlushStatus.Unknown, (await lane.ResendAsync(1)).Status);
        Assert.Equal(3, Item.Hits((await Partition.PeekAsync("a")).Open));
    }

    // Prevents: references whose owner nobody remembers.
    [Fact]
    public async Task A_tombstone_stays_until_its_references_have_been_taken_back()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(ShortLived with { TombstoneLife = Short });
        LaneUnderTest alive = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("b", 1));
        await alive.FlushAsync(Item.Hold("c", 1));
        await ElapseAsync();
        await Partition.ReapAsync(lane, limit: 1, tombstoneLife: Short);
        await ElapseAsync();
        await alive.BeatAsync();
        Assert.Equal(FlushStatus.Fenced, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
        Assert.Equal(0, (await Partition.ReapAsync(lane, tombstoneLife: Short)).Remaining);
        await alive.BeatAsync();
        Assert.Null(await Partition.MemberAsync(lane));
    }

    // Prevents: the same, for an incarnation whose tombstone may have come and gone before this partition's memory.
    [Fact]
    public async Task A_stranger_older_than_half_a_tombstones_life_is_unknown_and_a_younger_one_is_new()
    {
        long now = (await Partition.PokeAsync()).Now;
        LaneUnderTest old = Partition.LaneIssuedAt(now - (12 * Long) - 1);
        Assert.Equal(FlushStatus.Unknown, (await old.FlushAsync(Item.Hold("a", 1))).Status);
        Assert.Empty(await Partition.MembersAsync());
        LaneUnderTest young = Partition.LaneIssuedAt(now - (11 * Long));
        Assert.Equal(FlushStatus.Applied, (await young.FlushAsync(Item.Hold("a", 1))).Status);
    }
}
