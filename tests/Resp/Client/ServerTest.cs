using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Tests against a real server, one per class; skipped, visibly, where none is installed.</summary>
public abstract class ServerTest(RedisFixture redis) : IClassFixture<RedisFixture>
{
    protected PrivateRedisServer Server => redis.Server ?? throw new InvalidOperationException("Begin the test with SkipWithoutServer.");

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    protected void SkipWithoutServer() => Assert.SkipWhen(redis.Server is null, PrivateRedisServer.Unavailable ?? "");

    protected async Task<RespClient> ConnectAsync(Func<RespClientOptions, RespClientOptions>? change = null)
    {
        SkipWithoutServer();
        RespClientOptions options = RespClientOptions.Parse(Server.Url);
        return await RespClient.ConnectAsync(change is null ? options : change(options), Stop);
    }
}

/// <summary>A server for the tests of one class.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    public PrivateRedisServer? Server { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (PrivateRedisServer.Unavailable is null)
            Server = await PrivateRedisServer.StartAsync(["--enable-debug-command", "yes"], CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
            await Server.DisposeAsync();
    }
}
