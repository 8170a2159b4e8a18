using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Which batch is new, what one applies, and what becomes of an item that can't be merged.</summary>
public abstract partial class CoordinatorConformance
{
    // Prevents: an event counted twice because a reply was lost.
    [Fact]
    public async Task A_copy_of_a_batch_changes_nothing_and_is_answered_as_the_first_was()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        FlushReply first = await lane.FlushAsync(Item.Hold("a", 10), Item.Malformed("b"));
        Assert.Equal(FlushStatus.Applied, first.Status);
        Assert.Equal(1, first.Last);
        Assert.Equal([new RefusedItem(1, ItemOutcome.Malformed)], first.Refused);

        FlushReply copy = await lane.ResendAsync(1);
        Assert.Equal(FlushStatus.Duplicate, copy.Status);
        Assert.Equal(1, copy.Last);
        Assert.Equal(first.Refused, copy.Refused);
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal((10, 1, 1), (Item.Hits(a.Open), a.Holders, a.TimesModified));
        Assert.Equal(1, (await Partition.DeadLettersAsync()).Total);
    }

    // Prevents: a copy that overtook nothing, but arrived after later batches, being merged again.
    [Fact]
    public async Task A_copy_of_an_older_batch_changes_nothing()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 10));
        await lane.FlushAsync(Item.Drop("a", 1));

        FlushReply copy = await lane.ResendAsync(1);
        Assert.Equal(FlushStatus.Duplicate, copy.Status);
        Assert.Equal(2, copy.Last);
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal((11, 0), (Item.Hits(a.Open), a.Holders));
    }

    // Prevents: two engines with one identity (a cloned machine): the second's batch would count as acknowledged and be lost.
    [Fact]
    public async Task The_same_number_with_other_bytes_is_a_conflict_and_applies_nothing()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 10));

        FlushReply reply = await lane.SendAsync(lane.Batch(1, Item.Hold("a", 99)) with { Hash = 1 });
        Assert.Equal(FlushStatus.Conflict, reply.Status);
        Assert.Equal(10, Item.Hits((await Partition.PeekAsync("a")).Open));
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
    }

    // Prevents: going on after the server lost acknowledged batches, as if nothing was missing.
    [Fact]
    public async Task A_batch_beyond_the_next_one_is_a_gap_and_applies_nothing()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 10));

        FlushReply reply = await lane.SendAsync(lane.Batch(3, Item.Hold("a", 99)));
        Assert.Equal(FlushStatus.Gap, reply.Status);
        Assert.Equal(1, reply.Last);
        Assert.Equal(10, Item.Hits((await Partition.PeekAsync("a")).Open));
    }

    // Prevents: a server that lost everything taking the middle of a lane for its beginning.
    [Fact]
    public async Task A_stranger_that_begins_later_than_with_batch_1_is_unknown()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        FlushReply reply = await lane.SendAsync(lane.Batch(2, Item.Hold("a", 1)));
        Assert.Equal(FlushStatus.Unknown, reply.Status);
        Assert.Null(await Partition.MemberAsync(lane));
        Assert.Equal(0, (await Partition.PokeAsync()).Open);
    }

    // Prevents: a process that was paused beyond its lease changing sessions that others have completed meanwhile.
    [Fact]
    public async Task A_fenced_incarnation_changes_nothing_and_is_told_what_its_last_batch_did()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Lease = Short });
        await lane.FlushAsync(Item.Hold("a", 10));
        await lane.FlushAsync(Item.Malformed("b"));
        await ElapseAsync();
        Assert.True((await Partition.ReapAsync(lane, linger: Long)).WasExpired);

        FlushReply next = await lane.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(FlushStatus.Fenced, next.Status);
        Assert.Equal(2, next.Last);
        Assert.Equal([new RefusedItem(0, ItemOutcome.Malformed)], next.Refused);
        Assert.Equal(FlushStatus.Fenced, (await lane.ResendAsync(1)).Status);
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal((10, 0), (Item.Hits(a.Open), a.Holders));
    }

    // Prevents: a copy of a virtual machine whose twin has died taking the twin's last batch for its own, which is then lost.
    [Fact]
    public async Task Another_batch_of_the_number_that_a_fenced_incarnation_came_to_is_a_conflict()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Lease = Short });
        await lane.FlushAsync(Item.Hold("a", 10));
        await ElapseAsync();
        Assert.True((await Partition.ReapAsync(lane, linger: Long)).WasExpired);

        FlushReply reply = await lane.SendAsync(lane.Batch(1, Item.Hold("a", 99)) with { Hash = 1 });
        Assert.Equal((FlushStatus.Conflict, 1), (reply.Status, reply.Last));
        Assert.Equal(FlushStatus.Fenced, (await lane.ResendAsync(1)).Status);
        Assert.Equal(10, Item.Hits((await Partition.PeekAsync("a")).Open));
    }

    // Prevents: a process that spreads resources over another number of partitions writing into this layout.
    [Fact]
    public async Task A_batch_of_another_layout_is_refused_and_the_lanes_of_this_one_go_on()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 10));
        CoordinationNamespace other = _server.Namespace(Item.Schema, partitions: 8);
        LaneUnderTest stranger = await Partition.NewLaneAsync();

        FlushReply reply = await stranger.SendAsync(stranger.Batch(1, Item.Hold("a", 99)) with { Layout = other.Layout });
        Assert.Equal(FlushStatus.LayoutMismatch, reply.Status);
        Assert.Null(await Partition.MemberAsync(stranger));
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
        Assert.Equal(11, Item.Hits((await Partition.PeekAsync("a")).Open));
    }

    // Prevents: two items of one resource read the same record, and the second write wins.
    [Fact]
    public async Task A_batch_that_names_a_resource_twice_is_refused_whole_and_its_number_stays_free()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        CoordinatorException refusal = await Assert.ThrowsAsync<CoordinatorException>(
            () => lane.SendAsync(lane.Batch(1, Item.Hold("b", 1), Item.Hold("a", 1), Item.Drop("a", 10))));
        Assert.Equal(RequestOutcome.NotApplied, refusal.Outcome);
        Assert.Equal(0, (await Partition.PokeAsync()).Open);
        Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 5))).Status);
    }

    // Prevents: a bare counter. A reference that is repeated would count 2 with one member, and the session would never end.
    [Fact]
    public async Task A_repeated_reference_counts_once()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Hold("a", 1));
        await lane.FlushAsync(Item.Hold("a", 1));
        await lane.FlushAsync(Item.Hold("a"));
        Assert.Equal(1, (await Partition.PeekAsync("a")).Holders);
        await lane.FlushAsync(Item.Drop("a"));
        Assert.Equal(2, Item.Hits((await ClaimOneAsync()).Fields));
    }

    // Prevents: a drop that was sent twice taking away another engine's reference, or giving the session another end.
    [Fact]
    public async Task A_drop_of_what_is_not_held_changes_nothing()
    {
        LaneUnderTest holder = await Partition.NewLaneAsync();
        LaneUnderTest other = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Linger = 5 * Long });
        await holder.FlushAsync(Item.Hold("a", 1));
        await other.FlushAsync(Item.Drop("a"));
        Assert.Equal([holder.Incarnation], await Partition.HoldersAsync("a"));
        Assert.Equal(1, (await Partition.PeekAsync("a")).Holders);

        FlushReply dropped = await holder.FlushAsync(AtOnce with { Linger = Short }, Item.Drop("a", reason: CompletionReason.Evicted));
        Assert.Equal(dropped.Now + Short, dropped.NextDue);
        Assert.Equal(dropped.NextDue, (await holder.FlushAsync(Item.Drop("a", reason: CompletionReason.Shutdown))).NextDue);
        Assert.Equal(dropped.NextDue, (await other.FlushAsync(Item.Drop("a", reason: CompletionReason.Shutdown))).NextDue);
        await ElapseAsync();
        Assert.Equal(CompletionReason.Evicted, (await ClaimOneAsync()).Reason);
    }

    // Prevents: an update and a drop of a resource that is held already, taken for a cold single update: the reference would stay for ever.
    [Fact]
    public async Task An_update_that_drops_lets_go_of_what_an_earlier_batch_held()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Hold("a", 10));
        await lane.FlushAsync(Item.Drop("a", 1));
        Assert.Empty(await Partition.HoldersAsync("a"));
        Assert.Equal(11, Item.Hits((await ClaimOneAsync()).Fields));
    }

    // Prevents: a key that is seen once costing a reference, and a crash right after leaving one behind.
    [Fact]
    public async Task A_cold_update_touches_no_membership_and_is_due_after_the_linger()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { Linger = Short });
        FlushReply reply = await lane.FlushAsync(Item.Drop("a", 3));
        Assert.Equal(reply.Now + Short, reply.NextDue);
        Assert.Empty(await Partition.HoldersAsync("a"));
        Assert.Equal(0, (await Partition.MemberAsync(lane))!.Held);
        await ElapseAsync();
        Assert.Equal(3, Item.Hits((await ClaimOneAsync()).Fields));
    }

    // Prevents: an engine that only flushes being taken for dead.
    [Fact]
    public async Task A_flush_extends_the_lease()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 1));
        FlushReply reply = await lane.FlushAsync(PartitionUnderTest.Terms with { Lease = 2 * Long }, Item.Hold("a", 1));
        Assert.Equal(reply.Now + (2 * Long), (await Partition.MemberAsync(lane))!.LeaseDeadline);
    }

    // Prevents: updates of several processes to one resource overwriting each other.
    [Fact]
    public async Task Lanes_that_flush_at_once_all_count()
    {
        LaneUnderTest[] lanes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Partition.NewLaneAsync(AtOnce)));
        await Task.WhenAll(lanes.Select(static lane => Task.Run(async () =>
        {
            for (int i = 0; i < 20; i++)
                Assert.Equal(FlushStatus.Applied, (await lane.FlushAsync(Item.Hold("a", 1), Item.Hold($"own {lane.Incarnation}", 1))).Status);
            await lane.FlushAsync(Item.Drop("a"));
        })));
        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((160, 8), (Item.Hits(session.Fields), session.TimesModified));
    }

    // Prevents: one bad item stopping its lane, the lane's resources, and soon the process.
    [Fact]
    public async Task An_item_that_would_overflow_becomes_a_dead_letter_and_the_rest_of_the_batch_applies()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", long.MaxValue));
        LaneUnderTest other = await Partition.NewLaneAsync();

        FlushReply reply = await other.FlushAsync(Item.Hold("b", 1), Item.Hold("a", 5), Item.Hold("c", 2));
        Assert.Equal(FlushStatus.Applied, reply.Status);
        Assert.Equal([new RefusedItem(1, ItemOutcome.Overflow)], reply.Refused);
        Assert.Equal(1, Item.Hits((await Partition.PeekAsync("b")).Open));
        Assert.Equal(2, Item.Hits((await Partition.PeekAsync("c")).Open));

        // Its membership applies: engine and partition must agree about who holds what.
        PeekedResource a = await Partition.PeekAsync("a");
        Assert.Equal((long.MaxValue, 2, 1), (Item.Hits(a.Open), a.Holders, a.TimesModified));
        DeadLetterEntry letter = Assert.Single((await Partition.DeadLettersAsync()).Letters);
        Assert.Equal((ResourceKey.Of("a"), DeadLetterKind.Item, 5), (letter.Resource, letter.Kind, Item.Hits(letter.Fields)));
        Assert.NotEqual("", letter.Error);
    }

    // Prevents: dead letters without a bound, or an item that vanishes when they are full.
    [Fact]
    public async Task Items_for_which_the_dead_letters_have_no_room_are_handed_back_and_a_copy_says_so_too()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { DeadLetterLimit = 1 });
        await lane.FlushAsync(Item.Hold("a", long.MinValue));
        FlushReply reply = await lane.FlushAsync(Item.Malformed("b"), Item.Malformed("c"), Item.Hold("a", -1), Item.Hold("d", 4));
        RefusedItem[] refused =
        [
            new(0, ItemOutcome.Malformed), new(1, ItemOutcome.MalformedNotKept), new(2, ItemOutcome.OverflowNotKept),
        ];
        Assert.Equal(refused, reply.Refused);
        Assert.Equal(refused, (await lane.ResendAsync(2)).Refused);
        Assert.Equal(1, (await Partition.DeadLettersAsync()).Total);
        Assert.Equal(4, Item.Hits((await Partition.PeekAsync("d")).Open));
    }

    // Prevents: a partition that grows without bound, or refuses updates: a newcomer beyond the limit is completed at once instead.
    [Fact]
    public async Task A_newcomer_beyond_the_open_limit_is_due_at_once_and_stays_held()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(PartitionUnderTest.Terms with { OpenLimit = 2 });
        await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("b", 2));
        FlushReply reply = await lane.FlushAsync(Item.Hold("a", 1), Item.Hold("c", 3));
        Assert.Equal(reply.Now, reply.NextDue);

        ClaimedSession session = await ClaimOneAsync();
        Assert.Equal((ResourceKey.Of("c"), CompletionReason.Evicted, 3), (session.Resource, session.Reason, Item.Hits(session.Fields)));
        Assert.Equal([lane.Incarnation], await Partition.HoldersAsync("c"));
        Assert.Equal(2, Item.Hits((await Partition.PeekAsync("a")).Open));
    }
}
