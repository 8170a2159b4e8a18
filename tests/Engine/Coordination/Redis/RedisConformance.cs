using Sluice.Harness;
using Sluice.Harness.Conformance;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The Redis coordinator keeps every promise of the protocol, on a real server whose clock the test drives.</summary>
public sealed class RedisConformance(SharedRedisServer shared) : CoordinatorConformance
{
    internal override async ValueTask<ConformanceServer> CreateAsync() => await HandDrivenRedis.StartAsync(await shared.GetAsync());
}

/// <summary>The same in the server's own time, with the scripts exactly as they are shipped.</summary>
public sealed class RedisConformanceInRealTime(SharedRedisServer shared) : CoordinatorConformance
{
    internal override async ValueTask<ConformanceServer> CreateAsync() => new Server(await shared.GetAsync());

    private sealed class Server(PrivateRedisServer server) : ConformanceServer
    {
        public override Coordinator Coordinator { get; } = new RedisCoordinator(new RedisOptions { server.Url });

        public override long Short => 200_000;

        public override string Prefix { get; } = SharedRedisServer.NewPrefix();

        // Longer than asked for: the server's clock is not the one that this waits by.
        public override async ValueTask ElapseAsync(long micros) => await Task.Delay(TimeSpan.FromMicroseconds(micros + 20_000));
    }
}
