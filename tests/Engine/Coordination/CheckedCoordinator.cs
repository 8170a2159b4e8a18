using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>The in-process coordinator, whose partition is examined after every request.</summary>
internal sealed class CheckedCoordinator(InProcessCoordinator inner) : Coordinator
{
    internal override bool IsEphemeral => inner.IsEphemeral;

    internal override LockCoordinator Locks => inner.Locks;

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        try
        {
            return await inner.SendAsync(space, partition, request, cancellation);
        }
        finally
        {
            Assert.Empty(PartitionInvariants.Check(inner.Snapshot(space, partition)));
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }
}
