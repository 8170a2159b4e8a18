using Sluice.Diagnostics;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>Values that are set or declared invalid by hand.</summary>
/// <remarks>
/// A creation that runs when its key is invalidated has begun with what was valid before: those who wait for it get its value, nobody else does and it is not kept;
/// who comes later waits for its end (there is one creator at a time) and creates anew. Here memory goes first and the store second, so that when the store fails
/// this process at least is right. Removing, expiring and invalidating throw then; a value that is set is in memory, and a write that fails counts as not done.
/// </remarks>
public sealed partial class DogpileCache
{
    /// <summary>Sets a value, as if it had just been created.</summary>
    /// <typeparam name="T">The value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="options">How the value is treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say.</param>
    /// <param name="cancellation">Gives up on the store; the value is in memory by then.</param>
    /// <exception cref="CreationTimeoutException">
    /// For <see cref="DogpileEntryOptions.HardTimeout"/> somebody else has created the key, or the mutex has not answered; the value is in memory only.
    /// </exception>
    /// <exception cref="ReentrantCreationException">The factory of the key, in this process, waits for this call, itself or through others.</exception>
    public ValueTask SetAsync<T>(string key, T value, DogpileEntryOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        DogpileEntryOptions checkedOptions = Checked(options);
        return SetAsync(key, value, checkedOptions, checkedOptions, cancellation);
    }

    /// <summary>Sets a value as a creation would that was asked for with some options, and said others.</summary>
    internal async ValueTask SetAsync<T>(string key, T value, DogpileEntryOptions askedWith, DogpileEntryOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(key);
        ObjectDisposedException.ThrowIf(_isDisposed, this);

        // The factory of a key has its lease; whoever it asks to set the same key would wait for the factory's end.
        CreationFlow? creating = _options.Mutex is not null && _store is not null && _creations.TryGetValue(key, out IKeyCreation? creation) ? creation as CreationFlow : null;
        CreationFlow? waiting = creating is null ? null : CreationFlow.BeginWait(creating);
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        CacheEntry<T> entry = Entry(key, value, askedWith, options, now, TimeSpan.Zero, _invalidations.Epoch, cost: 0);
        CreationLease? lease;
        try
        {
            Supersede(key);
            _table.Set(entry);
            if (_store is null)
                return;

            // With the highest token there is, for the moment: what is set by hand beats every creation that is under way.
            lease = await EnterToSetAsync(key, options, cancellation).ConfigureAwait(false);
        }
        finally
        {
            // Until here the wait is there for others to see: the factory of that key may set the key of this one.
            if (creating is not null)
                CreationFlow.EndWait(waiting, creating);
        }

        try
        {
            if (await _store.WriteAsync(entry, now, lease?.FencingToken ?? 0, cancellation).ConfigureAwait(false))
                return;
            if (lease is { LostToken.IsCancellationRequested: true })
            {
                // Lost meanwhile, and who had the next one has created since: that value is the newer one.
                entry.Doubt();
                return;
            }

            // There was no lease to be had, and what a creator with a lease left is in the way; or its token is of another sequence. It goes, as it would if the key were removed.
            if (lease is not null)
                _logger.SetRefused(key);
            await _store.RemoveAsync(key, cancellation).ConfigureAwait(false);
            await _store.WriteAsync(entry, now, lease?.FencingToken ?? 0, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (lease is not null)
                await LeaveAsync(lease, key).ConfigureAwait(false);
        }
    }

    /// <summary>Forgets a key: who asks next waits for a new value.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask RemoveAsync(string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        Supersede(key);
        _table.Remove(key);
        return _store?.RemoveAsync(key, cancellation) ?? ValueTask.CompletedTask;
    }

    /// <summary>Makes a key's value too old: one creates the next, the others may go on with it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask ExpireAsync(string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        Supersede(key);
        _table.Find(key)?.Expire();
        return _store?.ExpireAsync(key, cancellation) ?? ValueTask.CompletedTask;
    }

    /// <summary>Invalidates everything in this cache, and in its region of the store.</summary>
    /// <param name="kind">How.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask InvalidateAsync(Invalidation kind, CancellationToken cancellation = default) => InvalidateAsync(null, kind, cancellation);

    /// <summary>Invalidates all values with a tag. Takes the same time however many they are.</summary>
    /// <param name="tag">The tag.</param>
    /// <param name="kind">How.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask InvalidateTagAsync(string tag, Invalidation kind, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        return InvalidateAsync(tag, kind, cancellation);
    }

    private ValueTask InvalidateAsync(string? tag, Invalidation kind, CancellationToken cancellation)
    {
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        _invalidations.Add(tag, kind, now);
        return _store?.InvalidateAsync(tag, kind, now, cancellation) ?? ValueTask.CompletedTask;
    }

    /// <summary>Takes the lease of a key that is set by hand. Factories of two processes that set each other's key wait in a circle that no process sees: the time-out ends it.</summary>
    private async ValueTask<CreationLease?> EnterToSetAsync(string key, DogpileEntryOptions options, CancellationToken cancellation)
    {
        if (_options.Mutex is null || options.HardTimeout is not { } patience)
            return (await EnterAsync(key, waits: true, cancellation).ConfigureAwait(false)).Lease;
        using CancellationTokenSource timeUp = new(patience, _options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeUp.Token);
        try
        {
            return (await EnterAsync(key, waits: true, either.Token).ConfigureAwait(false)).Lease;
        }
        catch (Exception e) when (timeUp.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new CreationTimeoutException(
                $"'{key}' is set in this process's memory and not in the store: for {OptionsCheck.Text(patience)} somebody else had been creating it, or the mutex had not answered. If the caller is a factory whose key is set by the factory of '{key}', they wait for each other.",
                e);
        }
    }

    private void Supersede(string key)
    {
        if (_creations.TryGetValue(key, out IKeyCreation? creation))
            creation.Supersede();
    }
}
