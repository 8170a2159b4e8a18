using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Tests.Coordination;
using Sluice.Tests.Coordination.Redis;

namespace Sluice.Tests.References;

/// <summary>References in one process; no request leaves a partition unsound.</summary>
public sealed class InProcessReferenceConformance : ReferenceConformance
{
    internal override ValueTask<ReferenceStage> CreateAsync()
    {
        HandDrivenTimeProvider time = new();
        return new(new ReferenceStage(new CheckedCoordinator(new InProcessCoordinator(time)), time));
    }
}

/// <summary>References between engines that share nothing but a server.</summary>
public sealed class RedisReferenceConformance(SharedRedisServer shared) : ReferenceConformance
{
    internal override async ValueTask<ReferenceStage> CreateAsync()
    {
        HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync());
        return new ReferenceStage(new OwnedCoordinator(server), new HandDrivenTimeProvider(), by => server.ElapseAsync((long)by.TotalMicroseconds)) { Prefix = server.Prefix };
    }

    /// <summary>Ends with its server's connections.</summary>
    private sealed class OwnedCoordinator(HandDrivenRedis server) : Coordinator
    {
        internal override bool IsEphemeral => server.Coordinator.IsEphemeral;

        internal override string Servers => server.Coordinator.Servers;

        internal override Locking.LockCoordinator? Locks => server.Coordinator.Locks;

        internal override ValueTask<TReply> SendAsync<TReply>(
            Sluice.Coordination.CoordinationNamespace space, int partition, Sluice.Coordination.CoordinatorRequest<TReply> request, CancellationToken cancellation) =>
            server.Coordinator.SendAsync(space, partition, request, cancellation);

        public override async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
