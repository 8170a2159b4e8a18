using System.Text;
using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>Subscriptions and near caches as a user of the client meets them.</summary>
public sealed class ClientPushesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Prevents a pattern of use from breaking that the documentation promises: subscribe, look, then listen; with both versions of the protocol, and after the connection was lost.
    [Theory]
    [InlineData(RespProtocolPreference.Newest)]
    [InlineData(RespProtocolPreference.Resp2)]
    public async Task Subscribe_then_look_then_listen_misses_nothing(RespProtocolPreference protocol)
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(server.Url) with { Protocol = protocol }, Token);
        await using RespSubscription channel = await client.SubscribeAsync("news", Token);
        await using RespSubscription pattern = await client.SubscribePatternAsync("n?ws", Token);
        await using RespSubscription shard = await client.SubscribeShardAsync("news", Token);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(2, await client.PublishAsync("news", $"{round}", cancellationToken: Token));
            Assert.Equal(1, await client.PublishToShardAsync("news", $"{round}", cancellationToken: Token));
            foreach (RespSubscription subscription in (RespSubscription[])[channel, pattern, shard])
            {
                await foreach (RespMessage message in subscription.WithCancellation(Token))
                {
                    if (message.IsGap)
                        continue;
                    Assert.Equal(("news", $"{round}"), (message.Channel, message.Text));
                    break;
                }
            }

            await server.AskAsync(["CLIENT", "KILL", "TYPE", "pubsub"], Token);
            await using RespSubscription probe = await client.SubscribeAsync("probe", Token);
            await client.Subscriptions.WhenSettledAsync(Token);
        }
    }

    // Prevents a cache that outlives its client, and readers that wait for one that is gone.
    [Fact]
    public async Task A_near_cache_is_kept_fresh_and_ends_with_the_client()
    {
        await using PrivateRedisServer server = await StartAsync();
        RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(server.Url), Token);
        TrackingCache cache = client.CreateTrackingCache();
        await using TrackingCache small = client.CreateTrackingCache(new TrackingCacheOptions { MaxEntries = 1 });
        for (int version = 0; version < 100; version++)
        {
            await client.SetAsync("k", $"{version}", cancellationToken: Token);
            cache.Invalidate("k");
            Assert.Equal($"{version}", Encoding.UTF8.GetString((await cache.GetAsync("k", Token))!.Value.Span));
        }

        await using RespSubscription subscription = await client.SubscribeAsync("news", Token);
        await client.DisposeAsync();
        await Assert.ThrowsAsync<RespConnectionException>(() => cache.GetAsync("other", Token).AsTask());
        Assert.False(cache.TryGet("k", out _));
        await Assert.ThrowsAsync<RespConnectionException>(() => subscription.WaitToReadAsync(Token).AsTask());
        await Assert.ThrowsAsync<RespConnectionException>(() => client.SubscribeAsync("news", Token).AsTask());
        Assert.Throws<ObjectDisposedException>(() => client.CreateTrackingCache());
    }

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Token);
    }
}
