using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The bound, who has to leave, and what a full lane does.</summary>
public sealed class CapacityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1023)]
    [InlineData(5000)]
    public void Capacity_is_reached_before_anybody_is_evicted_and_never_passed(int capacity)
    {
        // With a share for each stripe, keys that fall unevenly are evicted from a cache that is not full.
        CacheUnderTest t = new(capacity);
        for (int i = 0; i < capacity; i++)
            Assert.Equal(MergeAnswer.Merged, t.Merge($"k{i}"));
        Assert.Empty(t.Sink.Drain());
        Assert.Equal(capacity, t.Cache.Count);
        for (int i = 0; i < (2 * capacity) + 10; i++)
        {
            Assert.Equal(MergeAnswer.Merged, t.Merge($"n{i}"));
            Assert.Equal(capacity, t.Cache.Count);
        }

        Assert.Equal((2 * capacity) + 10, t.Sink.Drain().Count);
    }

    [Fact]
    public void Key_of_a_stripe_without_entries_finds_its_room_in_another()
    {
        // 1024 places, and all but one session of 4 stripes' keys expired and re-taken by the keys of a few stripes: whatever the distribution,
        // a new key must not be refused while the sink has room.
        CacheUnderTest t = new(capacity: 1024);
        for (int i = 0; i < 1024; i++)
            t.Merge($"k{i}");
        HashSet<string> resident = [.. Enumerable.Range(0, 1024).Select(i => $"k{i}")];
        for (int round = 0; round < 2000; round++)
        {
            Assert.Equal(MergeAnswer.Merged, t.Merge($"n{round}"));
            resident.Add($"n{round}");
            resident.ExceptWith(t.Sink.Drain().Select(i => i.Key));
            Assert.Equal(t.Cache.Count, resident.Count);
        }
    }

    [Fact]
    public void Sessions_that_were_touched_outlive_those_that_were_not()
    {
        // Every operation is a write: a policy that counts only reads as use would evict the hottest keys first.
        CacheUnderTest t = new(capacity: 100);
        for (int i = 0; i < 100; i++)
            t.Merge($"k{i}");
        for (int i = 0; i < 100; i += 2)
            t.Merge($"k{i}");
        for (int i = 0; i < 50; i++)
            t.Merge($"n{i}");
        List<Taken> evicted = t.Sink.Drain();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"k{(2 * i) + 1}"), evicted.Select(i => i.Key));
    }

    [Fact]
    public void Hot_session_survives_a_scan_of_keys_that_come_once()
    {
        CacheUnderTest t = new(capacity: 50);
        for (int i = 0; i < 5000; i++)
        {
            t.Merge("hot");
            t.Merge($"scan{i}");
        }

        Assert.DoesNotContain(t.Sink.Drain(), i => i.Key == "hot");
    }

    [Fact]
    public void When_all_are_touched_one_leaves_all_the_same()
    {
        CacheUnderTest t = new(capacity: 20);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 20; i++)
                t.Merge($"k{i}");
        }

        t.Merge("new");
        Assert.Equal("k0", t.Sink.Single().Key);
    }

    [Fact]
    public void Full_lanes_refuse_new_keys_merge_known_ones_and_lose_nothing()
    {
        CacheUnderTest t = new(capacity: 10);
        for (int i = 0; i < 10; i++)
            t.Merge($"k{i}", 1);
        t.Sink.FillAll();
        for (int round = 0; round < 100; round++)
        {
            Assert.Equal(MergeAnswer.Full, t.Merge($"n{round}"));
            Assert.Equal(MergeAnswer.Merged, t.Merge($"k{round % 10}", 1));
        }

        Assert.False(t.Cache.TryFlushDirty(int.MaxValue));
        Assert.False(t.Cache.TryFlush("k1", waiter: null));
        Assert.False(t.Cache.TryExpire("k1", force: false, waiter: null));
        Assert.False(t.Cache.TryExpireAll(CompletionReason.Expired, out int expired));
        Assert.Equal((0, 10, 100L), (expired, t.Cache.Count, t.Cache.Counters.Refused));
        t.Sink.Empty();
        Assert.Empty(t.Sink.Drain());
        Assert.True(t.Cache.TryExpireAll(CompletionReason.Expired, out expired));
        Assert.Equal((10, 110L), (expired, t.Sink.Drain().Sum(i => i.Delta.Sum)));
    }

    [Fact]
    public void Victim_of_another_partition_is_found_when_one_lane_is_full()
    {
        // One slow partition must not stop the keys of the others.
        CacheUnderTest t = new(capacity: 64, partitions: 4);
        for (int i = 0; i < 64; i++)
            t.Merge($"k{i}");
        t.Sink.Fill(2);
        for (int i = 0; i < 30; i++)
            Assert.Equal(MergeAnswer.Merged, t.Merge($"n{i}"));
        Assert.DoesNotContain(t.Sink.Drain(), i => i.Partition == 2);
    }

    [Fact]
    public void Sweep_and_flush_serve_the_other_partitions_when_one_lane_is_full()
    {
        CacheUnderTest t = new(soft: 100, partitions: 4);
        for (int i = 0; i < 64; i++)
            t.Merge($"k{i}");
        int inTwo = Enumerable.Range(0, 64).Count(i => CacheUnderTest.PartitionOf($"k{i}", 4) == 2);
        t.Sink.Fill(2);
        Assert.False(t.Cache.TryFlushDirty(int.MaxValue));
        Assert.Equal(64 - inTwo, t.Sink.Drain().Count);
        t.Clock.Advance(100);
        int refusals = t.Sink.Refusals;
        Assert.False(t.Cache.TrySweep(out int ended));
        Assert.Equal((64 - inTwo, inTwo), (ended, t.Cache.Count));
        Assert.Equal(1, t.Sink.Refusals - refusals);
        Assert.True(t.Cache.NextDeadline <= t.Clock.NowTicks, "What could not leave is still due.");
        t.Sink.Drain();
        t.Sink.Empty();
        Assert.True(t.Cache.TrySweep(out ended));
        Assert.Equal((inTwo, 0), (ended, t.Cache.Count));
        Assert.All(t.Sink.Drain(), i => Assert.Equal((1L, CompletionReason.Idle), (i.Delta.Count, i.Reason)));
    }

    [Fact]
    public void Refused_event_gives_its_place_back()
    {
        // An event that overflows, or a state that throws, after room was made for it must not shrink the cache.
        CacheUnderTest t = new(capacity: 2);
        for (int i = 0; i < 10; i++)
            Assert.Throws<InvalidTimeZoneException>(() => t.Merge($"p{i}", Tally.Poison));
        Assert.Equal(0, t.Cache.Count);
        t.Merge("a");
        t.Merge("b");
        Assert.Empty(t.Sink.Drain());
        Assert.Throws<InvalidTimeZoneException>(() => t.Merge("a", Tally.Poison));
        Assert.Equal(MergeAnswer.Merged, t.Merge("a"));
    }
}
