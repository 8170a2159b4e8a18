using System.Text.Json.Serialization;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Caches of several processes (here: several caches) on one store, with and without a mutex between their creators.</summary>
public sealed class StoreTests : IAsyncDisposable
{
    private static readonly DogpileEntryOptions Minute = new() { Expiry = TimeSpan.FromMinutes(1), Tags = ["prices"] };

    private readonly HandDrivenTimeProvider _time = new();
    private readonly MemoryDogpileStore _memory;
    private readonly List<DogpileCache> _caches = [];

    public StoreTests() => _memory = new MemoryDogpileStore(_time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (DogpileCache cache in _caches)
            await cache.DisposeAsync();
    }

    [Fact]
    public async Task What_one_process_created_the_other_finds_until_it_is_too_old()
    {
        DogpileCache one = Cache(), two = Cache();
        Assert.Equal(1, await GetAsync(one, 1));
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(1, await GetAsync(two, 2));
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(2, await GetAsync(two, 2));
        Assert.Equal(2, await GetAsync(one, 3));
    }

    [Theory]
    [InlineData("key", Invalidation.Hard)]
    [InlineData("key", Invalidation.Soft)]
    [InlineData("tag", Invalidation.Hard)]
    [InlineData("tag", Invalidation.Soft)]
    [InlineData("region", Invalidation.Hard)]
    [InlineData("region", Invalidation.Soft)]
    public async Task An_invalidation_in_one_process_is_seen_by_others_at_their_next_read(string what, Invalidation kind)
    {
        DogpileCache one = Cache(), two = Cache(near: TimeSpan.FromSeconds(5));
        await GetAsync(one, 1);
        Assert.Equal(1, await GetAsync(two, 2));
        _time.Advance(TimeSpan.FromSeconds(1));
        await (what switch
        {
            "key" when kind == Invalidation.Hard => one.RemoveAsync("key", Cancellation),
            "key" => one.ExpireAsync("key", Cancellation),
            "tag" => one.InvalidateTagAsync("prices", kind, Cancellation),
            _ => one.InvalidateAsync(kind, Cancellation),
        });
        Assert.Equal(1, await GetAsync(two, 2));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(2, await GetAsync(two, 2));
        Assert.Equal(2, await GetAsync(one, 3));
    }

    [Fact]
    public async Task Regions_keep_apart_on_one_store()
    {
        DogpileCache one = Cache(), two = Cache(region: "other");
        Assert.Equal((1, 2), (await GetAsync(one, 1), await GetAsync(two, 2)));
    }

    // A store that is away must cost time, not answers.
    [Fact]
    public async Task Without_its_store_the_cache_goes_on()
    {
        DogpileCache cache = Cache(store: new FailingStore(_memory));
        Assert.Equal(1, await GetAsync(cache, 1));
        Assert.Equal(1, await GetAsync(cache, 2));
        await Assert.ThrowsAsync<TimeoutException>(() => cache.RemoveAsync("key", Cancellation).AsTask());
        Assert.Equal(3, await GetAsync(cache, 3));
    }

    // The new version of the program can't read what the old one wrote.
    [Fact]
    public async Task Bytes_that_cannot_be_read_are_created_anew()
    {
        await Cache().SetAsync("key", "not a number", Minute, Cancellation);
        Assert.Equal(1, await GetAsync(Cache(), 1));
    }

