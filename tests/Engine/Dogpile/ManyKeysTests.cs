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

    // Prevents: keys whose creation was begun by a call that ended in the middle, and that everybody waits for ever after.
    [Fact]
    public async Task A_call_that_ends_at_one_key_leaves_nobody_waiting_for_the_others()
    {
        DogpileEntryOptions remembers = new() { ErrorExpiry = TimeSpan.FromHours(1) };
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => _cache.GetOrCreateAsync<int>("failed", _ => throw new TimeZoneNotFoundException(), remembers, Cancellation).AsTask());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => _cache.GetOrCreateManyAsync<int>(["a", "failed", "z"], Never, remembers, Cancellation).AsTask());

        // A creation of another type is found when others have been claimed or joined.
        TaskCompletionSource<string> text = new(), joined = new();
        Task<string> other = _cache.GetOrCreateAsync("text", _ => new ValueTask<string>(text.Task), cancellation: Cancellation).AsTask();
        CancellationToken seen = default;
        using CancellationTokenSource impatient = new();
        Task<int> single = _cache.GetOrCreateAsync(
            "b",
            async token =>
            {
                seen = token;
                await joined.Task;
                return 1;
            },
            cancellation: impatient.Token).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => _cache.GetOrCreateManyAsync<int>(["a", "b", "text"], Never, cancellation: Cancellation).AsTask());
        Assert.Equal(7, await _cache.GetOrCreateAsync("a", _ => ValueTask.FromResult(7), cancellation: Cancellation).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Cancellation));

        // Who joined has left: the last one who gives up ends the creation.
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => single);
        Assert.True(seen.IsCancellationRequested);
        joined.SetResult("");
        text.SetResult("text");
        Assert.Equal("text", await other);

        static ValueTask<IReadOnlyDictionary<string, int>> Never(IReadOnlyList<string> keys, CancellationToken token) => throw new InvalidOperationException("Nothing is to be created.");
    }

    // Prevents: a cancellation that nobody asked for. The call has given up when one of its keys had come and another was still being looked for, which somebody else waits for.
    [Fact]
    public async Task A_key_that_has_not_come_yet_keeps_its_batch_going()
    {
        SlowStore store = new(new MemoryDogpileStore(_time));
        await using DogpileCache cache = new(new DogpileCacheOptions { TimeProvider = _time, Store = store });
        using CancellationTokenSource impatient = new();
        Task many = cache.GetOrCreateManyAsync(
            ["a", "b"],
            (missing, token) =>
            {
                token.ThrowIfCancellationRequested();
                return ValueTask.FromResult<IReadOnlyDictionary<string, int>>(missing.ToDictionary(key => key, _ => 2));
            },
            cancellation: impatient.Token).AsTask();
        await store.Looking.Task;
        Task<int> other = cache.GetOrCreateAsync("b", _ => ValueTask.FromResult(3), cancellation: Cancellation).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => many);
        store.Go.SetResult();
        Assert.Equal(2, await other);
    }

    [Fact]
    public async Task Old_values_are_served_while_the_keys_are_created_in_the_background_by_one_call()
    {
        DogpileEntryOptions patient = new() { Expiry = TimeSpan.FromMinutes(1), RefreshInBackground = true };
        await _cache.SetAsync("a", 1, patient, Cancellation);
        await _cache.SetAsync("b", 1, patient, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(2));
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentQueue<string> asked = new();
        IReadOnlyDictionary<string, int> values = await _cache.GetOrCreateManyAsync(["a", "b", "c"], MakeAsync, patient, Cancellation).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal((1, 1, 2), (values["a"], values["b"], values["c"]));
        go.SetResult();
        await Eventually.UntilAsync(() => _cache.TryGet("a", out int a) && a == 2 && _cache.TryGet("b", out int b) && b == 2, Cancellation);
        Assert.Equal(["a,b", "c"], asked.Order(StringComparer.Ordinal));

        async ValueTask<IReadOnlyDictionary<string, int>> MakeAsync(IReadOnlyList<string> missing, CancellationToken token)
        {
            asked.Enqueue(string.Join(',', missing));
            if (missing.Contains("a"))
                await go.Task;
            return missing.ToDictionary(key => key, _ => 2);
        }
    }

    [Fact]
    public async Task Young_values_are_refreshed_ahead_as_those_of_single_keys_are()
    {
        DogpileEntryOptions ahead = new() { Expiry = TimeSpan.FromMinutes(10), RefreshAhead = 0.5 };
        await _cache.SetAsync("a", 1, ahead, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(6));
        ConcurrentDictionary<string, int> creations = new();
        Assert.Equal(1, (await _cache.GetOrCreateManyAsync(["a"], (missing, _) => CreateAsync(missing, creations), ahead, Cancellation))["a"]);
        await Eventually.UntilAsync(() => _cache.Counters.Created == 1, Cancellation);
        Assert.Equal(1, creations["a"]);
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

    /// <summary>Looks for the second key when it is told to.</summary>
    private sealed class SlowStore(IDogpileStore inner) : DogpileStoreProxy(inner)
    {
        public TaskCompletionSource Looking { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            if (keys.Contains("dogpile:v:b"))
            {
                Looking.TrySetResult();
                await Go.Task;
            }

            return await base.GetManyAsync(keys, cancellation);
        }
    }
}
