using System.Text;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>Deltas that leave while their sessions stay, and the epochs that travel with them.</summary>
public sealed class FlushTests
{
    [Fact]
    public void Flush_sends_the_delta_once_and_keeps_the_session()
    {
        CacheUnderTest t = new();
        t.Merge("a", 3);
        Assert.True(t.Cache.TryFlush("a", waiter: null));
        Assert.True(t.Cache.TryFlush("a", waiter: null));
        Taken first = t.Sink.Single();
        Assert.Equal((3L, true, false), (first.Delta.Sum, first.Holds, first.Force));
        t.Merge("a", -4);
        Assert.True(t.Cache.TryFlushDirty(int.MaxValue));
        Taken second = t.Sink.Single();
        Assert.Equal((-4L, -4L, 1L), (second.Delta.Sum, second.Delta.Max, second.Delta.Count));
        Assert.Equal((1, 2L, 2L), (t.Cache.Count, t.Cache.Counters.Flushed, t.Cache.Counters.Merges));
        Assert.True(t.Cache.TryFlush("nobody", waiter: null));
    }

    [Fact]
    public void Flush_up_to_an_epoch_leaves_newer_deltas()
    {
        CacheUnderTest t = new();
        t.Merge("old");
        Assert.True(t.Epochs.TryAdvance());
        t.Merge("new");
        Assert.True(t.Cache.TryFlushDirty(1));
        Assert.Equal(("old", 1), (t.Sink.Drain()[0].Key, 1));
        Assert.True(t.Cache.TryFlushDirty(2));
        Taken item = t.Sink.Single();
        Assert.Equal(("new", 2), (item.Key, item.Epoch));
    }

    // At a thousand flushes a second an epoch's number passes 32 bits after weeks. It used to wrap: nothing was flushed any more, and no watermark moved.
    [Fact]
    public void Epochs_beyond_32_bits_are_flushed_and_watermarks_go_on()
    {
        FlushEpochs epochs = new(first: int.MaxValue - 2);
        CacheUnderTest t = new(epochs: epochs);
        EventSource source = new("orders", AckMode.AfterFlush, OnFenced.Resend, 1, epochs);
        for (int position = 1; position <= 6; position++)
        {
            Assert.Equal(MergeAnswer.Merged, t.Cache.TryMerge("k", new Amount(position), source.At(position).Epoch));
            source.Advance(position);
            long upTo = epochs.Current;
            Assert.True(epochs.TryAdvance());
            Assert.Equal(position - 1, source.Watermark);
            Assert.True(t.Cache.TryFlushDirty(upTo));
            Taken item = t.Sink.Single();
            Assert.Equal((position, upTo), (item.Delta.Sum, item.Epoch));
            epochs.Remove(item.Epoch);
            Assert.Equal(position, source.Watermark);
        }

        Assert.True(epochs.Current > int.MaxValue);
    }

    [Fact]
    public void Delta_carries_the_epoch_of_its_oldest_event()
    {
        // The epoch of the newest would let a watermark pass an event that is still in memory.
        CacheUnderTest t = new();
        t.Epochs.TryAdvance();
        t.Epochs.TryAdvance();
        t.Merge("a", epoch: 3);
        t.Merge("a", epoch: 2);
        t.Merge("a", epoch: 3);
        Assert.Equal(2, t.Epochs.OldestPending);
        t.Cache.TryFlush("a", waiter: null);
        Taken item = t.Sink.Single();
        Assert.Equal((2, 3L), (item.Epoch, item.Delta.Count));
        Assert.Equal(2, t.Epochs.OldestPending);
        t.Epochs.Remove(item.Epoch);
        Assert.Equal(3, t.Epochs.OldestPending);
    }

    [Fact]
    public void Refused_flush_keeps_delta_and_epoch()
    {
        CacheUnderTest t = new();
        t.Merge("a", 5);
        t.Epochs.TryAdvance();
        t.Sink.FillAll();
        Assert.False(t.Cache.TryFlushDirty(int.MaxValue));
        t.Merge("a", 6);
        t.Sink.Empty();
        Assert.True(t.Cache.TryFlushDirty(int.MaxValue));
        Taken item = t.Sink.Single();
        Assert.Equal((11L, 1), (item.Delta.Sum, item.Epoch));
    }

    [Fact]
    public void Discarded_deltas_are_never_flushed_and_their_sessions_go_on()
    {
        CacheUnderTest t = new();
        t.Merge("referenced", 1);
        t.Cache.TryFlush("referenced", waiter: null);
        t.Epochs.Remove(t.Sink.Single().Epoch);
        t.Merge("referenced", 2);
        t.Merge("never sent", 4);
        t.Epochs.TryAdvance();
        Assert.Equal(2, t.Cache.DiscardDeltas());
        Assert.Equal((2, t.Epochs.Current), (t.Cache.Count, t.Epochs.OldestPending));
        t.Merge("referenced", 8);
        t.Cache.TryExpireAll(CompletionReason.Expired, out int ended);

        // What the coordinator never heard of has no reference to give back.
        Taken item = t.Sink.Single();
        Assert.Equal((2, "referenced", 8L), (ended, item.Key, item.Delta.Sum));
    }

