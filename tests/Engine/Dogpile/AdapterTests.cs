using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>The cache in the forms of Microsoft.Extensions.Caching, and one of these as its store.</summary>
public sealed class AdapterTests : IAsyncDisposable
{
    private static readonly HybridCacheEntryOptions Minute = new() { Expiration = TimeSpan.FromMinutes(1) };

    private readonly HandDrivenTimeProvider _time = new();
    private readonly MemoryDogpileStore _memory;
    private readonly List<DogpileCache> _caches = [];
    private int _created;

    public AdapterTests() => _memory = new MemoryDogpileStore(_time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (DogpileCache cache in _caches)
            await cache.DisposeAsync();
    }

    // Prevents: a stampede that HybridCache's callers were promised not to have.
    [Fact]
    public async Task Hybrid_callers_share_one_creation_and_never_get_what_has_expired()
    {
        DogpileHybridCache hybrid = new(Cache());
        HandDrivenCreator creator = new();
        for (int round = 1; round <= 2; round++)
        {
            Task<int>[] callers = [.. Enumerable.Range(0, 10).Select(_ => hybrid.GetOrCreateAsync("key", creator.CreateAsync, Minute, cancellationToken: Cancellation).AsTask())];
            (await creator.NextAsync(Cancellation)).Outcome.SetResult(round);
            Assert.All(await Task.WhenAll(callers), value => Assert.Equal(round, value));
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(2, creator.Calls);
    }

    [Fact]
    public async Task Hybrid_values_are_invalidated_by_tag_by_key_and_all_together()
    {
        DogpileHybridCache hybrid = new(Cache(_memory));
        Assert.Equal(1, await GetAsync(hybrid, tags: ["prices"]));
        Assert.Equal(1, await GetAsync(hybrid, tags: ["prices"]));
        await hybrid.RemoveByTagAsync("other", Cancellation);
        Assert.Equal(1, await GetAsync(hybrid));
        _time.Advance(TimeSpan.FromMilliseconds(1)); // a mark is one of what was begun in its own instant, too
        await hybrid.RemoveByTagAsync("prices", Cancellation);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, await GetAsync(hybrid));
        await hybrid.RemoveAsync("key", Cancellation);
        Assert.Equal(3, await GetAsync(hybrid));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await hybrid.RemoveByTagAsync("*", Cancellation);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(4, await GetAsync(hybrid));
        await hybrid.SetAsync("key", 9, Minute, ["prices"], Cancellation);
        Assert.Equal(9, await GetAsync(hybrid));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await hybrid.RemoveByTagAsync(["prices", "other"], Cancellation);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(5, await GetAsync(hybrid));
    }

