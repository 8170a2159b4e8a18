using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Caches of several processes (here: several clients) on a real server, whose memory follows what the others change.</summary>
public sealed class RedisStoreTests(SharedRedisServer shared) : IAsyncLifetime
{
    private static readonly DogpileEntryOptions Hour = new() { Expiry = TimeSpan.FromHours(1), Tags = ["prices"] };

    private readonly string _prefix = SharedRedisServer.NewPrefix();
    private readonly List<IAsyncDisposable> _parts = [];
    private PrivateRedisServer _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await shared.GetAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable part in Enumerable.Reverse(_parts))
            await part.DisposeAsync();
    }

    [Fact]
    public async Task A_value_comes_back_as_it_was()
    {
        RedisDogpileStore store = await StoreAsync();
        DateTimeOffset now = new(2031, 5, 6, 7, 8, 9, TimeSpan.Zero);
        StoredValue value = new(new byte[] { 1, 0, 255 }, now, now.AddSeconds(2), DateTimeOffset.UtcNow.AddHours(1), 1L << 60, ["a", "größer"], IsExpired: true);

        Assert.True(await store.SetAsync("k", value, Cancellation));
        StoredValue? found = await store.GetAsync("k", Cancellation);
        IReadOnlyList<StoredValue?> many = await store.GetManyAsync(["k", "none"], Cancellation);

        Assert.NotNull(found);
        Assert.Equal(value.Payload.ToArray(), found.Payload.ToArray());
        Assert.Equal(value.Tags.AsEnumerable(), found.Tags);
        Assert.Equal(value with { Payload = default, Tags = [] }, found with { Payload = default, Tags = [] });
        Assert.Equal(found.FencingToken, many[0]!.FencingToken);
        Assert.Null(many[1]);
        await store.RemoveAsync("k", Cancellation);
        Assert.Null(await store.GetAsync("k", Cancellation));
    }

    // A creator that was paused beyond its lease writes late: what its successor has written stays.
    [Theory]
    [InlineData(5, 4, false)]
    [InlineData(5, 5, true)]
    [InlineData(5, 6, true)]
    [InlineData((1L << 32) + 1, 1L << 32, false)]
    [InlineData(1L << 32, (1L << 32) - 1, false)]
    [InlineData((1L << 53) + 1, 1L << 53, false)]
    public async Task A_lower_token_changes_nothing(long first, long second, bool isTaken)
    {
        RedisDogpileStore store = await StoreAsync();
        Assert.True(await store.SetAsync("k", Value(1, first), Cancellation));

        Assert.Equal(isTaken, await store.SetAsync("k", Value(2, second), Cancellation));
        Assert.Equal(isTaken ? 2 : 1, (await store.GetAsync("k", Cancellation))!.Payload.Span[0]);
    }

    [Fact]
    public async Task The_server_forgets_a_value_when_its_time_is_over()
    {
        RedisDogpileStore store = await StoreAsync();
        await store.SetAsync("short", Value(1, 1) with { KeepUntil = DateTimeOffset.UtcNow.AddMilliseconds(1) }, Cancellation);
        await store.SetAsync("over", Value(1, 1) with { KeepUntil = DateTimeOffset.UtcNow.AddHours(-1) }, Cancellation);
        await store.SetAsync("for ever", Value(1, 1), Cancellation);

        await EventuallyAsync(async () => await store.GetAsync("short", Cancellation) is null && await store.GetAsync("over", Cancellation) is null);
        Assert.NotNull(await store.GetAsync("for ever", Cancellation));
    }

    // Bytes of a later version, or somebody else's: the value is created, and nobody gets an error.
    [Fact]
    public async Task What_can_not_be_read_is_created_anew()
    {
        RespClient client = await ClientAsync();
        DogpileCache cache = await CacheAsync();
        await client.SetAsync($"{_prefix}:dogpile:v:k", "garbage", cancellationToken: Cancellation);

        Assert.Equal(7, await GetAsync(cache, 7));
    }

    [Theory]
    [InlineData(true, "set")]
    [InlineData(true, "remove")]
    [InlineData(true, "tag")]
    [InlineData(true, "region")]
    [InlineData(true, "foreign")]
    [InlineData(false, "set")]
    [InlineData(false, "remove")]
    [InlineData(false, "tag")]
    [InlineData(false, "region")]
    public async Task What_one_process_changes_leaves_the_memory_of_the_others_at_once(bool tracking, string what)
    {
        DogpileCache one = await CacheAsync(tracking), two = await CacheAsync(tracking);
        await FollowsAsync(one, two);
        Assert.Equal(1, await GetAsync(one, 1));
        await EventuallyAsync(async () => await GetAsync(two, 2) == 1);

        await (what switch
        {
            "set" => one.SetAsync("k", 9, Hour, Cancellation),
            "remove" => one.RemoveAsync("k", Cancellation),
            "tag" => one.InvalidateTagAsync("prices", Invalidation.Hard, Cancellation),
            "region" => one.InvalidateAsync(Invalidation.Hard, Cancellation),
            _ => ForeignAsync(),
        });

        int expected = what == "set" ? 9 : 3;
        await EventuallyAsync(async () => await GetAsync(two, 3) == expected);

        async ValueTask ForeignAsync() => await (await ClientAsync()).DeleteAsync($"{_prefix}:dogpile:v:k", cancellationToken: Cancellation);
    }

    // While nobody tells of changes anything may have happened: what is in memory is looked up again after the connection was lost.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_change_that_nobody_could_tell_of_is_found_after_the_gap(bool tracking)
    {
        // A server of its own: every connection to it is killed, and others' tests have theirs to the shared one.
        _parts.Add(_server = await PrivateRedisServer.StartAsync([], Cancellation));
        DogpileCache one = await CacheAsync(tracking), two = await CacheAsync(tracking);
        await FollowsAsync(one, two);
        Assert.Equal(1, await GetAsync(one, 1));
        await EventuallyAsync(async () => await GetAsync(two, 2) == 1);
        RespClient control = await ClientAsync();

        for (int value = 10; value < 15; value++)
        {
            await control.Command("CLIENT").Write("KILL").Write("TYPE").Write("normal").Write("SKIPME").Write("yes").ExecuteAsync();
            await control.Command("CLIENT").Write("KILL").Write("TYPE").Write("pubsub").Write("SKIPME").Write("yes").ExecuteAsync();
            int written = value;
            await EventuallyAsync(async () =>
            {
                // A write that failed counts as not done; its connection may have been one of those.
                await one.SetAsync("k", written, Hour, Cancellation);
                using RespLease stored = await control.GetLeaseAsync($"{_prefix}:dogpile:v:k", cancellationToken: Cancellation);
                return stored.Span.EndsWith(Encoding.UTF8.GetBytes($"{written}"));
            });
            await EventuallyAsync(async () => await GetAsync(two, 3) == written);
        }
    }

    // The feed tells of a cache's own writes too: they cost a look-up, and never a creation.
    [Fact]
    public async Task Its_own_writes_make_nothing_be_created_again()
    {
        NoticedStore store = new(await StoreAsync(tracking: true));
        await using DogpileCache cache = new(new DogpileCacheOptions { Store = store });
        await EventuallyAsync(async () =>
        {
            // Until the feed has begun nothing is told.
            await cache.SetAsync("probe", 0, Hour, Cancellation);
            return store.HasTold("dogpile:v:probe");
        });
        Assert.Equal(1, await GetAsync(cache, 1));
        await EventuallyAsync(() => Task.FromResult(store.HasTold("dogpile:v:k")));
        int reads = store.Reads;
        Assert.Equal(1, await GetAsync(cache, 2));
        Assert.Equal(1, await GetAsync(cache, 2));
        Assert.Equal(2, store.Reads - reads); // one look-up: the value, and the marks of its tags
        Assert.Equal(1, cache.Counters.Created);
    }

    // A store that is away says nothing about a value: what is young enough is served on instead of being created by everybody at once.
    [Fact]
    public async Task When_the_store_is_away_doubtful_values_are_served_on()
    {
        FeedingStore store = new();
        await using DogpileCache cache = new(new DogpileCacheOptions { Store = store });
        Assert.Equal(1, await GetAsync(cache, 1));
        store.IsAway = true;
        store.Tell(null);

        Assert.Equal(1, await GetAsync(cache, 2));
        store.IsAway = false;
        store.Tell(null);
        store.Values.Clear();
        Assert.Equal(3, await GetAsync(cache, 3));
    }

    // The change is told while the value is being read: what was read may be from before it, and must not stay.
    [Theory]
    [InlineData("dogpile:v:k")]
    [InlineData("dogpile:t:prices:hard")]
    [InlineData("dogpile:r:soft")]
    [InlineData(null)]
    public async Task A_change_during_the_read_is_not_missed(string? changed)
    {
        FeedingStore store = new();
        await using DogpileCache writer = new(new DogpileCacheOptions { Store = store.Silent }), reader = new(new DogpileCacheOptions { Store = store });
        Assert.Equal(1, await GetAsync(writer, 1));
        store.AfterNextRead = () =>
        {
            writer.SetAsync("k", 2, Hour, Cancellation).AsTask().GetAwaiter().GetResult();
            store.Tell(changed);
        };
        Assert.InRange(await GetAsync(reader, 3), 1, 2); // it asked before the change

        Assert.Equal(2, await GetAsync(reader, 3));
    }

    private static StoredValue Value(byte payload, long token) => new(new[] { payload }, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow, null, token, ImmutableArray<string>.Empty);

    private static ValueTask<int> GetAsync(DogpileCache cache, int create) => cache.GetOrCreateAsync("k", _ => ValueTask.FromResult(create), Hour, Cancellation);

    // Prevents: values that a server without tracking has evicted, or another program has replaced, and that memory serves until they expire.
    [Fact]
    public async Task Where_the_server_refuses_to_track_memory_asks_again_after_a_short_time()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        Assert.Equal("+OK", await server.AskAsync(["ACL", "SETUSER", "default", "-client|tracking"], Cancellation));
        HandDrivenTimeProvider time = new();
        await using RespClient one = await RespClient.ConnectAsync(server.Url, Cancellation), two = await RespClient.ConnectAsync(server.Url, Cancellation);
        await using RedisDogpileStore store = new(one), other = new(two);
        await using DogpileCache cache = new(new DogpileCacheOptions { Store = store, TimeProvider = time }), writer = new(new DogpileCacheOptions { Store = other, TimeProvider = time });

        // It listens instead: what another cache sets is told.
        await FollowsAsync(cache, writer);
        Assert.Equal(TimeSpan.FromSeconds(10), store.Backstop);

        // What another program does is not: it is found after the short time.
        await writer.SetAsync("k", 1, Hour, Cancellation);
        await EventuallyAsync(async () => await cache.GetOrCreateAsync("k", static _ => ValueTask.FromResult(-1), Hour, Cancellation) == 1);
        Assert.Equal(1, await two.Command("DEL").Key("sluice:dogpile:v:k").ToInt64Async(cancellationToken: Cancellation));
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(2, await cache.GetOrCreateAsync("k", static _ => ValueTask.FromResult(2), Hour with { StaleFor = TimeSpan.Zero }, Cancellation));
    }

    // Prevents: an expiry that reads and writes, between which somebody removes the key, or writes the next value: the old one would be back.
    [Fact]
    public async Task An_expiry_brings_nothing_back_and_leaves_the_rest_as_it_is()
    {
        IDogpileStore store = await StoreAsync();
        await store.ExpireAsync("none", Cancellation);
        Assert.Null(await store.GetAsync("none", Cancellation));
        StoredValue value = Value(7, 3) with { KeepUntil = DateTimeOffset.UtcNow.AddHours(1) };
        await store.SetAsync("k", value, Cancellation);
        RespClient client = await ClientAsync();
        long before = await client.Command("PTTL").Key($"{_prefix}:k").ToInt64Async(cancellationToken: Cancellation);
        await store.ExpireAsync("k", Cancellation);
        await store.ExpireAsync("k", Cancellation);

        StoredValue? found = await store.GetAsync("k", Cancellation);
        Assert.True(found!.IsExpired);
        Assert.Equal((value.FencingToken, value.KeepUntil, value.Payload.Span[0]), (found.FencingToken, found.KeepUntil, found.Payload.Span[0]));
        Assert.InRange(await client.Command("PTTL").Key($"{_prefix}:k").ToInt64Async(cancellationToken: Cancellation), 1, before);
    }

    private static Task EventuallyAsync(Func<Task<bool>> isSo) => Eventually.UntilAsync(isSo, Cancellation);

    /// <summary>Both feeds have begun when a change of one is seen by the other, in both directions: a gap at the start would hide what a test is about.</summary>
    private static async Task FollowsAsync(DogpileCache one, DogpileCache two)
    {
        int turn = 0;
        foreach ((DogpileCache from, DogpileCache to) in ((DogpileCache, DogpileCache)[])[(one, two), (two, one)])
        {
            int value = ++turn;
            await from.SetAsync("probe", value, Hour, Cancellation);
            await EventuallyAsync(async () => await to.GetOrCreateAsync("probe", static _ => ValueTask.FromResult(-1), Hour, Cancellation) == value);
        }
    }

    private async Task<RespClient> ClientAsync()
    {
        RespClient client = await RespClient.ConnectAsync(_server.Url, Cancellation);
        _parts.Add(client);
        return client;
    }

    private async Task<RedisDogpileStore> StoreAsync(bool tracking = true)
    {
        RedisDogpileStore store = new(await ClientAsync(), new RedisDogpileStoreOptions { Prefix = _prefix, Tracking = tracking });
        _parts.Add(store);
        return store;
    }

    private async Task<DogpileCache> CacheAsync(bool tracking = true)
    {
        DogpileCache cache = new(new DogpileCacheOptions { Store = await StoreAsync(tracking) });
        _parts.Add(cache);
        return cache;
    }

    /// <summary>Says when a change has been told to the cache, and counts its reads.</summary>
    private sealed class NoticedStore(IDogpileStore inner) : DogpileStoreProxy(inner)
    {
        private readonly ConcurrentQueue<string?> _told = new();
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public bool HasTold(string name) => _told.Contains(name);

        public override ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _reads);
            return base.GetManyAsync(keys, cancellation);
        }

        public override IDisposable Watch(string keyPrefix, Action<string?> changed) => base.Watch(keyPrefix, name =>
        {
            changed(name);
            _told.Enqueue(name);
        });
    }

    /// <summary>A store in memory whose feed is a test's hand.</summary>
    private sealed class FeedingStore : IDogpileStore, IDogpileChangeFeed
    {
        private Action<string?>? _changed;

        public ConcurrentDictionary<string, StoredValue> Values { get; } = new();

        public bool IsAway { get; set; }

        public Action? AfterNextRead { get; set; }

        /// <summary>The same values, without a feed.</summary>
        public IDogpileStore Silent => new Silenced(this);

        public void Tell(string? name) => _changed?.Invoke(name);

        public ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation) =>
            IsAway ? throw new TimeoutException() : ValueTask.FromResult(Values.GetValueOrDefault(key));

        public ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            if (IsAway)
                throw new TimeoutException();
            StoredValue?[] values = [.. keys.Select(key => Values.GetValueOrDefault(key))];
            Action? after = AfterNextRead;
            AfterNextRead = null;
            after?.Invoke();
            return ValueTask.FromResult<IReadOnlyList<StoredValue?>>(values);
        }

        public ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation)
        {
            Values[key] = value;
            return ValueTask.FromResult(true);
        }

        public ValueTask RemoveAsync(string key, CancellationToken cancellation)
        {
            Values.TryRemove(key, out _);
            return ValueTask.CompletedTask;
        }

        public IDisposable Watch(string keyPrefix, Action<string?> changed)
        {
            Assert.Equal("dogpile:", keyPrefix);
            _changed = changed;
            return new MemoryStream();
        }

        private sealed class Silenced(IDogpileStore inner) : DogpileStoreProxy(inner)
        {
            public override IDisposable Watch(string keyPrefix, Action<string?> changed) => new MemoryStream();
        }
    }
}