    [Fact]
    public void Overflowing_event_is_refused_whole_and_names_its_field()
    {
        CacheUnderTest t = new();
        t.Merge("a", long.MaxValue);
        FieldOverflowException e = Assert.Throws<FieldOverflowException>(() => t.Merge("a", 1));
        Assert.Equal(("tally", "Sum"), (e.Aggregate, e.Field));
        t.Merge("a", -1);
        t.Cache.TryFlush("a", waiter: null);
        Assert.Equal((long.MaxValue - 1, 2L), (t.Sink.Drain()[0].Delta.Sum, t.Cache.Counters.Merges));
    }

    [Fact]
    public void Batch_stops_at_the_first_event_that_is_not_merged_and_counts_those_before()
    {
        CacheUnderTest t = new(capacity: 2);
        KeyValuePair<string, Amount>[] events = [new("a", new(1)), new("b", new(2)), new("a", new(3)), new("c", new(4)), new("b", new(5))];
        t.Sink.FillAll();
        Assert.Equal(3, t.Cache.TryMerge(events, 0, out MergeAnswer last));
        Assert.Equal(MergeAnswer.Full, last);
        t.Sink.Empty();
        Assert.Equal(2, t.Cache.TryMerge(events.AsSpan(3), 0, out last));
        Assert.Equal(MergeAnswer.Merged, last);
        t.Cache.Close();
        Assert.Equal(0, t.Cache.TryMerge(events, 0, out last));
        Assert.Equal(MergeAnswer.Closed, last);
        Assert.Equal(0, t.Cache.TryMerge([], 0, out last));
        Assert.Equal(MergeAnswer.Merged, last);
    }

    [Fact]
    public void Batch_throws_only_for_its_first_event()
    {
        // An exception in the middle would hide how many events before it are already in the cache.
        CacheUnderTest t = new();
        KeyValuePair<string, Amount>[] events = [new("a", new(long.MaxValue)), new("a", new(1)), new("", new(2))];
        Assert.Equal(1, t.Cache.TryMerge(events, 0, out MergeAnswer last));
        Assert.Equal(MergeAnswer.Merged, last);
        Assert.Throws<FieldOverflowException>(() => t.Cache.TryMerge(events.AsSpan(1), 0, out _));
        Assert.Throws<ArgumentException>(() => t.Cache.TryMerge(events.AsSpan(2), 0, out _));
        Assert.Equal(1, t.Cache.Counters.Merges);
    }

    [Fact]
    public void Item_names_the_partition_of_the_stored_layout_whatever_the_key_type()
    {
        // The partition is a contract between processes; the table's hash is private to one.
        FlushEpochs epochs = new();
        RecordingSink sink = new();
        CacheUnderTest t = new(partitions: 64);
        MergeCache<long, Amount, Tally> numbers = new(Tally.Schema, KeyCodec.Int64, t.Options, sink, epochs);
        for (long key = -50; key < 50; key++)
            numbers.TryMerge(key, new Amount(1), 0);
        numbers.TryExpireAll(CompletionReason.Expired, out _);
        List<Taken> items = sink.Drain();
        Assert.Equal(100, items.Count);
        Assert.All(items, i => Assert.Equal((int)(Sluice.Hashing.XxHash64.Hash(Encoding.UTF8.GetBytes(i.Key)) % 64), i.Partition));
    }

    [Fact]
    public void State_that_throws_while_it_is_written_leaves_the_session_whole()
    {
        // The claim would stay taken, and every later merge of the key would hang.
        CacheUnderTest t = new();
        MergeCache<string, Amount, Unwritable> cache = new(Tally.Schema, KeyCodec.String, t.Options, t.Sink, t.Epochs);
        cache.TryMerge("a", new Amount(1), 0);
        Assert.Throws<NotFiniteNumberException>(() => cache.TryFlush("a", waiter: null));
        Assert.Throws<NotFiniteNumberException>(() => cache.TryExpire("a", force: false, waiter: null));
        Assert.Equal(MergeAnswer.Merged, cache.TryMerge("a", new Amount(1), 0));
        Assert.Equal((1, 2L), (cache.Count, cache.Counters.Merges));
    }

    private struct Unwritable : IAggregateState<Unwritable, Amount>
    {
        private long _count;

        public readonly bool IsEmpty => _count == 0;

        public static Unwritable Read(ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

        public MergeOutcome Merge(in Amount contribution, scoped in MergeContext context)
        {
            _count++;
            return MergeOutcome.Merged;
        }

        public void Reset() => _count = 0;

        public readonly void Write(System.Buffers.IBufferWriter<byte> output) => throw new NotFiniteNumberException();
    }
}
