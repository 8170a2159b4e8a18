using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;
using Sluice.Bench.Running;

namespace Sluice.Bench.Scenarios.Merging;

/// <summary>The floor of what a table can cost: a lookup and two additions, one thread, nothing ever evicted.</summary>
internal sealed class DictionaryVariant<TKey>(KeyStream<TKey> stream, double soundFrom) : LoopVariant(threads: 1)
    where TKey : notnull
{
    private readonly Dictionary<TKey, HitCounters> _table = new(stream.Keys.Length);

    public override string Name => "dictionary";

    public override double SoundFrom => soundFrom;

    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        foreach (TKey key in stream.Keys)
            _table[key] = new HitCounters();
        return base.PrepareAsync(cancellationToken);
    }

    protected override void Work(int thread, long from, int count)
    {
        for (long position = from; position < from + count; position++)
        {
            HitCounters counters = _table[stream.At(thread, position)];
            counters.Hits++;
            counters.Bytes += position;
        }
    }
}

/// <summary>What most services write by hand: a concurrent dictionary, and a lock on the entry. It never evicts.</summary>
internal sealed class ConcurrentDictionaryVariant<TKey>(KeyStream<TKey> stream, int threads, params IReadOnlyList<Comparison> comparisons) : LoopVariant(threads)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, HitCounters> _table = new();

    public override string Name => "concurrent-dictionary-lock";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        foreach (TKey key in stream.Keys)
            _table[key] = new HitCounters();
        return base.PrepareAsync(cancellationToken);
    }

    protected override void Work(int thread, long from, int count)
    {
        for (long position = from; position < from + count; position++)
        {
            HitCounters counters = _table.GetOrAdd(stream.At(thread, position), static _ => new HitCounters());
            lock (counters)
            {
                counters.Hits++;
                counters.Bytes += position;
            }
        }
    }
}

/// <summary>The same with an atomic addition for each counter: no lock, and the two counters need not agree. It never evicts.</summary>
internal sealed class InterlockedVariant<TKey>(KeyStream<TKey> stream, int threads) : LoopVariant(threads)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, HitCounters> _table = new();

    public override string Name => "concurrent-dictionary-interlocked";

    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        foreach (TKey key in stream.Keys)
            _table[key] = new HitCounters();
        return base.PrepareAsync(cancellationToken);
    }

    protected override void Work(int thread, long from, int count)
    {
        for (long position = from; position < from + count; position++)
        {
            HitCounters counters = _table.GetOrAdd(stream.At(thread, position), static _ => new HitCounters());
            Interlocked.Increment(ref counters.Hits);
            Interlocked.Add(ref counters.Bytes, position);
        }
    }
}

/// <summary>The framework's bounded cache, with a lock on the entry. On eviction it loses the updates that come too late; only its speed is of interest.</summary>
internal sealed class MemoryCacheVariant<TKey>(KeyStream<TKey> stream, int threads, int capacity, params IReadOnlyList<Comparison> comparisons) : LoopVariant(threads)
    where TKey : notnull
{
    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = capacity });
    private readonly MemoryCacheEntryOptions _entry = new() { Size = 1, SlidingExpiration = TimeSpan.FromMinutes(30) };

    public override string Name => "memory-cache";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override ValueTask DisposeAsync()
    {
        _cache.Dispose();
        return base.DisposeAsync();
    }

    protected override void Work(int thread, long from, int count)
    {
        for (long position = from; position < from + count; position++)
        {
            TKey key = stream.At(thread, position);
            if (!_cache.TryGetValue(key, out HitCounters? counters))
                _cache.Set(key, counters = new HitCounters(), _entry);
            lock (counters!)
            {
                counters.Hits++;
                counters.Bytes += position;
            }
        }
    }
}
