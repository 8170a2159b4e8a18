using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Servers;

/// <summary>The code of docs/redis.md, docs/resp.md and of what docs/locks.md and docs/dogpile.md do on servers.</summary>
public sealed class ServersTests(SharedRedisServer shared)
{
    private static readonly RespCommandPrefix ZAdd = new("ZADD", 3);

    private static readonly Script Take = new("return redis.call('DECRBY', KEYS[1], ARGV[1])");

    private static readonly FencedScript SetState = new("redis.call('SET', KEYS[1], ARGV[1])", "set-state");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_engine_on_two_servers()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer a = await PrivateRedisServer.StartAsync([], Cancellation), b = await PrivateRedisServer.StartAsync([], Cancellation);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Redis = { a.Url, b.Url } });
        Assert.Empty((await engine.CheckHealthAsync(Cancellation)).Unreachable);
    }

    [Fact]
    public async Task The_client()
    {
        PrivateRedisServer server = await shared.GetAsync();
        TimeSpan? timeout = null;
        CancellationToken cancellationToken = Cancellation;
        Memory<byte> buffer = new byte[16];
        await using RespClient client = await RespClient.ConnectAsync(server.Url);

        long n = await client.IncrementByAsync("hits", 1);
        long length = await client.GetAsync("blob"u8, buffer);

        long added = await client.Command(ZAdd).Key("board").Write(4.5).Write("ann").ToInt64Async(timeout, cancellationToken);

        long left = await client.Command(Take, keyCount: 1).Key("stock").Write(3).ToInt64Async();

        using RespBatch batch = client.CreateBatch();
        int first = batch.Command(Take, 1).Key("a").Write(1).Add();
        await batch.ExecuteAsync();
        long result = batch[first].ToInt64();

        Assert.True(n >= 1);
        Assert.Equal((-1, 1, -3, -1), (length, added, left, result));
    }

    [Fact]
    public async Task A_fence_in_front_of_a_script()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using RespClient client = await RespClient.ConnectAsync(server.Url);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        await using LockHandle held = await engine.Locks.Mutex("invoice 7").AcquireAsync(cancellation: Cancellation);

        bool isWritten = await SetState.TryRunAsync(client, "{invoice:7}:fence", held.FencingToken, ["{invoice:7}"], ["paid"], held.LostToken);

        Assert.True(isWritten);
        Assert.False(await SetState.TryRunAsync(client, "{invoice:7}:fence", held.FencingToken - 1, ["{invoice:7}"], ["open"], Cancellation));
    }

    [Fact]
    public async Task A_cache_with_a_store()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using RespClient client = await RespClient.ConnectAsync(server.Url);

        await using RedisDogpileStore store = new(client);
        DogpileCache cache = new(new DogpileCacheOptions { Store = store });

        Assert.Equal("made", await cache.GetOrCreateAsync("documented", static _ => ValueTask.FromResult("made"), cancellation: Cancellation));
        await cache.DisposeAsync();
    }
}