    [Fact]
    public async Task A_type_without_a_serializer_is_named()
    {
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(
            () => Cache().GetOrCreateAsync("key", _ => ValueTask.FromResult(new Price("EUR", 1)), Minute, Cancellation).AsTask());
        Assert.Contains(nameof(Price), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_are_stored_as_json()
    {
        DogpileCacheOptions options = new() { Store = _memory, TimeProvider = _time, Serializers = new DogpileSerializers().AddJson(PriceContext.Default.Price) };
        await using DogpileCache one = new(options), two = new(options);
        Price price = new("EUR", 12.5m);
        await one.SetAsync("price", price, Minute, Cancellation);
        Assert.Equal(price, await two.GetOrCreateAsync("price", _ => ValueTask.FromResult(new Price("?", 0)), Minute, Cancellation));
    }

    // Thirty requests in three processes at the start: one creation, not three.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_a_mutex_several_processes_make_one_creation(bool withFiles)
    {
        using TemporaryFolder folder = new();
        int creations = 0, running = 0;
        Task<int>[] callers =
        [
            .. Enumerable.Range(0, 3).Select(_ => Cache(mutex: withFiles ? new FileCreationMutex(folder.Path, TimeSpan.FromMilliseconds(1)) : Shared))
                .SelectMany(cache => Enumerable.Range(0, 10).Select(_ => Task.Run(() => cache.GetOrCreateAsync("key", CreateAsync, Minute, Cancellation).AsTask()))),
        ];
        Assert.All(await Task.WhenAll(callers), value => Assert.Equal(1, value));

        async ValueTask<int> CreateAsync(CancellationToken token)
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            await Task.Yield();
            Interlocked.Decrement(ref running);
            return Interlocked.Increment(ref creations);
        }
    }

    private InProcessCreationMutex Shared { get; } = new();

    // While another process creates, this one goes on with its old value instead of waiting for the mutex.
    [Fact]
    public async Task Whoever_has_an_old_value_falls_through_a_mutex_that_is_taken()
    {
        DogpileCache cache = Cache(mutex: Shared);
        await cache.SetAsync("key", 1, Minute, Cancellation);
        _time.Advance(TimeSpan.FromMinutes(1));
        await using (CreationLease? lease = await Shared.AcquireAsync("dogpile:v:key", waits: false, Cancellation))
        {
            Assert.NotNull(lease);
            Assert.Equal(1, await GetAsync(cache, 2));
        }

        Assert.Equal(2, await GetAsync(cache, 2));
    }

    // The creator's machine was suspended, its lease ran out, somebody else has created: what it writes when it wakes up must change nothing.
    [Fact]
    public async Task A_creator_that_lost_its_lease_writes_nothing_and_takes_the_other_value()
    {
        RevocableMutex mutex = new();
        DogpileCache slow = Cache(mutex: mutex), quick = Cache(mutex: mutex);
        TaskCompletionSource suspended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<int> late = slow.GetOrCreateAsync("key", async _ => { await suspended.Task; return 1; }, Minute, Cancellation).AsTask();
        await mutex.RevokeAsync();
        Assert.Equal(2, await GetAsync(quick, 2));
        suspended.SetResult();
        Assert.Equal(2, await late);
        Assert.Equal("2", System.Text.Encoding.UTF8.GetString((await _memory.GetAsync("dogpile:v:key", Cancellation))!.Payload.Span));
    }

    // A creator that hears of its loss and stops: its callers asked for no error, they get the other's value.
    [Fact]
    public async Task A_creator_that_is_told_of_its_lost_lease_costs_its_callers_nothing()
    {
        RevocableMutex mutex = new();
        DogpileCache slow = Cache(mutex: mutex);
        Task<int> late = slow.GetOrCreateAsync("key", async token => { await Task.Delay(Timeout.Infinite, token); return 1; }, Minute, Cancellation).AsTask();
        DogpileCache quick = Cache(mutex: mutex);
        mutex.HandOver = () => GetAsync(quick, 2);
        await mutex.RevokeAsync();
        Assert.Equal(2, await late);
    }

    // Batches take their leases in one order: two processes with the same keys the other way round must not wait in a circle.
    [Fact]
    public async Task Batches_of_several_processes_create_each_key_once()
    {
        System.Collections.Concurrent.ConcurrentDictionary<string, int> creations = new();
        string[] keys = [.. Enumerable.Range(0, 20).Select(i => $"k{i}")];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => Cache(mutex: Shared).GetOrCreateManyAsync(
            i % 2 == 0 ? keys : keys.Reverse(),
            async (missing, _) =>
            {
                await Task.Yield();
                return (IReadOnlyDictionary<string, int>)missing.ToDictionary(key => key, key => creations.AddOrUpdate(key, 1, (_, n) => n + 1));
            },
            Minute,
            Cancellation).AsTask())));
        Assert.Equal(20, creations.Count);
        Assert.All(creations, key => Assert.Equal(1, key.Value));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(201)]
    [InlineData(100_000)]
    public async Task Keys_that_are_too_long_for_a_store_get_a_hash(int length)
    {
        string key = new('k', length), other = new string('k', length - 1) + 'j';
        Assert.InRange(DogpileKeys.Mangle(key).Length, 1, DogpileKeys.Longest);
        Assert.NotEqual(DogpileKeys.Mangle(key), DogpileKeys.Mangle(other));
        await Cache().SetAsync(key, 1, Minute, Cancellation);
        Assert.Equal(1, await Cache().GetOrCreateAsync(key, _ => ValueTask.FromResult(2), Minute, Cancellation));
    }

    [Fact]
    public async Task Tokens_of_a_mutex_grow_across_its_objects()
    {
        using TemporaryFolder folder = new();
        long last = 0;
        for (int i = 0; i < 3; i++)
        {
            await using CreationLease? lease = await new FileCreationMutex(folder.Path).AcquireAsync("a/key", waits: true, Cancellation);
            Assert.True(lease!.FencingToken > last);
            last = lease.FencingToken;
            Assert.Null(await new FileCreationMutex(folder.Path).AcquireAsync("a/key", waits: false, Cancellation));
        }
    }

    [Fact]
    public async Task The_store_in_memory_forgets_what_is_over()
    {
        StoredValue brief = new(new byte[] { 1 }, _time.GetUtcNow(), _time.GetUtcNow(), _time.GetUtcNow().AddSeconds(1), 0, []);
        for (int i = 0; i < 1023; i++)
            await _memory.SetAsync($"k{i}", brief, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await _memory.GetAsync("k0", Cancellation));
        for (int i = 0; i < 2; i++)
            await _memory.SetAsync($"forever{i}", brief with { KeepUntil = null }, Cancellation);
        Assert.Equal(2, _memory.Count);
    }

    private DogpileCache Cache(TimeSpan? near = null, string region = "dogpile", IDogpileStore? store = null, ICreationMutex? mutex = null)
    {
        DogpileCache cache = new(new DogpileCacheOptions { Store = store ?? _memory, TimeProvider = _time, NearExpiry = near, Region = region, Mutex = mutex });
        _caches.Add(cache);
        return cache;
    }

    private static async Task<int> GetAsync(DogpileCache cache, int created) => await cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(created), Minute, Cancellation);

    /// <summary>A lease that can be lost.</summary>
    private sealed class RevocableMutex : ICreationMutex
    {
        private readonly SemaphoreSlim _free = new(1, 1);
        private long _token;
        private Held? _current;

        /// <summary>Runs between the loss and the loser's being told.</summary>
        public Func<Task> HandOver { get; set; } = static () => Task.CompletedTask;

        public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation) =>
            await _free.WaitAsync(waits ? Timeout.Infinite : 0, cancellation) ? _current = new Held(_free, ++_token) : null;

        public async Task RevokeAsync()
        {
            Held lost = _current!;
            lost.Free();
            await HandOver();
            await lost.Lost.CancelAsync();
        }

        private sealed class Held(SemaphoreSlim free, long token) : CreationLease
        {
            private int _isFree;

            public CancellationTokenSource Lost { get; } = new();

            public override long FencingToken => token;

            public override CancellationToken LostToken => Lost.Token;

            public void Free()
            {
                if (Interlocked.Exchange(ref _isFree, 1) == 0)
                    free.Release();
            }

            public override ValueTask DisposeAsync()
            {
                Free();
                return ValueTask.CompletedTask;
            }
        }
    }

    private sealed class FailingStore(IDogpileStore inner) : DogpileStoreProxy(inner)
    {
        public override ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) => throw new TimeoutException();

        public override ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation) => throw new TimeoutException();

        public override ValueTask RemoveAsync(string key, CancellationToken cancellation) => throw new TimeoutException();
    }
}

internal sealed record Price(string Currency, decimal Amount);

[JsonSerializable(typeof(Price))]
internal sealed partial class PriceContext : JsonSerializerContext;
