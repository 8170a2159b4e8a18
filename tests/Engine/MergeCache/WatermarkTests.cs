using Sluice.Caching;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The epochs' promise under concurrency: what a watermark has passed is acknowledged.</summary>
public sealed class WatermarkTests
{
    private const int Writers = 3;
    private const int Events = 60_000;
    private const int EventsPerEpoch = 400;

    [Fact]
    public void Oldest_pending_epoch_never_passes_an_unacknowledged_event()
    {
        // An epoch read after the merge, a count that moves too late, or a delta that loses its older epoch: each lets the watermark pass an event
        // that a crash would still lose.
        FlushEpochs epochs = new();
        Acknowledger acknowledger = new(epochs);
        CacheUnderTest t = new(capacity: 40, soft: 30, partitions: 2, sink: acknowledger, epochs: epochs);
        Journal[] journals = [.. Enumerable.Range(0, Writers).Select(_ => new Journal())];
        Threads threads = new();
        for (int w = 0; w < Writers; w++)
        {
            int writer = w;
            threads.Work(() =>
            {
                Random random = new(writer);
                for (int i = 1; i <= Events; i++)
                {
                    // Epochs move with the work and the work waits for the watermark, so that the check means the same on a busy machine. Every writer
                    // moves them: the last one must not wait for a watermark that needs an epoch that only another would have begun.
                    if (i % EventsPerEpoch == 0)
                        Assert.True(epochs.TryAdvance());
                    while (i - acknowledger.Passed(writer) > Events / 4)
                        threads.Wait();
                    int key = random.Next(25);
                    long epoch = random.Next(4) == 0 ? 0 : epochs.Current;
                    while (t.Cache.TryMerge($"{writer}:{key}", new Amount(i), epoch) == MergeAnswer.Full)
                        threads.Wait();

                    // For the cache's own choice: what is current afterwards is not older.
                    journals[writer].Append(key, epoch == 0 ? epochs.Current : epoch);
                }
            });
        }

        threads
            .Meanwhile(() =>
            {
                // Both happen here, so the acknowledged positions stand still during the check.
                acknowledger.Check(journals);
                acknowledger.Acknowledge();
            })
            .Meanwhile(() =>
            {
                t.Cache.TryFlushDirty(epochs.Current - 1);
                t.Clock.Advance(1);
                t.Cache.TrySweep(out _);
                Thread.Yield();
            })
            .Run();
        Assert.True(t.Cache.TryExpireAll(CompletionReason.Shutdown, out _));
        acknowledger.Acknowledge();
        Assert.Equal(epochs.Current, epochs.OldestPending);
        Assert.Equal(1 + (Writers * (Events / EventsPerEpoch)), epochs.Current);
    }

    /// <summary>What one writer was told was merged: event i of a key, and an epoch that is not older than the one it was merged with.</summary>
    private sealed class Journal
    {
        private readonly (int Key, long Epoch)[] _entries = new (int, long)[Events + 1];
        private int _length = 1;

        public int Length => Volatile.Read(ref _length);

        public (int Key, long Epoch) this[int i] => _entries[i];

        public void Append(int key, long epoch)
        {
            _entries[_length] = (key, epoch);
            Volatile.Write(ref _length, _length + 1);
        }
    }

    /// <summary>Keeps items for a while, then acknowledges them: their largest amount is the position up to which the key is safe.</summary>
    private sealed class Acknowledger(FlushEpochs epochs) : IFlushSink
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<Taken> _items = new();
        private readonly Dictionary<string, long> _safe = [];
        private readonly int[] _checked = new int[Writers];

        /// <summary>Events of a writer that the watermark has passed.</summary>
        public int Passed(int writer) => Volatile.Read(ref _checked[writer]);

        public bool TryWrite(int partition, in FlushItem item)
        {
            if (_items.Count > 500)
                return false;
            _items.Enqueue(RecordingSink.Read(partition, in item));
            FlushItem owned = item;
            owned.Recycle();
            return true;
        }

        public void Acknowledge()
        {
            for (int count = _items.Count; count > 0 && _items.TryDequeue(out Taken? item); count--)
            {
                if (item.Epoch == 0)
                    continue;
                _safe[item.Key] = Math.Max(_safe.GetValueOrDefault(item.Key), item.Delta.Max);
                epochs.Remove(item.Epoch);
            }
        }

        public void Check(Journal[] journals)
        {
            // The lengths first: an event that is journalled has its count, so the oldest epoch that is read afterwards accounts for it.
            int[] lengths = [.. journals.Select(j => j.Length)];
            long oldest = epochs.OldestPending;
            for (int writer = 0; writer < journals.Length; writer++)
            {
                // From where the watermark stood: what was safe stays safe.
                int i = Math.Max(1, _checked[writer]);
                for (; i < lengths[writer] && journals[writer][i].Epoch < oldest; i++)
                {
                    string key = $"{writer}:{journals[writer][i].Key}";
                    Assert.True(_safe.GetValueOrDefault(key) >= i, $"Event {i} of {key}, epoch {journals[writer][i].Epoch}, is behind {oldest} and unacknowledged.");
                }

                Volatile.Write(ref _checked[writer], i);
            }
        }
    }
}
