using System.Collections.Concurrent;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>
/// A sink with a bounded channel for each partition and a coordinator behind it that adds the items up and checks each against those of its key
/// before: in order, none twice, and no session that ends without having begun.
/// </summary>
internal sealed class LaneSink(int partitions, int depth, FlushEpochs epochs, bool holdReferences) : IFlushSink
{
    private readonly ConcurrentQueue<Taken>[] _lanes = [.. Enumerable.Range(0, partitions).Select(_ => new ConcurrentQueue<Taken>())];
    private readonly Dictionary<string, Resource> _resources = [];

    private long _offered;

    public long Deltas { get; private set; }

    public long Refusals;

    public bool TryWrite(int partition, in FlushItem item)
    {
        if (_lanes[partition].Count >= depth)
        {
            Interlocked.Increment(ref Refusals);
            return false;
        }

        // As if the thread were preempted here, with the gate and the claim in its hands.
        if (Interlocked.Increment(ref _offered) % 4096 == 0)
            Thread.Yield();
        _lanes[partition].Enqueue(RecordingSink.Read(partition, in item));
        FlushItem owned = item;
        owned.Buffer.AsSpan().Fill(0xCC);
        owned.Recycle();
        return true;
    }

    /// <summary>Applies what waits in the lanes. One thread.</summary>
    public void Apply()
    {
        foreach (ConcurrentQueue<Taken> lane in _lanes)
        {
            while (lane.TryDequeue(out Taken? item))
            {
                if (!_resources.TryGetValue(item.Key, out Resource? resource))
                    _resources[item.Key] = resource = new Resource();
                Apply(resource, item);
                if (item.Epoch != 0)
                    epochs.Remove(item.Epoch);
            }
        }
    }

    public Tally Total(string key) => _resources.TryGetValue(key, out Resource? resource) ? resource.Total : default;

    private void Apply(Resource resource, Taken item)
    {
        Assert.Equal(item.HasDelta, item.Epoch != 0);
        if (item.HasDelta)
        {
            // Each merge of a key draws a higher number than those before it: a delta that comes twice or too early has one that is not higher.
            Assert.True(item.Delta.Sequence > resource.Total.Sequence, $"{item.Key}: delta {item.Delta.Sequence} after {resource.Total.Sequence}");
            resource.Total.Add(item.Delta);
            Deltas++;
        }
        else if (!item.Force)
        {
            Assert.True(holdReferences && resource.IsHeld && !item.Holds, $"{item.Key}: an end of a session that has ended");
        }

        resource.IsHeld = item.Holds;
    }

    private sealed class Resource
    {
        public Tally Total;
        public bool IsHeld;
    }
}
