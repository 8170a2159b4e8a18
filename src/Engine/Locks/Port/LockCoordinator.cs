using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// What engines ask of each other about locks: sessions with a loss signal, ordered waiters, growing tokens, and a push. Adapters pass the conformance suite.
/// Thread-safe.
/// </summary>
/// <remarks>
/// The contract assumes neither scripts nor expiry of keys. A partition is what one request can change atomically; an adapter whose server can't
/// change several resources at once has as many partitions as it likes, and sees acquires with one claim only.
/// </remarks>
internal abstract class LockCoordinator
{
    /// <summary>Whether <see cref="SendAsync"/> has completed when it returns, because nothing is between the engine and the state.</summary>
    public virtual bool AnswersAtOnce => false;

    /// <summary>Carries out one transition on one partition, atomically.</summary>
    /// <exception cref="CoordinatorException">Not applied, or unknown; the exception says which.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: the outcome is unknown.</exception>
    public abstract ValueTask<TReply> SendAsync<TReply>(
        LockNamespace space, int partition, LockRequest<TReply> request, CancellationToken cancellation);

    /// <summary>
    /// Sends renewals to their partitions and waits for none of them: each says that it has its reply or its error when that is so, after
    /// <paramref name="timeout"/> at the latest, whatever the others do. Neither the sending nor the answer may need a thread of the pool, or locks are lost
    /// because the application is busy.
    /// </summary>
    public abstract void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout);

    /// <summary>
    /// Begins to pass on the pushes to an engine's sessions. One channel per engine and server, however many sessions and locks.
    /// </summary>
    public abstract ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink);

    /// <summary>
    /// A short way for a session whose lease never runs out: takes and frees locks that nobody else wants without a request. Null where there is none.
    /// What it does is what the requests would have done.
    /// </summary>
    public virtual IUncontendedLocks? Uncontended(LockNamespace space, int partition, IncarnationId session) => null;
}

/// <summary>The pushes of one engine. Disposal ends them.</summary>
internal interface ILockSubscription : IAsyncDisposable
{
    /// <summary>
    /// Returns when pushes from a partition arrive; those sent before may be missed. An engine calls it before it opens a session there, and with every renewal,
    /// because a server may end a subscription; one that is made anew tells a gap.
    /// </summary>
    /// <exception cref="CoordinatorException">The server can't be reached.</exception>
    ValueTask ReadyAsync(int partition, CancellationToken cancellation);
}

/// <summary>Locks that nobody else wants, without a request. Thread-safe.</summary>
internal interface IUncontendedLocks
{
    /// <summary>Takes a resource exclusively, if nothing is known of it. False: ask with a request.</summary>
    bool TryTake(ResourceKey resource, LockPolicy policy, long number, out long token);

    /// <summary>Frees what <see cref="TryTake"/> has taken. False: somebody has been interested in it since; ask with a request.</summary>
    bool TryFree(ResourceKey resource, long number);
}

/// <summary>One partition's part of a renewal. Answered once, by any thread.</summary>
internal sealed class Renewal(int partition, RenewRequest request)
{
    public int Partition => partition;

    public RenewRequest Request => request;

    /// <summary>Called when there is a reply or an error. Returns at once; set before it is sent.</summary>
    public Action<Renewal>? Answered { get; set; }

    public RenewReply? Reply { get; private set; }

    /// <summary>Why there is no reply.</summary>
    public Exception? Error { get; private set; }

    public void Answer(RenewReply reply)
    {
        Reply = reply;
        Answered?.Invoke(this);
    }

    public void Fail(Exception error)
    {
        Error = error;
        Answered?.Invoke(this);
    }
}
