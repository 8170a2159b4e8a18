using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Locking;

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
    private readonly Dictionary<string, (int Engines, int Handlers)> _attached = [];

    /// <summary>Whether what it holds is gone when the process ends: engines then wait at shutdown until everything is completed.</summary>
    internal abstract bool IsEphemeral { get; }

    /// <summary>What all processes have to agree on about its servers; part of the stored layout.</summary>
    internal virtual string Servers => "";

    /// <summary>The locks of the engines that share this coordinator; null: it has none.</summary>
    internal virtual LockCoordinator? Locks => null;

    /// <summary>An engine of this process begins to use a namespace, with a completion handler or only to produce.</summary>
    internal void Attach(CoordinationNamespace space, bool hasHandler)
    {
        lock (_attached)
        {
            (int engines, int handlers) = _attached.GetValueOrDefault(space.Name);
            _attached[space.Name] = (engines + 1, handlers + (hasHandler ? 1 : 0));
        }
    }

    /// <summary>An engine of this process will not look after the namespace's sessions any more. Says what it leaves behind.</summary>
    internal Remaining Detach(CoordinationNamespace space, bool hasHandler)
    {
        lock (_attached)
        {
            (int engines, int handlers) = _attached.GetValueOrDefault(space.Name);
            (engines, handlers) = (engines - 1, handlers - (hasHandler ? 1 : 0));
            _attached[space.Name] = (engines, handlers);
            return engines == 0 ? Remaining.Nobody : handlers == 0 ? Remaining.Producers : Remaining.Handlers;
        }
    }

    /// <summary>
    /// Carries out one transition on one partition, atomically.
    /// </summary>
    /// <exception cref="CoordinatorException">The transition was not applied, or its outcome is unknown; the exception says which.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: the outcome is unknown.</exception>
    internal abstract ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation);

    /// <summary>Asks every server for a sign of life, all at once. Answers those that gave none, by name and reason; never throws for that.</summary>
    internal virtual ValueTask<ImmutableArray<UnreachableServer>> ProbeAsync(CancellationToken cancellation) => ValueTask.FromResult(ImmutableArray<UnreachableServer>.Empty);

    /// <summary>Releases what the coordinator holds. Engines must have been stopped before.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>Who of a process still uses a namespace.</summary>
internal enum Remaining
{
    /// <summary>Nobody: what is open ends with the process.</summary>
    Nobody,

    /// <summary>Engines that only produce: what is due would wait for an engine that completes.</summary>
    Producers,

    /// <summary>At least one engine that completes.</summary>
    Handlers,
}
