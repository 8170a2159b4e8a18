using Sluice.Harness;
using Sluice.Samples.Dogpiling;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>The examples of dogpile.core's documentation: who created, who waited, who fell through.</summary>
public sealed class DogpileTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly SettableClock _clock = new();
    private readonly Play _play = new();
    private readonly DogpileOptions _options;
    private int _created;

    public DogpileTests() => _options = new DogpileOptions { Expiry = Hour, TimeProvider = _clock };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Simple() => await FirstWaitThenFallThroughAsync((who, creator) => Examples.SimpleAsync(Simples, who, creator, _play, Cancellation));

    [Fact]
    public async Task Value_function_with_a_cache_behind()
    {
        CacheServer server = new(_clock);
        await FirstWaitThenFallThroughAsync((who, creator) => Examples.ThroughCacheAsync(Simples, server, "key", creator, who, _play, Cancellation));
        Assert.Equal(6, server.Gets);
    }

    [Fact]
    public async Task Scaling_against_many_keys()
    {
        CacheServer server = new(_clock);
        NameRegistry<string, Dogpile<string>> registry = new();
        await FirstWaitThenFallThroughAsync((who, creator) => Examples.AmongManyKeysAsync(registry, _options, server, "key", creator, who, _play, Cancellation));
        Assert.Equal(0, registry.Count);

        // The dogpile is gone, the value is not: who comes later finds it in the server.
        await Examples.AmongManyKeysAsync(registry, _options, server, "key", CreateAtOnce, "later", _play, Cancellation);
        Assert.Equal(("later", DogpileOutcome.Current, "2"), _play.Entries[^1]);
    }

    // Readers that are in the middle of the old file finish it; those who come during the swap get the new one.
    [Fact]
    public async Task Write_lock_against_readers()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "file");
        SyncReaderDogpile<string> dogpile = new(_options);
        await FirstWaitThenFallThroughAsync((who, creator) => Examples.ReadFileAsync(dogpile, path, who, creator, _play, Cancellation));

        DogpileScope<string> reader = await dogpile.AcquireAsync((_, _) => throw new InvalidOperationException("It is young enough."), Cancellation);
        _clock.Advance(Hour);
        Task<string> swap = Examples.ReadFileAsync(dogpile, path, "creator", CreateAtOnce, _play, Cancellation);
        Assert.Equal("2", await File.ReadAllTextAsync(path, Cancellation));
        Assert.False(swap.IsCompleted);
        reader.Dispose();
        Assert.Equal("3", await swap);
    }

    [Fact]
    public async Task Caching_decorator()
    {
        Func<int, CancellationToken, Task<string>> cached = Examples.Cached<int, string>(Hour, _clock, (number, token) => CreateAtOnce(token));
        Assert.Equal(("1", "1", "2"), (await cached(1, Cancellation), await cached(1, Cancellation), await cached(2, Cancellation)));
        _clock.Advance(Hour);
        Assert.Equal("3", await cached(1, Cancellation));
    }

    [Fact]
    public async Task File_lock()
    {
        using TemporaryFolder folder = new();
        MemoryDogpileStore store = new(_clock);
        await using DogpileCache one = Examples.AcrossProcesses(store, folder.Path, _clock), two = Examples.AcrossProcesses(store, folder.Path, _clock);
        TaskCompletionSource<string> creation = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<string> creating = one.GetOrCreateAsync("key", _ => new ValueTask<string>(creation.Task), cancellation: Cancellation).AsTask();
        Task<string> waiting = two.GetOrCreateAsync("key", CreateAtOnce, cancellation: Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        creation.SetResult("one's");
        Assert.Equal(("one's", "one's", 0), (await creating, await waiting, _created));

        // The other way round, and this time there is an old value.
        _clock.Advance(Hour);
        creation = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        creating = two.GetOrCreateAsync("key", _ => new ValueTask<string>(creation.Task), cancellation: Cancellation).AsTask();
        Assert.Equal("one's", await one.GetOrCreateAsync("key", CreateAtOnce, cancellation: Cancellation));
        creation.SetResult("two's");
        Assert.Equal(("two's", "two's", 0), (await creating, await one.GetOrCreateAsync("key", CreateAtOnce, cancellation: Cancellation), _created));
    }

    private Dogpile<string> Simples => field ??= new Dogpile<string>(_options);

    private ValueTask<string> CreateAtOnce(CancellationToken token) => ValueTask.FromResult($"{Interlocked.Increment(ref _created)}");

    /// <summary>Three callers before there is a value, three after it has expired.</summary>
    private async Task FirstWaitThenFallThroughAsync(Func<string, Func<CancellationToken, ValueTask<string>>, Task<string>> call)
    {
        for (int round = 0; round < 2; round++)
        {
            TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
            async ValueTask<string> CreateAsync(CancellationToken token)
            {
                await end.Task.WaitAsync(token);
                return await CreateAtOnce(token);
            }

            Task<string>[] callers = [.. new[] { "a", "b", "c" }.Select(who => call(who, CreateAsync))];
            if (round == 1)
                Assert.Equal(["1", "1"], await Task.WhenAll(callers[1..]));
            end.SetResult();
            Assert.Equal($"{round + 1}", await callers[0]);
            await Task.WhenAll(callers);
            _clock.Advance(round == 0 ? Hour : TimeSpan.Zero);
        }

        Assert.Equal((2, 2, 2), (_play.Count(DogpileOutcome.Created), _play.Count(DogpileOutcome.Waited), _play.Count(DogpileOutcome.Stale)));
        Assert.Equal(2, _created);
    }
}
