using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>A real server as the lock conformance suite wants it. What a test leaves there must be sound.</summary>
internal abstract class RedisLockServer : LockConformanceServer
{
    protected abstract RedisLockCoordinator Locks { get; }

    public sealed override LockCoordinator Coordinator => Locks;

    public sealed override async ValueTask<IReadOnlyList<string>> LeftoversAsync(LockNamespace space, int partition)
    {
        LockSnapshot snapshot = await Locks.SnapshotAsync(space, partition, CancellationToken.None);
        return
        [
            .. snapshot.State.Records.Keys.Select(static resource => resource.ToString()),
            .. snapshot.State.Sessions.Keys.Select(static session => session.ToString()),
            .. snapshot.State.Ending.Keys.Select(static session => session.ToString()),
            .. snapshot.State.Leases.Select(static lease => lease.ToString()),
            .. snapshot.State.Bounds.Select(static bound => bound.ToString()),
            .. snapshot.Faults,
        ];
    }

    public override async ValueTask DisposeAsync()
    {
        LockSnapshot snapshot = await Locks.SnapshotAsync(new LockNamespace(Prefix, 4), 0, CancellationToken.None);
        Assert.Empty(snapshot.Faults);
        Assert.Empty(LockInvariants.Check(snapshot.State, snapshot.Now));
        await base.DisposeAsync();
    }
}

/// <summary>With a clock that the test drives.</summary>
internal sealed class HandDrivenLockServer(HandDrivenRedis server) : RedisLockServer
{
    public override long Short => server.Short;

    public override string Prefix => server.Prefix;

    public override bool CanStepClock => true;

    protected override RedisLockCoordinator Locks => server.Locks;

    public override ValueTask ElapseAsync(long micros) => server.ElapseAsync(micros);

    public override ValueTask StepClockAsync(long micros) => server.StepClockAsync(micros);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }
}

/// <summary>In the server's own time, with the scripts exactly as they are shipped.</summary>
internal sealed class RealTimeLockServer(string url, string? prefix = null) : RedisLockServer
{
    private readonly RedisCoordinator _coordinator = new(new RedisOptions { url });

    // Leases of this length must outlive the requests that are sent meanwhile, on a machine that does other things too.
    public override long Short => 1_000_000;

    public override string Prefix { get; } = prefix ?? SharedRedisServer.NewPrefix();

    protected override RedisLockCoordinator Locks => _coordinator.Locks;

    // Longer than asked for: the server's clock is not the one that this waits by.
    public override async ValueTask ElapseAsync(long micros) => await Task.Delay(TimeSpan.FromMicroseconds(micros + 20_000));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _coordinator.DisposeAsync();
    }
}
