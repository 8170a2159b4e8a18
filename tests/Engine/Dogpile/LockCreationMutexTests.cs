using Microsoft.Extensions.Logging;
using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Locking;
using Sluice.Tests.Locks;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Creators of several engines, whose connections, server and time are a test's.</summary>
public sealed class LockCreationMutexTests : IAsyncDisposable
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly DogpileEntryOptions Hour = new() { Expiry = TimeSpan.FromHours(1) };

    private readonly LockStage _stage = new();
    private readonly MemoryDogpileStore _store;
    private readonly List<DogpileCache> _caches = [];
    private readonly List<EventId> _logged = [];

    public LockCreationMutexTests() => _store = new MemoryDogpileStore(_stage.Time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (DogpileCache cache in _caches)
            await cache.DisposeAsync();
        await _stage.DisposeAsync();
    }

    // Prevents: a promise of two heartbeats that only holds for some lengths of one.
    [Theory]
    [InlineData(250)]
    [InlineData(5_000)]
    [InlineData(333_333)]
    public void The_lease_and_what_it_takes_to_learn_of_its_end_fit_into_two_heartbeats(int milliseconds)
    {
        long beat = milliseconds * 1_000L;
        LockTerms terms = LockTerms.OfCreations(new EngineLockOptions(), TimeSpan.FromMilliseconds(milliseconds), TimeSpan.FromSeconds(5), runsOut: true);
        Assert.Equal(beat, terms.RenewEvery);

        // What is left: for the alarm's 5 ms and two round trips. And for a beat that fails there is time to be repeated, before the creator has to think that it is replaced.
        Assert.InRange(2 * beat - terms.Lease, 50_000, beat / 2);
        Assert.InRange(terms.Lease - terms.Margin - beat, beat / 2, beat);
        Assert.Equal(Durations.Never, LockTerms.OfCreations(new EngineLockOptions(), Heartbeat, TimeSpan.FromSeconds(5), runsOut: false).RenewEvery);
    }

    // Prevents: a factory that sets its own key waiting for the lease that it has, in this process and then in all others.
    [Fact]
    public async Task A_factory_that_sets_its_own_key_is_told_so()
    {
        (DogpileCache cache, _) = NewCache();
        await Assert.ThrowsAsync<ReentrantCreationException>(() => cache.GetOrCreateAsync(
            "key",
            async token =>
            {
                await cache.SetAsync("key", 2, cancellation: token);
                return 1;
            },
            Hour,
            Cancellation).AsTask());
    }

    // Prevents: callers that wait for a dead creator longer than was promised, or for ever; and a creator from the dead that overwrites what its successor has made.
    [Fact]
    public async Task A_creator_that_dies_is_replaced_within_two_heartbeats()
    {
        (DogpileCache one, CuttableLocks connection) = NewCache();
        (DogpileCache two, _) = NewCache();
        HandDrivenCreator first = new(), second = new();
        Task<int> early = one.GetOrCreateAsync("key", first.CreateAsync, Hour, Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await first.NextAsync(Cancellation);
        Task<int> waiting = two.GetOrCreateAsync("key", second.CreateAsync, Hour, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));

        // While it lives nobody takes over, however long it takes.
        await _stage.PassAsync(Heartbeat * 5);
        Assert.Equal(0, second.Calls);
        Assert.False(begun.Token.IsCancellationRequested);

        // The worst moment: the last thing that it does is to renew.
        int renewals = connection.Renewals;
        while (connection.Renewals == renewals)
            await _stage.PassAsync(TimeSpan.FromMilliseconds(100));
        connection.IsCut = true;
        await _stage.PassAsync(Heartbeat * 2);
        HandDrivenCreator.Begun successor = await second.NextAsync(Cancellation).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        await LockStage.UntilAsync(() => begun.Token.IsCancellationRequested);
        successor.Outcome.SetResult(2);
        Assert.Equal(2, await waiting);

        // It was not dead after all, and comes with its value: the store has a later one, which its callers get.
        connection.IsCut = false;
        begun.Outcome.SetResult(1);
        Assert.Equal(2, await PassUntilAsync(early));
        Assert.Equal(2, await one.GetOrCreateAsync("key", static _ => ValueTask.FromResult(3), Hour, Cancellation));
        Assert.Contains(_logged, static id => id.Id == 62);
        Assert.Equal("2", System.Text.Encoding.UTF8.GetString((await _store.GetAsync("dogpile:v:key", Cancellation))!.Payload.Span));
    }

    // Prevents: a creation that holds up everybody who waits elsewhere for a value that they don't lack.
    [Fact]
    public async Task Who_has_an_old_value_goes_on_with_it_while_another_engine_creates()
    {
        (DogpileCache one, _) = NewCache();
        (DogpileCache two, _) = NewCache();
        Assert.Equal(1, await one.GetOrCreateAsync("key", static _ => ValueTask.FromResult(1), Hour, Cancellation));
        Assert.Equal(1, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation));
        _stage.Time.Leap(TimeSpan.FromHours(1));
        HandDrivenCreator creator = new();
        Task<int> creating = one.GetOrCreateAsync("key", creator.CreateAsync, Hour, Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await creator.NextAsync(Cancellation);
        Assert.Equal(1, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation));
        begun.Outcome.SetResult(2);
        Assert.Equal(2, await creating);
        await LockStage.UntilAsync(() => _stage.State.Records.IsEmpty);
        Assert.Equal(2, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation));
    }

    // Prevents: callers that get the coordinator's error, or wait for it for ever, although the value could be made. What was made without a lease is kept here, and loops nowhere if
    // the store, which works, has a value with a token.
    [Fact]
    public async Task A_coordinator_that_is_away_costs_time_and_exclusion_but_no_value()
    {
        (DogpileCache cache, CuttableLocks connection) = NewCache();
        await _store.SetAsync("dogpile:v:key", new StoredValue("1"u8.ToArray(), _stage.Time.GetUtcNow(), _stage.Time.GetUtcNow(), null, 7, [], IsExpired: true), Cancellation);
        connection.IsCut = true;
        int creations = 0;
        Task<int> asked = cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(10 + ++creations), Hour with { StaleFor = TimeSpan.Zero }, Cancellation).AsTask();
        Assert.Equal(11, await PassUntilAsync(asked));
        Assert.Contains(_logged, static id => id.Id == 66);
        Assert.DoesNotContain(_logged, static id => id.Id == 62);
        Assert.Equal(7, (await _store.GetAsync("dogpile:v:key", Cancellation))!.FencingToken);
        Assert.Equal(11, await cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(10 + ++creations), Hour, Cancellation));
    }

    // Prevents: an error from setting a value although memory and the store both work, and other processes that go on with the old one because its creator's token is the higher.
    [Fact]
    public async Task A_value_is_set_in_the_store_while_the_coordinator_is_away()
    {
        (DogpileCache cache, CuttableLocks connection) = NewCache();
        (DogpileCache other, _) = NewCache();
        await _store.SetAsync("dogpile:v:key", new StoredValue("1"u8.ToArray(), _stage.Time.GetUtcNow(), _stage.Time.GetUtcNow(), null, 7, []), Cancellation);
        connection.IsCut = true;
        Assert.True(await PassUntilAsync(SetAsync()));
        Assert.Equal(2, await other.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation));

        async Task<bool> SetAsync()
        {
            await cache.SetAsync("key", 2, Hour, Cancellation);
            return true;
        }
    }

    // Prevents: two processes whose factories set each other's key and wait for each other until one of them dies.
    [Fact]
    public async Task Factories_of_two_processes_that_set_each_others_key_end_after_the_hard_time_out()
    {
        (DogpileCache one, _) = NewCache();
        (DogpileCache two, _) = NewCache();
        DogpileEntryOptions patient = Hour with { HardTimeout = Heartbeat };
        TaskCompletionSource bothCreate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int creating = 0;
        Task<int>[] asked =
        [
            one.GetOrCreateAsync("one", token => CreateAndSetAsync(one, "two", token), Hour, Cancellation).AsTask(),
            two.GetOrCreateAsync("two", token => CreateAndSetAsync(two, "one", token), Hour, Cancellation).AsTask(),
        ];
        Exception?[] failures = await PassUntilAsync(Task.WhenAll(asked.Select(static async task => (Exception?)await Record.ExceptionAsync(() => task))));
        Assert.Contains(failures, static failure => failure is CreationTimeoutException && failure.Message.Contains("not in the store", StringComparison.Ordinal));

        async ValueTask<int> CreateAndSetAsync(DogpileCache cache, string key, CancellationToken token)
        {
            if (Interlocked.Increment(ref creating) == 2)
                bothCreate.SetResult();
            await bothCreate.Task;
            await cache.SetAsync(key, 0, patient, token);
            return 1;
        }
    }

    // Prevents: caches of one region that keep each other's creators out, or don't, depending on a key's length.
    [Fact]
    public async Task Keys_have_a_mutex_each_however_long_they_are()
    {
        (_, LockCreationMutex mutex, _) = NewMutex();
        foreach (string key in (string[])["k", new string('k', 503), new string('k', 504), new string('ö', 300) + "\U0001F512"])
        {
            Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(LockCreationMutex.NameOf(key)), 1, 512);
            await using CreationLease? lease = await mutex.AcquireAsync(key, waits: true, Cancellation);
            await using CreationLease? other = await mutex.AcquireAsync(key + "2", waits: false, Cancellation);
            Assert.NotNull(other);
            Assert.Null(await mutex.AcquireAsync(key, waits: false, Cancellation));
        }

        Assert.NotEqual(LockCreationMutex.NameOf(new string('k', 600)), LockCreationMutex.NameOf(new string('k', 601)));
    }

    // Prevents: a waiter that comes out of its wait empty-handed because a creation takes longer than its patience with the coordinator.
    [Fact]
    public async Task A_creation_may_take_longer_than_the_coordinator_may_be_silent()
    {
        (_, LockCreationMutex mutex, _) = NewMutex();
        CreationLease? lease = await mutex.AcquireAsync("key", waits: true, Cancellation);
        Task<CreationLease?> waiting = mutex.AcquireAsync("key", waits: true, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        await _stage.PassAsync(Heartbeat * 7);
        Assert.False(waiting.IsCompleted);
        await lease!.DisposeAsync();
        Assert.True((await PassUntilAsync(waiting))!.FencingToken > lease.FencingToken);
    }

    private (LockClient Client, LockCreationMutex Mutex, CuttableLocks Connection) NewMutex()
    {
        (LockClient client, CuttableLocks connection) =
            _stage.NewEngine(LockTerms.OfCreations(new EngineLockOptions(), Heartbeat, TimeSpan.FromSeconds(2), runsOut: true));
        return (client, new LockCreationMutex(new LockService(new EngineLockOptions(), () => client), Heartbeat * 2), connection);
    }

    private (DogpileCache Cache, CuttableLocks Connection) NewCache()
    {
        (_, LockCreationMutex mutex, CuttableLocks connection) = NewMutex();
        DogpileCache cache = new(new DogpileCacheOptions { Store = _store, Mutex = mutex, TimeProvider = _stage.Time, LoggerFactory = new Recorder(_logged) });
        _caches.Add(cache);
        return (cache, connection);
    }

    /// <summary>Lets time pass until something has come about.</summary>
    private async Task<T> PassUntilAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            await _stage.PassAsync(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(task, Task.Delay(1, Cancellation));
        }

        return await task;
    }

    private sealed class Recorder(List<EventId> logged) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (logged)
                logged.Add(eventId);
        }

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
            // It holds nothing.
        }
    }
}