    // Prevents: flags that are taken and mean nothing.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Hybrid_flags_are_honoured_or_refused(bool hasStore)
    {
        DogpileHybridCache hybrid = new(hasStore ? Cache(_memory) : Cache());
        HybridCacheEntryFlags reads = HybridCacheEntryFlags.DisableLocalCacheRead | HybridCacheEntryFlags.DisableDistributedCacheRead;
        HybridCacheEntryFlags writes = HybridCacheEntryFlags.DisableLocalCacheWrite | HybridCacheEntryFlags.DisableDistributedCacheWrite;
        Assert.Equal(0, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData));
        Assert.Equal(1, await GetAsync(hybrid, writes));
        Assert.Equal(2, await GetAsync(hybrid, HybridCacheEntryFlags.DisableCompression));
        Assert.Equal(2, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData));
        Assert.Equal(0, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData | reads));
        Assert.Equal(3, await GetAsync(hybrid, reads));
        Assert.Equal(4, await GetAsync(hybrid, reads | writes));
        Assert.Equal(3, await GetAsync(hybrid));
        await hybrid.SetAsync("key", 9, new HybridCacheEntryOptions { Flags = writes }, cancellationToken: Cancellation);
        Assert.Equal(3, await GetAsync(hybrid));
        if (hasStore)
            await Assert.ThrowsAsync<NotSupportedException>(() => GetAsync(hybrid, HybridCacheEntryFlags.DisableLocalCacheRead).AsTask());
        else
            Assert.Equal(5, await GetAsync(hybrid, HybridCacheEntryFlags.DisableLocalCacheRead));
    }

    // Prevents: a value that another process has replaced, served from memory for longer than the caller allows.
    [Fact]
    public async Task Hybrid_local_expiration_bounds_how_long_memory_goes_without_the_store()
    {
        DogpileHybridCache one = new(Cache(_memory)), two = new(Cache(_memory));
        HybridCacheEntryOptions brief = new() { Expiration = TimeSpan.FromMinutes(1), LocalCacheExpiration = TimeSpan.FromSeconds(5) };
        await one.SetAsync("key", 1, brief, cancellationToken: Cancellation);
        Assert.Equal(1, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), brief, cancellationToken: Cancellation));
        await one.SetAsync("key", 2, brief, cancellationToken: Cancellation);
        Assert.Equal(1, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), brief, cancellationToken: Cancellation));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, await two.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), brief, cancellationToken: Cancellation));

        // Without a store memory is all there is, and the shorter of both counts.
        DogpileHybridCache alone = new(Cache());
        await alone.SetAsync("key", 1, brief, cancellationToken: Cancellation);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, await alone.GetOrCreateAsync("key", static _ => ValueTask.FromResult(2), brief, cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Serializers_that_were_written_for_hybrid_caches_serve_stores()
    {
        DogpileSerializers serializers = new DogpileSerializers().Add(new VersionSerializer());
        await new DogpileHybridCache(Cache(_memory, serializers)).SetAsync("key", new Version(1, 2), cancellationToken: Cancellation);
        Assert.Equal(new Version(1, 2), await new DogpileHybridCache(Cache(_memory, serializers)).GetOrCreateAsync("key", static _ => ValueTask.FromResult(new Version()), cancellationToken: Cancellation));
    }

    // What is read from the store is kept in memory, and a look that finds nothing leaves nothing that would keep a creation away.
    [Fact]
    public async Task A_look_is_kept_and_holds_nobody_up()
    {
        CountingStore store = new(_memory);
        DogpileCache cache = Cache(store);
        DogpileHybridCache hybrid = new(cache);
        await new DogpileHybridCache(Cache(_memory)).SetAsync("other", 1, Minute, cancellationToken: Cancellation);
        HybridCacheEntryOptions looks = new() { Expiration = Minute.Expiration, Flags = HybridCacheEntryFlags.DisableUnderlyingData };
        for (int i = 0; i < 3; i++)
            Assert.Equal(1, await hybrid.GetOrCreateAsync("other", static _ => ValueTask.FromResult(-1), looks, cancellationToken: Cancellation));
        Assert.Equal(1, store.Reads);
        Assert.Equal(0, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData));
        HandDrivenCreator creator = new();
        Task<int> creating = cache.GetOrCreateAsync("key", creator.CreateAsync, cancellation: Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await creator.NextAsync(Cancellation);
        Assert.Equal(0, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData));
        begun.Outcome.SetResult(5);
        Assert.Equal(5, await creating);
        Assert.Equal(5, await GetAsync(hybrid, HybridCacheEntryFlags.DisableUnderlyingData));
    }

    // Any distributed cache is a store with everything that a store has: tokens, marks, ends.
    [Fact]
    public async Task A_distributed_cache_is_a_store()
    {
        Distributed distributed = new(_time);
        DistributedCacheStore store = new(distributed, time: _time);
        DogpileCache one = Cache(store), two = Cache(store);
        DogpileEntryOptions options = new() { Expiry = TimeSpan.FromMinutes(1), StaleFor = TimeSpan.FromMinutes(1), Tags = ["prices"] };
        Assert.Equal(1, await one.GetOrCreateAsync("key", _ => ValueTask.FromResult(++_created), options, Cancellation));
        Assert.Equal(1, await two.GetOrCreateAsync("key", _ => ValueTask.FromResult(++_created), options, Cancellation));
        Assert.Equal(TimeSpan.FromMinutes(2), distributed.LifeOf("dogpile:v:key"));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await one.InvalidateTagAsync("prices", Invalidation.Hard, Cancellation);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, await Cache(store).GetOrCreateAsync("key", _ => ValueTask.FromResult(++_created), options, Cancellation));

        StoredValue value = new(new byte[] { 1 }, _time.GetUtcNow(), _time.GetUtcNow(), null, 5, []);
        Assert.True(await store.SetAsync("fenced", value, Cancellation));
        Assert.False(await store.SetAsync("fenced", value with { FencingToken = 4 }, Cancellation));
        Assert.True(await store.SetAsync("fenced", value with { KeepUntil = _time.GetUtcNow() }, Cancellation)); // over already
        Assert.Null(await store.GetAsync("fenced", Cancellation));
        distributed.Values["broken"] = ([1, 2, 3], null);
        Assert.True(await store.SetAsync("broken", value, Cancellation));
        Assert.NotNull(await store.GetAsync("broken", Cancellation));
        await store.RemoveAsync("broken", Cancellation);
        Assert.Null(await store.GetAsync("broken", Cancellation));
    }

    private ValueTask<int> GetAsync(DogpileHybridCache hybrid, HybridCacheEntryFlags flags = HybridCacheEntryFlags.None, string[]? tags = null) => hybrid.GetOrCreateAsync(
        "key",
        _ => ValueTask.FromResult(++_created),
        flags == HybridCacheEntryFlags.None ? Minute : new HybridCacheEntryOptions { Expiration = Minute.Expiration, Flags = flags },
        tags,
        Cancellation);

    private DogpileCache Cache(IDogpileStore? store = null, DogpileSerializers? serializers = null)
    {
        DogpileCache cache = new(new DogpileCacheOptions { Store = store, TimeProvider = _time, Serializers = serializers ?? new DogpileSerializers() });
        _caches.Add(cache);
        return cache;
    }

    private sealed class VersionSerializer : IHybridCacheSerializer<Version>
    {
        public Version Deserialize(ReadOnlySequence<byte> source) => Version.Parse(System.Text.Encoding.UTF8.GetString(source.ToArray()));

        public void Serialize(Version value, IBufferWriter<byte> target) => target.Write(System.Text.Encoding.UTF8.GetBytes(value.ToString()));
    }

    private sealed class CountingStore(IDogpileStore inner) : DogpileStoreProxy(inner)
    {
        public int Reads { get; private set; }

        public override ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            Reads++;
            return base.GetManyAsync(keys, cancellation);
        }
    }

    /// <summary>Somebody else's cache. As they do, it takes no end that has passed.</summary>
    private sealed class Distributed(TimeProvider time) : IDistributedCache
    {
        public ConcurrentDictionary<string, (byte[] Value, DateTimeOffset? End)> Values { get; } = new();

        public TimeSpan? LifeOf(string key) => Values[key].End - time.GetUtcNow();

        public byte[]? Get(string key) => Values.TryGetValue(key, out (byte[] Value, DateTimeOffset? End) found) && !(found.End <= time.GetUtcNow()) ? found.Value : null;

        public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => Task.FromResult(Get(key));

        public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
        {
            Assert.True(options.AbsoluteExpirationRelativeToNow > TimeSpan.Zero);
            Values[key] = (value, time.GetUtcNow() + options.AbsoluteExpirationRelativeToNow);
        }

        public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
        {
            Set(key, value, options);
            return Task.CompletedTask;
        }

        public void Refresh(string key) => throw new NotSupportedException();

        public Task RefreshAsync(string key, CancellationToken token = default) => throw new NotSupportedException();

        public void Remove(string key) => Values.TryRemove(key, out _);

        public Task RemoveAsync(string key, CancellationToken token = default)
        {
            Remove(key);
            return Task.CompletedTask;
        }
    }
}
