namespace Sluice;

/// <summary>Keeps creators of one key apart, beyond what one cache sees: in several caches, processes or machines.</summary>
/// <remarks>
/// Members are called by many threads at once. An implementation promises: at most one lease of a
/// key that is not lost; tokens of a key that grow from lease to lease; that <see cref="CreationLease.LostToken"/> is cancelled when the lease no longer keeps
/// others out. It need not be fair. If it throws, that is logged and the value is created without a lease: there may be other creators then, and what those with a lease wrote stays in the store.
/// </remarks>
public interface ICreationMutex
{
    /// <summary>Takes the right to create a key's value.</summary>
    /// <param name="key">The key, with its region and mangled.</param>
    /// <param name="waits">
    /// Whether to wait while somebody else has it. Without waiting, null is the answer: somebody else creates, and this cache goes on with its old value.
    /// </param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>The lease, or null when it does not wait and somebody else has it.</returns>
    ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation);
}

/// <summary>The right to create a key's value, until disposal.</summary>
/// <remarks>Thread-safe: it may be lost, and disposed of, while its creator works.</remarks>
public abstract class CreationLease : IAsyncDisposable
{
    /// <summary>Above 0, and higher than that of every lease of this key before: a store refuses values with lower ones.</summary>
    public abstract long FencingToken { get; }

    /// <summary>Cancelled when the right is lost before disposal; never, for a mutex that cannot lose it.</summary>
    public virtual CancellationToken LostToken => CancellationToken.None;

    /// <summary>Lets the next one create.</summary>
    public abstract ValueTask DisposeAsync();
}
