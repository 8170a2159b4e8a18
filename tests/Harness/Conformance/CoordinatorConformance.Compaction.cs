using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Opaque deltas: appended, and replaced by what an engine merged them into.</summary>
public abstract partial class CoordinatorConformance
{
    private PartitionUnderTest OpaquePartition => new(_server, _server.Namespace(OpaqueDeltas.Schema));

    // Prevents: a delta that is lost because another engine's came first, or that counts twice because its batch was sent twice.
    [Fact]
    public async Task Opaque_deltas_are_kept_side_by_side_in_the_order_of_their_arrival_and_each_once()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest first = await partition.NewLaneAsync();
        LaneUnderTest second = await partition.NewLaneAsync();
        await first.FlushAsync(OpaqueDeltas.Hold("a", 1, 7));
        await second.FlushAsync(OpaqueDeltas.Hold("a", 2, 5, 6));
        await first.FlushAsync(OpaqueDeltas.Hold("a", 4, 8));
        Assert.Equal(FlushStatus.Duplicate, (await first.ResendAsync(2)).Status);
        PeekedResource peeked = await partition.PeekAsync("a");
        Assert.Equal(new long[] { 7, 5, 6, 8 }, Sequences(peeked.Open));
        Assert.Equal(7, OpaqueDeltas.Total(peeked.Open));
    }

    // Prevents: a session whose deltas an engine has merged showing both the deltas and the merge; and a newcomer being merged away.
    [Fact]
    public async Task A_compaction_replaces_what_was_merged_and_keeps_what_has_arrived_since()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync();
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 1, 1), OpaqueDeltas.Hold("b", 10, 1, 2));
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 2, 2));
        PeekedResource seen = await partition.PeekAsync("a");
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 4, 3));

        Compaction compaction = OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open);
        Assert.Equal([CompactStatus.Compacted], (await partition.SendAsync(new CompactRequest([compaction]))).Statuses);

        PeekedResource after = await partition.PeekAsync("a");
        Assert.Equal(new long[] { 2, 3 }, Sequences(after.Open));
        Assert.Equal((7, 1, seen.Generation, 1), (OpaqueDeltas.Total(after.Open), after.Holders, after.Generation, after.TimesModified));
        Assert.Equal(new long[] { 1, 2 }, Sequences((await partition.PeekAsync("b")).Open));
    }

    // Prevents: a retry whose first copy was applied, or a slower engine, merging the same deltas into the record once more.
    [Fact]
    public async Task A_compaction_of_deltas_that_were_merged_already_changes_nothing()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync();
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 5, 1, 2, 3));
        PeekedResource seen = await partition.PeekAsync("a");
        CompactRequest one = new([OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open)]);
        CompactRequest other = new([OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open, items: 2)]);
        Assert.Equal([CompactStatus.Compacted], (await partition.SendAsync(other)).Statuses);
        byte[] stored = (await partition.PeekAsync("a")).Open.ToArray();

        Assert.Equal([CompactStatus.Superseded], (await partition.SendAsync(one)).Statuses);
        Assert.Equal([CompactStatus.Superseded], (await partition.SendAsync(other)).Statuses);
        Assert.Equal(stored, (await partition.PeekAsync("a")).Open.ToArray());
    }

    // I4. Prevents: two engines that both believe in their claim delivering two different merges of one session.
    [Fact]
    public async Task What_was_stored_first_of_a_sealed_session_is_what_every_later_claim_shows()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(OpaqueDeltas.Drop("a", 5, 1, 2, 3));
        ClaimedSession paused = Assert.Single((await partition.ClaimAsync(limit: 1, lease: 0)).Claims);
        ClaimedSession taken = Assert.Single((await partition.ClaimAsync(limit: 1, lease: 0)).Claims);
        Assert.Equal(3, OpaqueDeltas.Count(taken.Fields));
        CompactRequest faster = new([OpaqueDeltas.Compact(taken.Resource, taken.Generation, taken.Fields)]);
        CompactRequest slower = new([OpaqueDeltas.Compact(paused.Resource, paused.Generation, paused.Fields)]);

        Assert.Equal([CompactStatus.Compacted], (await partition.SendAsync(faster)).Statuses);
        Assert.Equal([CompactStatus.Superseded], (await partition.SendAsync(slower)).Statuses);

        PeekedResource stored = await partition.PeekAsync("a");
        Assert.Equal(faster.Compactions[0].Merged.ToArray(), OpaqueDeltas.PayloadOf(stored.Sealed));
        ClaimedSession again = Assert.Single((await partition.ClaimAsync()).Claims);
        Assert.Equal(stored.Sealed.ToArray(), again.Fields.ToArray());
        Assert.Equal((taken.Generation, taken.SealedAt, 3), (again.Generation, again.SealedAt, again.Attempt));
        Assert.True(await partition.AcknowledgeAsync(again));
        Assert.Equal([CompactStatus.Gone], (await partition.SendAsync(slower)).Statuses);
    }

    // Prevents: what was merged of one session landing in the next one of the same resource.
    [Fact]
    public async Task A_compaction_is_for_its_own_generation_whether_that_is_open_or_sealed()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(OpaqueDeltas.Drop("a", 5, 1, 2));
        PeekedResource before = await partition.PeekAsync("a");
        ClaimedSession session = Assert.Single((await partition.ClaimAsync()).Claims);
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 7, 3, 4));
        PeekedResource successor = await partition.PeekAsync("a");

        Compaction old = OpaqueDeltas.Compact(ResourceKey.Of("a"), before.Generation, before.Open);
        Compaction mistaken = OpaqueDeltas.Compact(ResourceKey.Of("a"), successor.Generation, session.Fields);
        Compaction stranger = OpaqueDeltas.Compact(ResourceKey.Of("nobody"), successor.Generation, session.Fields);
        CompactReply reply = await partition.SendAsync(new CompactRequest([mistaken, old, stranger, old with { Generation = 1 }]));

        Assert.Equal([CompactStatus.Superseded, CompactStatus.Compacted, CompactStatus.Gone, CompactStatus.Gone], reply.Statuses);
        PeekedResource after = await partition.PeekAsync("a");
        Assert.Equal(new long[] { 3, 4 }, Sequences(after.Open));
        Assert.Equal(new long[] { 2 }, Sequences(after.Sealed));
        Assert.Equal((7, 5), (OpaqueDeltas.Total(after.Open), OpaqueDeltas.Total(after.Sealed)));
    }

    // Prevents: a record that no engine can read any more, and other fields' bytes being replaced.
    [Fact]
    public async Task A_compaction_that_would_leave_no_record_of_the_schema_is_refused()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync();
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 5, 1, 2));
        PeekedResource seen = await partition.PeekAsync("a");
        Compaction right = OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open);
        byte[] hits = seen.Open.Span.Slice(2, sizeof(long)).ToArray();

        CompactReply reply = await partition.SendAsync(new CompactRequest(
        [
            right with { Merged = new byte[] { 1, 2, 3 } },
            right with { Merged = OpaqueDeltas.Payload(1, 9, new byte[OpaqueAttribute.MaxBytes + 1]) },
            right with { Field = 0, PrefixLength = sizeof(long), Version = OpaqueVersion.Of(hits) },
        ]));

        Assert.Equal([CompactStatus.Refused, CompactStatus.Refused, CompactStatus.Superseded], reply.Statuses);
        Assert.Equal(seen.Open.ToArray(), (await partition.PeekAsync("a")).Open.ToArray());
    }

    // Prevents: deltas that pile up because no engine is told of them; and engines that are told of all the others, too.
    [Fact]
    public async Task The_reply_to_a_batch_names_the_items_whose_resources_have_many_deltas()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync();
        long[] sixteen = [.. Enumerable.Range(1, 16).Select(static i => (long)i)];
        Assert.Empty((await lane.FlushAsync(OpaqueDeltas.Hold("a", 1, sixteen), OpaqueDeltas.Hold("b", 1, 1))).Crowded);
        FlushReply reply = await lane.FlushAsync(OpaqueDeltas.Hold("b", 1, 2), OpaqueDeltas.Hold("a", 1, 17), OpaqueDeltas.Hold("c", 1, [.. sixteen, 17, 18]));
        Assert.Equal([1, 2], reply.Crowded);
        Assert.Empty((await lane.ResendAsync(2)).Crowded);

        PeekedResource seen = await partition.PeekAsync("a");
        await partition.SendAsync(new CompactRequest([OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open)]));
        Assert.Empty((await lane.FlushAsync(OpaqueDeltas.Hold("a", 1, 19))).Crowded);
    }

    // Prevents: a resource whose deltas nobody can merge growing without end; and what does not fit being dropped without a word.
    [Fact]
    public async Task Deltas_beyond_the_limit_are_put_aside_and_can_be_replayed_when_there_is_room()
    {
        PartitionUnderTest partition = OpaquePartition;
        LaneUnderTest lane = await partition.NewLaneAsync();
        await lane.FlushAsync(OpaqueDeltas.Hold("a", 1, [.. Enumerable.Range(1, 1024).Select(static i => (long)i)]));
        FlushReply reply = await lane.FlushAsync(OpaqueDeltas.Hold("a", 2, 1025), OpaqueDeltas.Hold("b", 3, 1));
        Assert.Equal([new RefusedItem(0, ItemOutcome.Overflow)], reply.Refused);
        Assert.Empty(reply.Crowded);
        DeadLetterEntry letter = Assert.Single((await partition.DeadLettersAsync()).Letters);
        Assert.Equal(ReplayStatus.StillRefused, await partition.ReplayAsync(letter));

        PeekedResource seen = await partition.PeekAsync("a");
        await partition.SendAsync(new CompactRequest([OpaqueDeltas.Compact(ResourceKey.Of("a"), seen.Generation, seen.Open)]));
        Assert.Equal(ReplayStatus.Replayed, await partition.ReplayAsync(letter));
        PeekedResource after = await partition.PeekAsync("a");
        Assert.Equal(new long[] { 1024, 1025 }, Sequences(after.Open));
        Assert.Equal(3, OpaqueDeltas.Total(after.Open));
    }

    private static long[] Sequences(ReadOnlyMemory<byte> record)
    {
        List<long> sequences = [];
        Aggregates.Wire.OpaqueCursor cursor = new(OpaqueDeltas.PayloadOf(record));
        while (cursor.MoveNext())
            sequences.Add(cursor.Item.Sequence);
        return [.. sequences];
    }
}
