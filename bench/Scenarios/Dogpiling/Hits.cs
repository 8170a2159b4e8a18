using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Merging;

namespace Sluice.Bench.Scenarios.Dogpiling;

/// <summary>What every variant caches. Hits only: whoever creates one while measuring is wrong.</summary>
internal sealed class Page
{
    public static readonly Func<string, Page> Unexpected = static key => throw new InvalidOperationException($"'{key}' is not there.");

    public int Length { get; } = 1;
}

/// <summary>
/// A variant whose keys are all there. It adds up something of each value, so that no look-up can be left out. The values were made beforehand, one after the other, as what
/// comes from a query was: made in the table's own factory, they would lie beside its nodes, where they cost nothing to fetch.
/// </summary>
internal abstract class HitVariant(KeyStream<string> stream, int threads) : LoopVariant(threads)
{
    private readonly long[] _sums = new long[threads * 16];

    protected KeyStream<string> Stream => stream;

    protected abstract ValueTask SetAsync(string key, Page page);

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        Page[] pages = [.. stream.Keys.Select(static _ => new Page())];
        for (int i = 0; i < pages.Length; i++)
            await SetAsync(stream.Keys[i], pages[i]);
        await base.PrepareAsync(cancellationToken);
    }

    protected static Page Completed(ValueTask<Page> hit) =>
        hit.IsCompletedSuccessfully ? hit.Result : throw new InvalidOperationException("A value that is there was waited for.");

    protected void Note(int thread, long sum) => _sums[thread * 16] += sum;
}

internal sealed class DogpileHit(KeyStream<string> stream, int threads, params IReadOnlyList<Comparison> comparisons) : HitVariant(stream, threads)
{
    private static readonly DogpileEntryOptions Options = new() { Expiry = TimeSpan.FromHours(1) };
    private static readonly Func<CancellationToken, ValueTask<Page>> Factory = static _ => throw new InvalidOperationException("A key is not there.");

    private readonly DogpileCache _cache = new(new DogpileCacheOptions { Capacity = 2 * stream.Keys.Length });

    public override string Name => "sluice";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override ValueTask SetAsync(string key, Page page) => _cache.SetAsync(key, page, Options);

    protected override void Work(int thread, long from, int count)
    {
        long sum = 0;
        for (long position = from; position < from + count; position++)
            sum += Completed(_cache.GetOrCreateAsync(Stream.At(thread, position), Factory, Options)).Length;
        Note(thread, sum);
    }
}

/// <summary>The floor: nothing ever expires, nothing is ever evicted.</summary>
internal sealed class ConcurrentDictionaryHit(KeyStream<string> stream, int threads) : HitVariant(stream, threads)
{
    private readonly ConcurrentDictionary<string, Page> _table = new();

    public override string Name => "concurrent-dictionary";

    protected override ValueTask SetAsync(string key, Page page)
    {
        _table[key] = page;
        return ValueTask.CompletedTask;
    }

    protected override void Work(int thread, long from, int count)
    {
        long sum = 0;
        for (long position = from; position < from + count; position++)
            sum += _table.GetOrAdd(Stream.At(thread, position), Page.Unexpected).Length;
        Note(thread, sum);
    }
}

internal sealed class MemoryCacheHit(KeyStream<string> stream, int threads, params IReadOnlyList<Comparison> comparisons) : HitVariant(stream, threads)
{
    private static readonly Func<ICacheEntry, Page> Factory = static entry => Page.Unexpected((string)entry.Key);
    private static readonly MemoryCacheEntryOptions Entry = new() { Size = 1, AbsoluteExpirationRelativeToNow = TimeSpan.FromHours(1) };

    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = 2 * stream.Keys.Length });

    public override string Name => "memory-cache";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override ValueTask DisposeAsync()
    {
        _cache.Dispose();
        return base.DisposeAsync();
    }

    protected override ValueTask SetAsync(string key, Page page)
    {
        _cache.Set(key, page, Entry);
        return ValueTask.CompletedTask;
    }

    protected override void Work(int thread, long from, int count)
    {
        long sum = 0;
        for (long position = from; position < from + count; position++)
            sum += _cache.GetOrCreate(Stream.At(thread, position), Factory)!.Length;
        Note(thread, sum);
    }
}
