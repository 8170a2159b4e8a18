using Xunit;

namespace Sluice.Harness;

/// <summary>One redis-server for all tests that only need one that is there. It is started by the first that asks.</summary>
public sealed class SharedRedisServer : IAsyncDisposable
{
    private static int _issued;
    private readonly Lock _gate = new();
    private Task<PrivateRedisServer>? _server;

    /// <summary>A prefix that no other test uses, nor makes of its own by putting something behind it.</summary>
    public static string NewPrefix() => $"t{Interlocked.Increment(ref _issued)}-";

    /// <summary>The server; the test is skipped, visibly, where there can be none.</summary>
    public Task<PrivateRedisServer> GetAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        lock (_gate)
            return _server ??= PrivateRedisServer.StartAsync([], CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await (await _server).DisposeAsync();
    }
}
