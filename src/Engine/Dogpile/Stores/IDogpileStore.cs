using System.Collections.Immutable;

namespace Sluice;

/// <summary>A value as a store keeps it.</summary>
/// <param name="Payload">The serialized value; not changed after it was handed over.</param>
/// <param name="BegunAt">When its creator began, by its clock: an invalidation after that is one of this value too.</param>
/// <param name="CreatedAt">When its creator had ended: its age counts from here.</param>
/// <param name="KeepUntil">When the store may forget it: its expiry and the time that it may be served after that. Null = it has no end of its own; a store may still have a bound for everything.</param>
/// <param name="FencingToken">Of the creator's lease; 0 without a mutex. Grows from creator to creator.</param>
/// <param name="Tags">What it belongs to.</param>
/// <param name="IsExpired">Whether somebody said that it is too old, whatever its age.</param>
public sealed record StoredValue(
    ReadOnlyMemory<byte> Payload, DateTimeOffset BegunAt, DateTimeOffset CreatedAt, DateTimeOffset? KeepUntil, long FencingToken, ImmutableArray<string> Tags, bool IsExpired = false)
{
    /// <summary>How long its creation took.</summary>
    internal TimeSpan Cost => CreatedAt > BegunAt ? CreatedAt - BegunAt : TimeSpan.Zero;
}

/// <summary>Where a <see cref="DogpileCache"/> keeps values outside of its memory. To wrap one, derive from <see cref="DogpileStoreProxy"/>.</summary>
/// <remarks>
/// Members are called by many threads at once. A read that fails counts as a value that is not there, a write that fails as not done: the cache logs it and
/// goes on without the store.
/// </remarks>
public interface IDogpileStore
{
    /// <summary>The value of a key, or null.</summary>
    /// <param name="key">The key, with its region and mangled.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation);

    /// <summary>The values of several keys, in their order; null where there is none. Override it where the store reads several at once.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="cancellation">Gives up.</param>
    async ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(keys);
        StoredValue?[] values = new StoredValue?[keys.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = await GetAsync(keys[i], cancellation).ConfigureAwait(false);
        return values;
    }

    /// <summary>
    /// Stores a value, unless the store has one of the key with a higher fencing token: then a creator that has lost its lease comes too late, and nothing changes.
    /// The token may be forgotten with the value.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when it came too late.</returns>
    ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation);

    /// <summary>Forgets a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask RemoveAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// Says of whatever a key has that it is too old (<see cref="StoredValue.IsExpired"/>); nothing when it has nothing. Override it where the store can do that in one step: this form reads and writes, and
    /// what somebody else removes or writes between the two comes back.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellation">Gives up.</param>
    async ValueTask ExpireAsync(string key, CancellationToken cancellation)
    {
        if (await GetAsync(key, cancellation).ConfigureAwait(false) is { } stored)
            await SetAsync(key, stored with { IsExpired = true }, cancellation).ConfigureAwait(false);
    }
}

/// <summary>A store around another one: override what should be different (encryption, another key, a second copy, a fault for a test).</summary>
/// <remarks>As thread-safe as what overrides it: a store is called by many threads at once.</remarks>
public abstract class DogpileStoreProxy : IDogpileStore, IDogpileChangeFeed
{
    /// <summary>Wraps a store.</summary>
    /// <param name="inner">The store that everything goes to.</param>
    protected DogpileStoreProxy(IDogpileStore inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
    }

    /// <summary>The wrapped store.</summary>
    protected IDogpileStore Inner { get; }

    /// <inheritdoc/>
    public virtual ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation) => Inner.GetAsync(key, cancellation);

    /// <inheritdoc/>
    public virtual ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) => Inner.GetManyAsync(keys, cancellation);

    /// <inheritdoc/>
    public virtual ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation) => Inner.SetAsync(key, value, cancellation);

    /// <inheritdoc/>
    public virtual ValueTask RemoveAsync(string key, CancellationToken cancellation) => Inner.RemoveAsync(key, cancellation);

    /// <inheritdoc/>
    public virtual ValueTask ExpireAsync(string key, CancellationToken cancellation) => Inner.ExpireAsync(key, cancellation);

    /// <inheritdoc/>
    public virtual TimeSpan? Backstop => (Inner as IDogpileChangeFeed)?.Backstop;

    /// <summary>What the wrapped store tells, if it tells anything. Override it where keys are changed on the way: names are compared with those that the cache uses.</summary>
    /// <inheritdoc/>
    public virtual IDisposable Watch(string keyPrefix, Action<string?> changed) => (Inner as IDogpileChangeFeed)?.Watch(keyPrefix, changed) ?? NoWatch.Instance;

    private sealed class NoWatch : IDisposable
    {
        public static NoWatch Instance { get; } = new();

        public void Dispose()
        {
            // There is nothing to end.
        }
    }
}
