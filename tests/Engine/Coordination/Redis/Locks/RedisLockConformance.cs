using Sluice.Harness;
using Sluice.Harness.Conformance;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The Redis coordinator keeps every promise of the lock protocol, on a real server whose clock the test drives.</summary>
public sealed class RedisLockConformance(SharedRedisServer shared) : LockConformance
{
    internal override async ValueTask<LockConformanceServer> CreateAsync() => new HandDrivenLockServer(await HandDrivenRedis.StartAsync(await shared.GetAsync()));
}

/// <summary>The same in the server's own time, with the scripts exactly as they are shipped.</summary>
public sealed class RedisLockConformanceInRealTime(SharedRedisServer shared) : LockConformance
{
    internal override async ValueTask<LockConformanceServer> CreateAsync() => new RealTimeLockServer((await shared.GetAsync()).Url);
}
