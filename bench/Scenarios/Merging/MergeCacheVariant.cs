using Sluice.Bench.Running;
using Sluice.Caching;
using Sluice.Flushing;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Merging;

/// <summary>Makes the cache of one aggregate, as the engine does.</summary>
internal delegate MergeCache<TKey, TEvent> CacheFactory<TKey, TEvent>(MergeCacheOptions options, IFlushSink sink, FlushEpochs epochs)
    where TKey : notnull
    where TEvent : struct;

/// <summary>
/// The product: the merge cache alone, as the engine makes it, with a sink that takes what is evicted and counts it as acknowledged. Flushing and
/// coordination have scenarios of their own.
/// </summary>
internal class MergeCacheVariant<TKey, TEvent, TMaker> : LoopVariant
    where TKey : notnull
    where TEvent : struct
    where TMaker : struct, IEventMaker<TEvent>
{
    private readonly FlushEpochs _epochs = new();
    private readonly IReadOnlyList<Comparison> _comparisons;

    public MergeCacheVariant(CacheFactory<TKey, TEvent> create, KeyStream<TKey> stream, int threads, int capacity, params IReadOnlyList<Comparison> comparisons)
        : base(threads)
    {
        Stream = stream;
        _comparisons = comparisons;
        MergeCacheOptions options = new()
        {
            Capacity = capacity,
            SoftTicks = TimeSpan.FromMinutes(5).Ticks,
            HardTicks = TimeSpan.FromHours(1).Ticks,
            Clock = SessionClock.FromTimeProvider(TimeProvider.System),
            Partitions = 64,
            HoldReferences = true,
            Origin = 1,
        };
        Cache = create(options, new AcknowledgingSink(_epochs), _epochs);
    }

    public override string Name => Alias;

    /// <summary>Another name, where the product is compared with itself.</summary>
    public string Alias { get; init; } = "sluice";

    public override IReadOnlyList<Comparison> Comparisons => _comparisons;

    protected KeyStream<TKey> Stream { get; }

    protected MergeCache<TKey, TEvent> Cache { get; }

    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        // Every key once, as in the references: what is measured is the steady state, not the first meeting.
        foreach (TKey key in Stream.Keys)
            Cache.TryMerge(key, default(TMaker).At(0), epoch: 0);
        return base.PrepareAsync(cancellationToken);
    }

    protected override void Work(int thread, long from, int count)
    {
        TMaker maker = default;
        for (long position = from; position < from + count; position++)
        {
            if (Cache.TryMerge(Stream.At(thread, position), maker.At(position), epoch: 0) != MergeAnswer.Merged)
                throw new InvalidOperationException("A sink that is never full cannot make the cache full.");
        }
    }
}

/// <summary>The same by spans of events.</summary>
internal sealed class BatchMergeVariant<TKey, TEvent, TMaker> : MergeCacheVariant<TKey, TEvent, TMaker>
    where TKey : notnull
    where TEvent : struct
    where TMaker : struct, IEventMaker<TEvent>
{
    // As a reader would hand over what one read of a socket or file brought.
    private const int Batch = 256;

    private readonly KeyValuePair<TKey, TEvent>[] _batch = new KeyValuePair<TKey, TEvent>[Batch];

    public BatchMergeVariant(CacheFactory<TKey, TEvent> create, KeyStream<TKey> stream, int capacity, params IReadOnlyList<Comparison> comparisons)
        : base(create, stream, threads: 1, capacity, comparisons)
    {
    }

    protected override void Work(int thread, long from, int count)
    {
        TMaker maker = default;
        for (long first = from; first < from + count; first += Batch)
        {
            // Filling the batch is part of the work: whoever has events has to put them somewhere.
            for (int i = 0; i < Batch; i++)
                _batch[i] = new(Stream.At(thread, first + i), maker.At(first + i));
            if (Cache.TryMerge(_batch, epoch: 0, out MergeAnswer last) != Batch)
                throw new InvalidOperationException($"The batch ended with {last}.");
        }
    }
}
