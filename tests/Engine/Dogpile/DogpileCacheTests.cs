using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>The cache over one key at a time: who creates, who waits, who gets the old value, what is kept.</summary>
public sealed class DogpileCacheTests : IAsyncDisposable
{
    private static readonly DogpileEntryOptions Minute = new() { Expiry = TimeSpan.FromMinutes(1) };

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();
    private readonly DogpileCache _cache;

    public DogpileCacheTests() => _cache = new DogpileCache(new DogpileCacheOptions { TimeProvider = _time, Seed = 1, Capacity = 100 });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    // The stampede: per expiry one creation, whatever the number of callers.
    [Fact]
    public async Task A_thousand_callers_make_one_creation_per_expiry()
    {
        for (int generation = 1; generation <= 3; generation++)
        {
            Task<int>[] callers = [.. Enumerable.Range(0, 1000).Select(_ => GetAsync())];
            (await _creator.NextAsync(Cancellation)).Outcome.SetResult(generation);
            int[] values = await Task.WhenAll(callers);
            Assert.All(values, value => Assert.InRange(value, Math.Max(1, generation - 1), generation));
            Assert.Equal(generation, _creator.Calls);
            Assert.Equal(generation, await GetAsync());
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(999 * 2, _cache.Counters.ServedStale);
    }

    // Real threads and no test in the middle: creations that overlap, or values of two generations at once.
    [Fact]
    public async Task On_many_threads_each_expiry_has_one_creation()
    {
        int creations = 0, running = 0;
        for (int round = 1; round <= 50; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(
                () => _cache.GetOrCreateAsync("key", async _ =>
                {
                    Assert.Equal(1, Interlocked.Increment(ref running));
                    await Task.Yield();
                    Interlocked.Decrement(ref running);
                    return Interlocked.Increment(ref creations);
                }, Minute, Cancellation).AsTask(), Cancellation)));
            Assert.Equal(round, creations);
            _time.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public async Task Beyond_StaleFor_nobody_gets_the_old_value(int seconds)
    {
        DogpileEntryOptions options = Minute with { StaleFor = TimeSpan.FromSeconds(seconds) };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(60 + seconds));
        Task<int> creating = GetAsync(options), waiting = GetAsync(options);
        Assert.False(waiting.IsCompleted);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        Assert.Equal((2, 2), (await creating, await waiting));
        Assert.Equal(1, _creator.Calls);
    }

    // A database that is away for a minute must not take the pages down that have yesterday's numbers.
    [Fact]
    public async Task A_failure_is_answered_with_the_old_value_when_asked_for_and_not_tried_again_at_once()
    {
        DogpileEntryOptions options = Minute with { ServeStaleOnError = true, ErrorBackoff = TimeSpan.FromSeconds(10) };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        Task<int> caller = GetAsync(options);
        (await _creator.NextAsync(Cancellation)).Outcome.SetException(new TimeZoneNotFoundException());
        Assert.Equal(1, await caller);
        Assert.Equal(1, await GetAsync(options));
        Assert.Equal(1, _creator.Calls);

        _time.Advance(TimeSpan.FromSeconds(10));
        Task<int> again = GetAsync(options);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        Assert.Equal(2, await again);
    }

