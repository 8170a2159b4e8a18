using Sluice.Aggregates.Wire;
using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>What goes into one batch, and in which order.</summary>
public sealed class LaneFoldingTests
{
    // Prevents P1: two items of one resource in one batch, of which the second would overwrite the first.
    [Fact]
    public void Items_of_a_resource_fold_into_one_that_says_the_last_word_on_holding()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        lane.Enqueue("b", holds: true, 5);
        lane.Enqueue("a", holds: false, 2);
        Assert.Equal("a:1 2, b+:5", LaneUnderTest.Text(lane.Cut()));
        Assert.Equal(1, lane.Machine.Held);
    }

    [Fact]
    public void What_follows_a_force_belongs_to_the_next_generation_and_to_the_next_batch()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        lane.Force("a", holds: true, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Enqueue("a", holds: false, 4);
        Assert.Equal("a+!:1 2", LaneUnderTest.Text(lane.Cut()));
        Assert.False(lane.Machine.TryCut());
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("a:3 4", LaneUnderTest.Text(lane.Cut()));
    }

    [Fact]
    public void A_second_item_of_a_resource_ends_the_batch_so_that_the_order_of_the_others_stays()
    {
        LaneUnderTest lane = new();
        lane.Force("a", holds: true, 1);
        lane.Enqueue("b", holds: true, 2);
        lane.Enqueue("a", holds: true, 3);
        lane.Enqueue("c", holds: true, 4);
        Assert.Equal("a+!:1, b+:2", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("a+:3, c+:4", LaneUnderTest.Text(lane.Cut()));
    }

    [Fact]
    public void A_batch_has_at_most_its_size()
    {
        LaneUnderTest lane = new(batchSize: 2);
        foreach (string resource in new[] { "a", "b", "c" })
            lane.Enqueue(resource, holds: true, 1);
        Assert.Equal("a+:1, b+:1", LaneUnderTest.Text(lane.Cut()));
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Equal("c+:1", LaneUnderTest.Text(lane.Cut()));
    }

    // Prevents that one overflow refuses, as part of a fold, what could have been counted.
    [Fact]
    public void Deltas_whose_sum_overflows_stay_two_items()
    {
        LaneUnderTest lane = new();
        lane.Machine.Enqueue(Huge());
        lane.Machine.Enqueue(Huge());
        Assert.Single(lane.Cut().Items);
        lane.Reply(FlushStatus.Applied, 1);
        Assert.Single(lane.Cut().Items);

        static PendingItem Huge()
        {
            byte[] record = new byte[2 + sizeof(long)];
            record[1] = SumMerger.PayloadBytes;
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(2), long.MaxValue);
            return new PendingItem(ResourceKey.Of("a")) { Delta = record, Holds = true };
        }
    }

    // Prevents a watermark that stands still, and one that moves too early.
    [Fact]
    public void Of_two_epochs_the_older_is_kept_and_the_younger_returned_at_once()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        long older = lane.Epochs.Current;
        lane.Epochs.TryAdvance();
        lane.Enqueue("a", holds: true, 2);
        lane.Epochs.TryAdvance();
        Assert.Equal(older, lane.Epochs.OldestPending);
        lane.Cut();
        Assert.Equal(older, lane.Epochs.OldestPending);
        lane.Reply(FlushStatus.Applied, 1);
        lane.AssertEpochsReturned();
    }

    [Fact]
    public void What_arrives_while_a_batch_is_outstanding_waits_for_the_next()
    {
        LaneUnderTest lane = new();
        lane.Enqueue("a", holds: true, 1);
        FlushRequest first = lane.Cut();
        lane.Enqueue("a", holds: true, 2);
        Assert.False(lane.Machine.TryCut());
        Assert.Same(first, lane.Outstanding);
        Assert.Equal("a+:1", LaneUnderTest.Text(first));
        lane.Reply(FlushStatus.Applied, 1);
        FlushRequest second = lane.Cut();
        Assert.Equal(2, second.Number);
        Assert.Equal("a+:2", LaneUnderTest.Text(second));
    }
}
