using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Caching.Memory;
using Sluice.Bench.Running;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Dogpiling;

/// <summary>
/// A thousand callers ask for one key that is not there, at once, round after round with a new key. Creating takes some work and a wait, as a query does. Counted are
/// the creations of a round (one would do) and how long each caller waited.
/// </summary>
internal abstract class StampedeVariant : Variant
{
    public const int Callers = 1_000;

    private const int WorkPerCreation = 20_000;
    private static readonly TimeSpan WaitPerCreation = TimeSpan.FromMilliseconds(2);

    private long _creations;
    private long _round;

    public override Task PrepareAsync(CancellationToken cancellationToken) => RunAsync(TimeSpan.FromMilliseconds(600), cancellationToken);

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        LatencyHistogram latencies = new();
        long began = Stopwatch.GetTimestamp(), rounds = 0, creationsBefore = Volatile.Read(ref _creations);
        do
        {
            string key = $"page:{_round++}";
            TaskCompletionSource start = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<long>[] callers = [.. Enumerable.Range(0, Callers).Select(_ => CallAsync(key, start.Task))];
            start.SetResult();
            foreach (long ticks in await Task.WhenAll(callers))
                latencies.Record(Stopwatch.GetElapsedTime(0, ticks));
            await ForgetAsync(key);
            rounds++;
        }
        while (Stopwatch.GetElapsedTime(began) < duration && !cancellationToken.IsCancellationRequested);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        return new VariantRun(rounds * Callers, elapsed, latencies, Note: $"{(double)(Volatile.Read(ref _creations) - creationsBefore) / rounds:N1} creations a stampede");
    }

    protected abstract ValueTask<Page> GetAsync(string key);

    protected abstract ValueTask ForgetAsync(string key);

    protected async Task<Page> CreateAsync()
    {
        Interlocked.Increment(ref _creations);
        Thread.SpinWait(WorkPerCreation);
        await Task.Delay(WaitPerCreation);
        return new Page();
    }

    private async Task<long> CallAsync(string key, Task start)
    {
        await start;
        long asked = Stopwatch.GetTimestamp();
        await GetAsync(key);
        return Stopwatch.GetTimestamp() - asked;
    }
}

internal sealed class DogpileStampede(params IReadOnlyList<Comparison> comparisons) : StampedeVariant
{
    private static readonly DogpileEntryOptions Options = new() { Expiry = TimeSpan.FromHours(1) };

    private readonly DogpileCache _cache = new();

    public override string Name => "sluice";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override ValueTask<Page> GetAsync(string key) => _cache.GetOrCreateAsync(key, this, static (self, _, _) => new ValueTask<Page>(self.CreateAsync()), Options);

    protected override ValueTask ForgetAsync(string key) => _cache.RemoveAsync(key);
}

internal sealed class LazyStampede : StampedeVariant
{
    private readonly ConcurrentDictionary<string, Lazy<Task<Page>>> _table = new();

    public override string Name => "lazy-in-dictionary";

    protected override ValueTask<Page> GetAsync(string key) =>
        new(_table.GetOrAdd(key, static (_, self) => new Lazy<Task<Page>>(self.CreateAsync), this).Value);

    protected override ValueTask ForgetAsync(string key)
    {
        _table.TryRemove(key, out _);
        return ValueTask.CompletedTask;
    }
}

internal sealed class MemoryCacheStampede(params IReadOnlyList<Comparison> comparisons) : StampedeVariant
{
    private readonly MemoryCache _cache = new(new MemoryCacheOptions());

    public override string Name => "memory-cache";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override ValueTask DisposeAsync()
    {
        _cache.Dispose();
        return base.DisposeAsync();
    }

    protected override ValueTask<Page> GetAsync(string key) => new(_cache.GetOrCreateAsync(key, _ => CreateAsync())!);

    protected override ValueTask ForgetAsync(string key)
    {
        _cache.Remove(key);
        return ValueTask.CompletedTask;
    }
}
