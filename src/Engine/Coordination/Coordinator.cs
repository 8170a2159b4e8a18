using Sluice.Coordination;

namespace Sluice;

/// <summary>
/// The shared memory of the engines: who holds which resource, what its sessions amount to, who may complete them. Engines that use one coordinator
/// share their resources.
/// </summary>
/// <remarks>
/// This is a port. Its members are not public, because an adapter has to pass the conformance suite to be safe; the adapters are
/// <see cref="InProcessCoordinator"/> and the Redis coordinator. Thread-safe.
/// </remarks>
public abstract class Coordinator : IAsyncDisposable
{
    private int _engines;

    /// <summary>Whether what it holds is gone when the process ends: engines then wait at shutdown until everything is completed.</summary>
    internal abstract bool IsEphemeral { get; }

    /// <summary>An engine of this process begins to use the coordinator.</summary>
    internal void Attach() => Interlocked.Increment(ref _engines);

    /// <summary>An engine of this process will not look after sessions any more. True for the last one: it has to see to what is left.</summary>
    internal bool Detach() => Interlocked.Decrement(ref _engines) == 0;

    /// <summary>
    /// Carries out one transition on one partition, atomically.
    /// </summary>
    /// <exception cref="CoordinatorException">The transition was not applied, or its outcome is unknown; the exception says which.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: the outcome is unknown.</exception>
    internal abstract ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation);

    /// <summary>Releases what the coordinator holds. Engines must have been stopped before.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
