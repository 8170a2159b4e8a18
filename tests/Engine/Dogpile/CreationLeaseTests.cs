using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Creations over a store and a mutex that a test has in its hand: early refreshes, values that are set by factories, mutexes that fail.</summary>
public sealed class CreationLeaseTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly DogpileEntryOptions Hour = new() { Expiry = TimeSpan.FromHours(1) };

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();
    private readonly MemoryDogpileStore _memory;
    private readonly List<DogpileCache> _caches = [];

    public CreationLeaseTests() => _memory = new MemoryDogpileStore(_time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (DogpileCache cache in _caches)
            await cache.DisposeAsync();
    }

    // The store has a copy of the young value that is to be refreshed: taken for the new one, it would end every refresh before it begins.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ahead_of_its_expiry_a_value_in_a_store_is_created_anew(bool withMutex)
    {
        DogpileEntryOptions options = Hour with { RefreshAhead = 0.5 };
        DogpileCache cache = Cache(withMutex ? new InProcessCreationMutex(_time) : null);
        await cache.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(30));
        Assert.Equal(1, await cache.GetOrCreateAsync("key", _creator.CreateAsync, options, Cancellation));
        (await _creator.NextAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation)).Outcome.SetResult(2);
        while (await cache.GetOrCreateAsync("key", _creator.CreateAsync, options, Cancellation) != 2)
            await Task.Yield();
        Assert.Equal(1, _creator.Calls);
    }

    // What another process has refreshed already is taken from the store.
    [Fact]
    public async Task A_later_value_in_the_store_is_taken_instead_of_an_early_refresh()
    {
        DogpileEntryOptions options = Hour with { RefreshAhead = 0.5 };
        DogpileCache one = Cache(), two = Cache();
        await one.SetAsync("key", 1, options, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(30));
        await two.SetAsync("key", 2, options, Cancellation);
        while (await one.GetOrCreateAsync("key", _creator.CreateAsync, options, Cancellation) != 2)
            await Task.Yield();
        Assert.Equal(0, _creator.Calls);
    }

    // A process that has loaded a value must know what it cost, or only its creator would ever refresh it early.
    [Fact]
    public async Task A_value_from_the_store_is_refreshed_early_by_chance_too()
    {
        DogpileEntryOptions options = Hour with { EarlyRefreshBeta = 100 };
        Task<int> creating = Cache().GetOrCreateAsync("key", _creator.CreateAsync, options, Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        _time.Advance(TimeSpan.FromMinutes(10));
        begun.Outcome.SetResult(1);
        await creating;
        DogpileCache other = Cache();
        _time.Advance(TimeSpan.FromMinutes(30));

        // 1,000 minutes of cost x beta, 30 left: nearly every call is an early one.
        for (int i = 0; i < 100; i++)
            Assert.Equal(1, await other.GetOrCreateAsync("key", _creator.CreateAsync, options, Cancellation));
        (await _creator.NextAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation)).Outcome.SetResult(2);
    }

    // Two factories of one process that set each other's key hold a lease each and wait for the other's.
    [Fact]
    public async Task Factories_of_one_process_that_set_each_others_key_are_told_so()
    {
        DogpileCache cache = Cache(new InProcessCreationMutex(_time));
        TaskCompletionSource bothCreate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int creating = 0;
        Task<int> one = CreateAsync("one", "two"), two = CreateAsync("two", "one");
        Exception?[] failures = await Task.WhenAll(new[] { one, two }.Select(static async task => (Exception?)await Record.ExceptionAsync(() => task))).WaitAsync(Patience, Cancellation);
        Assert.Single(failures, static failure => failure is ReentrantCreationException);
        Assert.Single(failures, static failure => failure is null);

        Task<int> CreateAsync(string key, string other) => cache.GetOrCreateAsync(
            key,
            async token =>
            {
                if (Interlocked.Increment(ref creating) == 2)
                    bothCreate.SetResult();
                await bothCreate.Task;
                await cache.SetAsync(other, 0, Hour, token);
                return 1;
            },
            Hour,
            Cancellation).AsTask();
    }

    // When the time is up a mutex may throw what it likes; and whether somebody has the key or nobody answers can't be told apart then.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Setting_gives_up_after_the_hard_time_out_and_says_what_is_known(bool throwsSomethingElse)
    {
        DogpileCache cache = Cache(new SilentMutex(throwsSomethingElse));
        Task setting = cache.SetAsync("key", 1, Hour with { HardTimeout = TimeSpan.FromSeconds(1) }, Cancellation).AsTask();
        await _time.WhenArmedAsync(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        CreationTimeoutException e = await Assert.ThrowsAsync<CreationTimeoutException>(() => setting);
        Assert.Contains("not in the store", e.Message, StringComparison.Ordinal);
        Assert.Contains("the mutex had not answered", e.Message, StringComparison.Ordinal);
        Assert.True(cache.TryGet("key", out int value) && value == 1);
    }

    // The creation that it joins goes on with the old value, since somebody elsewhere creates: who wants a new one gets a new one.
    [Fact]
    public async Task A_refresh_that_joins_a_creation_which_falls_through_creates()
    {
        HeldMutex mutex = new();
        await using DogpileCache cache = new(new DogpileCacheOptions { Mutex = mutex, TimeProvider = _time });
        await cache.SetAsync("key", 1, Hour, Cancellation);
        _time.Advance(TimeSpan.FromHours(1));
        Task<int> fallingThrough = cache.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation).AsTask();
        Task<int> refreshing = cache.RefreshAsync("key", static _ => ValueTask.FromResult(2), Hour, Cancellation).AsTask();
        mutex.Answer.SetResult();
        Assert.Equal(1, await fallingThrough);
        Assert.Equal(2, await refreshing);
    }

    // The value is there: that its lease can't be given back is nobody's who asked for it.
    [Fact]
    public async Task A_lease_that_can_not_be_given_back_costs_nobody_a_value()
    {
        DogpileCache cache = Cache(new HeldMutex { Throws = true });
        Assert.Equal(1, await cache.RefreshAsync("key", static _ => ValueTask.FromResult(1), Hour, Cancellation));
        await cache.SetAsync("key", 2, Hour, Cancellation);
        Assert.True(cache.TryGet("key", out int value) && value == 2);
    }

    // A caller that was about to create when the cache was disposed of: its factory would run on after the disposal has waited for all of them.
    [Fact]
    public async Task No_factory_begins_after_the_disposal_has_ended()
    {
        InterruptedTime time = new();
        DogpileCache cache = new(new DogpileCacheOptions { TimeProvider = time });
        time.OnReading = () => Assert.True(cache.DisposeAsync().AsTask().IsCompletedSuccessfully);
        int creations = 0;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(++creations), Hour, Cancellation).AsTask());
        Assert.Equal(0, creations);
    }

    // A timer takes no more than 49.7 days: the exception would come out of the middle of a creation.
    [Theory]
    [InlineData(49, true)]
    [InlineData(50, false)]
    public async Task Time_outs_that_no_timer_takes_are_named(int days, bool isTaken)
    {
        foreach (DogpileEntryOptions options in (DogpileEntryOptions[])[Hour with { HardTimeout = TimeSpan.FromDays(days) }, Hour with { SoftTimeout = TimeSpan.FromDays(days) }])
        {
            Exception? e = await Record.ExceptionAsync(() => Cache().GetOrCreateAsync("key", static _ => ValueTask.FromResult(1), options, Cancellation).AsTask());
            Assert.Equal(isTaken, e is null);
            Assert.True(isTaken || e is OptionsException);
        }
    }

    private DogpileCache Cache(ICreationMutex? mutex = null)
    {
        DogpileCache cache = new(new DogpileCacheOptions { Store = _memory, Mutex = mutex, TimeProvider = _time, Seed = 1 });
        _caches.Add(cache);
        return cache;
    }

    /// <summary>Answers nobody until he gives up.</summary>
    private sealed class SilentMutex(bool throwsSomethingElse) : ICreationMutex
    {
        public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation)
        {
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
                return null;
            }
            catch (OperationCanceledException) when (throwsSomethingElse)
            {
                throw new TimeZoneNotFoundException();
            }
        }
    }

    /// <summary>Somebody elsewhere has it, for who does not wait.</summary>
    private sealed class HeldMutex : ICreationMutex
    {
        public TaskCompletionSource Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Throws { get; init; }

        public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation)
        {
            if (waits)
                return new Held(Throws);
            await Answer.Task;
            return null;
        }

        private sealed class Held(bool throws) : CreationLease
        {
            public override long FencingToken => 1;

            public override ValueTask DisposeAsync() => throws ? throw new TimeZoneNotFoundException() : ValueTask.CompletedTask;
        }
    }

    /// <summary>Something happens at the next reading of the clock.</summary>
    private sealed class InterruptedTime : TimeProvider
    {
        public Action? OnReading { get; set; }

        public override long GetTimestamp()
        {
            Action? happens = OnReading;
            OnReading = null;
            happens?.Invoke();
            return base.GetTimestamp();
        }
    }
}
