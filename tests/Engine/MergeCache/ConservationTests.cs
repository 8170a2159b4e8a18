using System.Text;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>
/// What goes in comes out: per key and per field, while keys are evicted, expire, are forced out and flushed all the time. A cache that reads an
/// entry's value outside the exclusion of its removal loses 8 to 10 % of the generations under this load.
/// </summary>
public sealed class ConservationTests
{
    private const int Writers = 4;
    private const int Partitions = 8;

    [Theory]
    [InlineData(200, 2_000, true)]
    [InlineData(200, 2_000, false)]
    [InlineData(4_096, 30_000, true)]
    public void Nothing_is_lost_or_doubled_under_eviction_expiry_force_and_flush(int capacity, int keys, bool holdReferences)
    {
        const int each = 250_000;
        FlushEpochs epochs = new();
        LaneSink sink = new(Partitions, depth: 64, epochs, holdReferences);
        CacheUnderTest t = new(capacity, soft: 40, hard: 400, Partitions, holdReferences, sink, epochs);
        Traffic traffic = new(keys);
        Random forced = new(5);
        Threads threads = new();
        for (int w = 0; w < Writers; w++)
        {
            int writer = w;
            threads.Work(() => traffic.Write(t.Cache, threads, writer, each, batch =>
            {
                // The clock goes by the traffic, so that on any machine some sessions end idle before they are evicted, and some are evicted before.
                if (batch % Math.Max(1, capacity / 128) == 0)
                    t.Clock.Advance(1);
            }));
        }

        threads
            .Meanwhile(sink.Apply)
            .Meanwhile(() =>
            {
                t.Cache.TrySweep(out _);
                Thread.Yield();
            })
            .Meanwhile(() =>
            {
                t.Cache.TryExpire(traffic.Keys[forced.Next(keys)], force: forced.Next(2) == 0, waiter: null);
                t.Cache.TryFlush(traffic.Keys[forced.Next(100)], waiter: null);
                Thread.Yield();
            })
            .Meanwhile(() =>
            {
                long upTo = t.Epochs.Current;
                t.Epochs.TryAdvance();
                t.Cache.TryFlushDirty(upTo);
                Assert.InRange(t.Cache.Count, 0, capacity);
                Thread.Yield();
            })
            .Run();

        Drain(t, sink);
        traffic.AssertConserved(sink);
        Assert.Equal(t.Epochs.Current, t.Epochs.OldestPending);
        MergeCacheCounters counters = t.Cache.Counters;
        Assert.Equal((traffic.Events, sink.Deltas), (counters.Merges, counters.Flushed));
        Assert.True(counters.Evicted > 100 && counters.ExpiredIdle > 100 && sink.Refusals > 0, $"The load must exercise every way out: {counters}.");
    }

    [Fact]
    public void Merge_that_races_with_close_is_in_an_item_or_was_not_merged()
    {
        // A merge that is told Merged after the last drain is lost at every shutdown.
        for (int round = 0; round < 100; round++)
        {
            FlushEpochs epochs = new();
            LaneSink sink = new(Partitions, depth: int.MaxValue, epochs, holdReferences: true);
            CacheUnderTest t = new(capacity: 50, soft: 10, partitions: Partitions, sink: sink, epochs: epochs);
            Traffic traffic = new(100);
            int merging = 0;
            Threads threads = new();
            for (int w = 0; w < Writers; w++)
            {
                int writer = w;
                threads.Work(() =>
                {
                    Interlocked.Increment(ref merging);
                    traffic.Write(t.Cache, threads, writer, int.MaxValue);
                });
            }

            threads.Work(() =>
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref merging) == Writers);
                Thread.SpinWait(50 * (round % 40));
                t.Cache.Close();
                Assert.True(t.Cache.TryExpireAll(CompletionReason.Shutdown, out _));
                Assert.Equal(0, t.Cache.Count);
                sink.Apply();
            });
            threads.Run();
            Assert.Equal(0, t.Cache.Count);
            traffic.AssertConserved(sink);
            Assert.Equal(epochs.Current, epochs.OldestPending);
        }
    }

    private static void Drain(CacheUnderTest t, LaneSink sink)
    {
        t.Cache.Close();
        while (!t.Cache.TryExpireAll(CompletionReason.Shutdown, out _))
            sink.Apply();
        sink.Apply();
        Assert.Equal(0, t.Cache.Count);
    }

    /// <summary>Writers that remember what they were told was merged.</summary>
    private sealed class Traffic
    {
        private readonly Tally[][] _merged;
        private readonly byte[][] _utf8;
        private readonly int[] _zipf = new int[1 << 16];

        public Traffic(int keys)
        {
            Keys = [.. Enumerable.Range(0, keys).Select(i => $"key:{i}")];
            _utf8 = [.. Keys.Select(Encoding.UTF8.GetBytes)];
            _merged = [.. Enumerable.Range(0, Writers).Select(_ => new Tally[keys])];

            // Zipf with exponent 1 by inverting its continuous distribution function.
            Random random = new(3);
            for (int i = 0; i < _zipf.Length; i++)
                _zipf[i] = Math.Min(keys - 1, (int)Math.Pow(keys + 1, random.NextDouble()) - 1);
        }

        public string[] Keys { get; }

        public long Events => _merged.Sum(m => m.Sum(t => t.Count));

        /// <summary>Merges until it has or the cache is closed; each writer in a way of its own.</summary>
        public void Write(MergeCache<string, Amount, Tally> cache, Threads threads, int writer, int count, Action<int>? onBatch = null)
        {
            Random random = new(writer);
            KeyValuePair<string, Amount>[] batch = new KeyValuePair<string, Amount>[16];
            int[] keys = new int[batch.Length];
            for (int done = 0; done < count; done += batch.Length)
            {
                for (int i = 0; i < batch.Length; i++)
                {
                    keys[i] = _zipf[random.Next(_zipf.Length)];
                    batch[i] = new(Keys[keys[i]], new Amount(random.Next(-1000, 1000)));
                }

                onBatch?.Invoke(done / batch.Length);

                int merged = 0;
                MergeAnswer answer;
                do
                {
                    int more = MergeSome(cache, writer % 4, batch.AsSpan(merged), keys[merged], out answer);
                    for (int i = merged; i < merged + more; i++)
                        _merged[writer][keys[i]].Add(new Tally { Sum = batch[i].Value.Value, Max = batch[i].Value.Value, Count = 1 });
                    merged += more;
                    if (answer == MergeAnswer.Full)
                        threads.Wait();
                }
                while (merged < batch.Length && answer != MergeAnswer.Closed);
                if (answer == MergeAnswer.Closed)
                    return;
            }
        }

        public void AssertConserved(LaneSink sink)
        {
            for (int key = 0; key < Keys.Length; key++)
            {
                Tally merged = default;
                foreach (Tally[] writer in _merged)
                    merged.Add(writer[key]);
                Assert.Equal(merged, sink.Total(Keys[key]) with { Sequence = 0 });
            }
        }

        private int MergeSome(MergeCache<string, Amount, Tally> cache, int way, Span<KeyValuePair<string, Amount>> events, int key, out MergeAnswer answer)
        {
            if (way == 0)
                return cache.TryMerge(events, 0, out answer);
            Amount amount = events[0].Value;
            answer = way switch
            {
                1 => cache.TryMerge(Keys[key].AsSpan(), amount, 0),
                2 => cache.TryMerge(_utf8[key], amount, 0),
                _ => cache.TryMerge(Keys[key], amount, 0),
            };
            return answer == MergeAnswer.Merged ? 1 : 0;
        }
    }
}