    [Fact]
    public async Task An_exception_is_remembered_only_when_asked_for()
    {
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => FailAsync(Minute));
        DogpileEntryOptions remembering = Minute with { ErrorExpiry = TimeSpan.FromSeconds(5) };
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => FailAsync(remembering));
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => GetAsync(remembering));
        Assert.Equal(0, _creator.Calls);
        _time.Advance(TimeSpan.FromSeconds(5));
        Task<int> caller = GetAsync(remembering);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);
        Assert.Equal(1, await caller);

        Task<int> FailAsync(DogpileEntryOptions options) => _cache.GetOrCreateAsync<int>("key", _ => throw new TimeZoneNotFoundException(), options, Cancellation).AsTask();
    }

    // A caller with an old value in its hand waits a little for the new one, no longer; the creation goes on for the next.
    [Fact]
    public async Task After_the_soft_time_out_the_old_value_is_served_and_the_creation_goes_on()
    {
        DogpileEntryOptions options = Minute with { SoftTimeout = TimeSpan.FromSeconds(1) };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        Task<int> caller = GetAsync(options);
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await _time.WhenArmedAsync(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, await caller);
        Assert.False(begun.Token.IsCancellationRequested);
        begun.Outcome.SetResult(2);
        await UntilAsync(() => GetAsync(options), 2);
        Assert.Equal(1, _creator.Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_the_hard_time_out_a_caller_without_a_value_is_told(bool goesOn)
    {
        DogpileEntryOptions options = Minute with { HardTimeout = TimeSpan.FromSeconds(2), GoOnAfterTimeout = goesOn };
        Task<int> caller = GetAsync(options);
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await _time.WhenArmedAsync(1);
        _time.Advance(TimeSpan.FromSeconds(2));
        CreationTimeoutException e = await Assert.ThrowsAsync<CreationTimeoutException>(() => caller);
        Assert.Contains("'key'", e.Message, StringComparison.Ordinal);
        Assert.Equal(!goesOn, begun.Token.IsCancellationRequested);
        begun.Outcome.SetResult(1);
        await UntilAsync(() => GetAsync(options), 1);
    }

    [Fact]
    public async Task In_the_background_nobody_waits_for_the_next_value()
    {
        DogpileEntryOptions options = Minute with { RefreshInBackground = true };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await GetAsync(options));
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        await UntilAsync(() => GetAsync(options), 2);
        Assert.Equal(1, _creator.Calls);
    }

    [Fact]
    public async Task Ahead_of_its_expiry_a_value_that_is_asked_for_is_refreshed()
    {
        DogpileEntryOptions options = Minute with { RefreshAhead = 0.5 };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(1, await GetAsync(options));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, await GetAsync(options));
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        await UntilAsync(() => GetAsync(options), 2);
        Assert.Equal(1, _creator.Calls);
    }

    // XFetch: the chance that nobody has refreshed early falls with exp(-(time left) / (cost x beta)). Of 2,000 keys that cost 1 s and are asked for once with 1 s left,
    // 1/e are refreshed; the seed is fixed, so the figure is too.
    [Fact]
    public async Task Early_refreshes_are_as_likely_as_the_paper_says()
    {
        await using DogpileCache cache = new(new DogpileCacheOptions { TimeProvider = _time, Seed = 7, Capacity = 10_000 });
        DogpileEntryOptions options = Minute with { EarlyRefreshBeta = 1 };
        const int Keys = 2000;
        Task<int>[] callers = [.. Enumerable.Range(0, Keys).Select(i => cache.GetOrCreateAsync($"key{i}", _creator.CreateAsync, options, Cancellation).AsTask())];
        _time.Advance(TimeSpan.FromSeconds(1));
        for (int i = 0; i < Keys; i++)
            (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);
        await Task.WhenAll(callers);
        _time.Advance(TimeSpan.FromSeconds(59));
        int early = 0;
        for (int i = 0; i < Keys; i++)
            Assert.Equal(1, await cache.GetOrCreateAsync($"key{i}", _ => ValueTask.FromResult(1 + Interlocked.Increment(ref early)), options, Cancellation));
        await cache.DisposeAsync();
        Assert.InRange(cache.Counters.Created - Keys, 0.3 * Keys, 0.45 * Keys);
    }

    // Jitter may shorten a life, never lengthen it.
    [Fact]
    public async Task Jitter_spreads_expiries_below_the_expiry()
    {
        DogpileEntryOptions options = Minute with { Jitter = TimeSpan.FromSeconds(30), StaleFor = TimeSpan.Zero };
        for (int i = 0; i < 50; i++)
            await _cache.SetAsync($"key{i}", i, options, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(45));
        int left = Enumerable.Range(0, 50).Count(i => _cache.TryGet<int>($"key{i}", out _));
        Assert.InRange(left, 10, 40);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.DoesNotContain(Enumerable.Range(0, 50), i => _cache.TryGet<int>($"key{i}", out _));
    }

    [Fact]
    public async Task What_should_not_be_cached_is_handed_out_and_forgotten()
    {
        DogpileEntryOptions options = Minute with { ShouldCache = value => value is not null };
        Assert.Null(await _cache.GetOrCreateAsync<string?>("user", _ => ValueTask.FromResult<string?>(null), options, Cancellation));
        Assert.Equal("Ada", await _cache.GetOrCreateAsync<string?>("user", _ => ValueTask.FromResult<string?>("Ada"), options, Cancellation));
        Assert.Equal("Ada", await _cache.GetOrCreateAsync<string?>("user", _ => ValueTask.FromResult<string?>("Bob"), options, Cancellation));
    }

    // What the factory found says how long it is good for.
    [Fact]
    public async Task A_factory_may_say_how_its_value_is_treated()
    {
        DogpileEntryOptions brief = new() { Expiry = TimeSpan.FromSeconds(1), StaleFor = TimeSpan.Zero };
        ValueTask<int> GetBrief(int value) => _cache.GetOrCreateAsync(
            "key",
            value,
            (state, creation, _) =>
            {
                creation.Options = brief;
                return ValueTask.FromResult(state);
            },
            Minute,
            Cancellation);
        Assert.Equal(1, await GetBrief(1));
        Assert.Equal(1, await GetBrief(2));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await GetBrief(2));
    }

    // Readers with different demands share one value; each judges it for itself.
    [Fact]
    public async Task A_reader_judges_the_age_by_its_own_options()
    {
        await _cache.SetAsync("key", 1, Minute, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(1, await GetAsync(new DogpileEntryOptions { Expiry = TimeSpan.FromSeconds(31) }));
        Assert.Equal(2, await _cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(2), new DogpileEntryOptions { Expiry = TimeSpan.FromSeconds(30) }, Cancellation));
    }

    [Fact]
    public async Task A_factory_that_asks_for_its_own_key_is_told_so()
    {
        await Assert.ThrowsAsync<ReentrantCreationException>(() => _cache.GetOrCreateAsync(
            "key", async token => await _cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(1), Minute, token), Minute, Cancellation).AsTask());
    }

    [Fact]
    public async Task A_key_has_one_type()
    {
        await _cache.SetAsync("key", 1, Minute, Cancellation);
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => _cache.GetOrCreateAsync("key", _ => ValueTask.FromResult("1"), Minute, Cancellation).AsTask());
        Assert.Contains("System.String", e.Message, StringComparison.Ordinal);
    }

    // Memory is bounded, and what is asked for stays.
    [Fact]
    public async Task Beyond_its_capacity_it_forgets_what_nobody_asks_for()
    {
        await _cache.SetAsync("popular", 1, Minute, Cancellation);
        for (int i = 0; i < 1000; i++)
        {
            await _cache.SetAsync($"passing{i}", i, Minute, Cancellation);
            Assert.True(_cache.TryGet("popular", out int value) && value == 1);
        }

        Assert.Equal((100, 901), (_cache.Counters.Entries, _cache.Counters.Evicted));
    }

    // Prevents: a refresh that hands out what is there, because it may not be served when it is too old, which it is not.
    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    public async Task A_refresh_creates_anew_whatever_the_age(int staleForSeconds)
    {
        DogpileEntryOptions options = new() { StaleFor = TimeSpan.FromSeconds(staleForSeconds) };
        await using DogpileCache cache = new();
        for (int value = 1; value <= 3; value++)
        {
            int next = value;
            Assert.Equal(next, await cache.RefreshAsync("key", _ => ValueTask.FromResult(next), options, Cancellation));
        }

        Assert.Equal(3, await cache.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), options, Cancellation));
    }

    [Fact]
    public async Task A_cached_function_is_called_once_an_argument()
    {
        int calls = 0;
        CachedFunction<int, string> square = _cache.Cached<int, string>("square", (n, _) => ValueTask.FromResult($"{n * n} ({++calls})"), Minute);
        Assert.Equal("9 (1)", await square.InvokeAsync(3, Cancellation));
        Assert.Equal("9 (1)", await square.InvokeAsync(3, Cancellation));
        Assert.Equal("16 (2)", await square.InvokeAsync(4, Cancellation));
        Assert.Equal("9 (3)", await square.RefreshAsync(3, Cancellation));
        await square.SetAsync(5, "set", Cancellation);
        Assert.True(square.TryGet(5, out string? set) && set == "set");
        await square.InvalidateAsync(5, cancellation: Cancellation);
        Assert.False(square.TryGet(5, out _));
        Assert.Equal("25 (4)", await square.InvokeAsync(5, Cancellation));
    }

    [Fact]
    public async Task After_disposal_nothing_runs_and_nothing_begins()
    {
        DogpileEntryOptions options = Minute with { RefreshInBackground = true };
        await _cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        await GetAsync(options);
        HandDrivenCreator.Begun background = await _creator.NextAsync(Cancellation);
        Task disposal = _cache.DisposeAsync().AsTask();
        Assert.True(background.Token.IsCancellationRequested);
        Assert.False(disposal.IsCompleted);
        background.Outcome.SetCanceled(background.Token);
        await disposal;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => GetAsync());
    }

    [Fact]
    public async Task Options_out_of_range_are_named()
    {
        DogpileEntryOptions wrong = new() { Expiry = TimeSpan.FromSeconds(1), Jitter = TimeSpan.FromSeconds(2), RefreshAhead = 1.5, EarlyRefreshBeta = -1 };
        OptionsException e = await Assert.ThrowsAsync<OptionsException>(() => GetAsync(wrong));
        foreach (string name in new[] { "Jitter", "RefreshAhead", "EarlyRefreshBeta" })
            Assert.Contains($"DogpileEntryOptions.{name}", e.Message, StringComparison.Ordinal);
    }

    private async Task<int> GetAsync(DogpileEntryOptions? options = null) => await _cache.GetOrCreateAsync("key", _creator.CreateAsync, options ?? Minute, Cancellation);

    // What runs in the background ends on another thread.
    private static async Task UntilAsync(Func<Task<int>> get, int expected)
    {
        while (await get().WaitAsync(Cancellation) != expected)
            await Task.Yield();
    }
}
