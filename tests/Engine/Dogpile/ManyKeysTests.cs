using System.Collections.Concurrent;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Several keys at once, in sets that overlap.</summary>
public sealed class ManyKeysTests : IAsyncDisposable
{
    private readonly HandDrivenTimeProvider _time = new();
    private readonly DogpileCache _cache;

    public ManyKeysTests() => _cache = new DogpileCache(new DogpileCacheOptions { TimeProvider = _time });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    // Six pages that show the same products in different selections: each product is created once, and every page has all of its own.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Overlapping_sets_of_six_callers_create_each_key_once(int seed)
    {
        ConcurrentDictionary<string, int> creations = new();
        using Barrier start = new(6);
        IReadOnlyDictionary<string, int>[] results = await Task.WhenAll(Enumerable.Range(0, 6).Select(caller => Task.Factory.StartNew(
            async () =>
            {
                Random random = new((seed * 10) + caller);
                string[] keys = [.. Enumerable.Range(0, 40).Select(_ => $"product{random.Next(60)}")];
                start.SignalAndWait(Cancellation);
                IReadOnlyDictionary<string, int> values = await _cache.GetOrCreateManyAsync(keys, (missing, _) => CreateAsync(missing, creations), cancellation: Cancellation);
                Assert.Equal(keys.Distinct().Order(), values.Keys.Order());
                return values;
            },
            Cancellation,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap()));

        Assert.All(creations, key => Assert.Equal(1, key.Value));
        Assert.All(results, values => Assert.All(values, pair => Assert.Equal(pair.Key.Length, pair.Value)));
    }

    [Fact]
    public async Task One_call_makes_one_creation_of_what_is_missing()
    {
        List<string> asked = [];
        await _cache.SetAsync("a", 1, cancellation: Cancellation);
        IReadOnlyDictionary<string, int> values = await _cache.GetOrCreateManyAsync<int>(
            ["a", "b", "c", "b"],
            (missing, _) =>
            {
                asked.Add(string.Join(',', missing));
                return ValueTask.FromResult<IReadOnlyDictionary<string, int>>(missing.ToDictionary(key => key, _ => 2));
            },
            cancellation: Cancellation);
        Assert.Equal(["b,c"], asked);
        Assert.Equal((1, 2, 2), (values["a"], values["b"], values["c"]));
    }

    // Waiting for a key of a batch, and a batch for a key.
    [Fact]
    public async Task Single_and_many_wait_for_each_other()
    {
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentDictionary<string, int> creations = new();
        Task<int> single = _cache.GetOrCreateAsync("a", async _ => { await go.Task; return creations.AddOrUpdate("a", 1, (_, n) => n + 1); }, cancellation: Cancellation).AsTask();
        Task<IReadOnlyDictionary<string, int>> many = _cache.GetOrCreateManyAsync(["a", "b"], async (missing, _) => { await go.Task; return await CreateAsync(missing, creations); }, cancellation: Cancellation).AsTask();
        Task<int> other = _cache.GetOrCreateAsync("b", _ => ValueTask.FromResult(-1), cancellation: Cancellation).AsTask();
        go.SetResult();
        Assert.Equal(1, await single);
        Assert.Equal((1, 1), ((await many)["a"], (await many)["b"]));
        Assert.Equal(1, await other);
        Assert.All(creations, key => Assert.Equal(1, key.Value));
    }

    [Fact]
    public async Task A_key_that_the_factory_leaves_out_is_left_out_and_not_remembered()
    {
        IReadOnlyDictionary<string, int> values = await _cache.GetOrCreateManyAsync<int>(
            ["a", "b"], (_, _) => ValueTask.FromResult<IReadOnlyDictionary<string, int>>(new Dictionary<string, int> { ["a"] = 1 }), cancellation: Cancellation);
        Assert.Equal(["a"], values.Keys);
        Assert.Equal(2, await _cache.GetOrCreateAsync("b", _ => ValueTask.FromResult(2), cancellation: Cancellation));
    }

    [Fact]
    public async Task An_exception_reaches_all_who_waited_for_one_of_the_keys()
    {
        TaskCompletionSource<IReadOnlyDictionary<string, int>> outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task many = _cache.GetOrCreateManyAsync(["a", "b"], (_, _) => new ValueTask<IReadOnlyDictionary<string, int>>(outcome.Task), cancellation: Cancellation).AsTask();
        Task single = _cache.GetOrCreateAsync("b", _ => ValueTask.FromResult(1), cancellation: Cancellation).AsTask();
        outcome.SetException(new TimeZoneNotFoundException());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => many);
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => single);
    }

    // The batch's caller has gone, but one of its keys is wanted by somebody else.
    [Fact]
    public async Task A_batch_is_cancelled_when_nobody_waits_for_any_of_its_keys()
    {
        TaskCompletionSource<IReadOnlyDictionary<string, int>> outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        CancellationToken seen = default;
        using CancellationTokenSource impatient = new(), alsoImpatient = new();
        Task many = _cache.GetOrCreateManyAsync(
            ["a", "b"],
            (_, token) =>
            {
                seen = token;
                return new ValueTask<IReadOnlyDictionary<string, int>>(outcome.Task);
            },
            cancellation: impatient.Token).AsTask();
        Task single = _cache.GetOrCreateAsync("b", _ => ValueTask.FromResult(1), cancellation: alsoImpatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => many);
        Assert.False(seen.IsCancellationRequested);
        await alsoImpatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => single);
        Assert.True(seen.IsCancellationRequested);
        outcome.SetCanceled(seen);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public async Task A_factory_that_asks_for_one_of_its_own_keys_is_told_so(string asked)
    {
        await Assert.ThrowsAsync<ReentrantCreationException>(() => _cache.GetOrCreateManyAsync<int>(
            ["a", "b"],
            async (missing, token) =>
            {
                int own = await _cache.GetOrCreateAsync(asked, _ => ValueTask.FromResult(1), cancellation: token);
                return missing.ToDictionary(key => key, _ => own);
            },
            cancellation: Cancellation).AsTask());
    }

    [Fact]
    public async Task Expired_keys_that_somebody_creates_are_served_old()
    {
        await _cache.SetAsync("a", 1, cancellation: Cancellation);
        _time.Advance(TimeSpan.FromMinutes(5));
        TaskCompletionSource<int> outcome = new();
        Task<int> creating = _cache.GetOrCreateAsync("a", _ => new ValueTask<int>(outcome.Task), cancellation: Cancellation).AsTask();
        IReadOnlyDictionary<string, int> values = await _cache.GetOrCreateManyAsync(["a"], (missing, _) => CreateAsync(missing, new()), cancellation: Cancellation);
        Assert.Equal(1, values["a"]);
        outcome.SetResult(2);
        Assert.Equal(2, await creating);
    }

    private static async ValueTask<IReadOnlyDictionary<string, int>> CreateAsync(IReadOnlyList<string> keys, ConcurrentDictionary<string, int> creations)
    {
        await Task.Yield();
        foreach (string key in keys)
            creations.AddOrUpdate(key, 1, static (_, count) => count + 1);
        return keys.ToDictionary(key => key, key => key.Length);
    }
}
