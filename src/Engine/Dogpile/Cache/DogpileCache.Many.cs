using Sluice.Dogpiling;

namespace Sluice;

/// <summary>Several keys at once.</summary>
public sealed partial class DogpileCache
{
    /// <summary>
    /// The values of several keys. What is not there or too old is created by one call of the factory, for those keys that nobody else is creating; for the others
    /// it waits, so that calls with overlapping sets create each key once.
    /// </summary>
    /// <typeparam name="T">The values.</typeparam>
    /// <param name="keys">The keys; one that comes twice counts once.</param>
    /// <param name="factory">Creates the values of the keys it is given. A key that it leaves out has no value now: it is left out of the result, and not remembered.</param>
    /// <param name="options">How the values are treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say. Time-outs are for each wait.</param>
    /// <param name="cancellation">Stops waiting; what others wait for goes on.</param>
    /// <exception cref="CreationTimeoutException">There is no value of a key, and waiting took longer than <see cref="DogpileEntryOptions.HardTimeout"/>.</exception>
    /// <exception cref="ReentrantCreationException">The factory asked for one of its own keys.</exception>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="ObjectDisposedException">The cache was disposed.</exception>
    public async ValueTask<IReadOnlyDictionary<string, T>> GetOrCreateManyAsync<T>(
        IEnumerable<string> keys,
        Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory,
        DogpileEntryOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(factory);
        DogpileEntryOptions terms = Checked(options);
        Dictionary<string, T> values = [];

        // In one order for everybody: with a mutex, two calls that take keys in different orders would wait for each other.
        List<string> missing = [.. keys.Distinct().Order(StringComparer.Ordinal)];
        while (missing.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            missing = await RoundAsync(missing, factory, terms, values, cancellation).ConfigureAwait(false);
        }

        return values;
    }

    /// <summary>Takes what is there, claims what nobody creates, waits for all; returns the keys to try again.</summary>
    private async ValueTask<List<string>> RoundAsync<T>(
        List<string> keys,
        Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory,
        DogpileEntryOptions options,
        Dictionary<string, T> values,
        CancellationToken cancellation)
    {
        long epoch = _invalidations.Epoch, now = _clock.Now;
        Batch<T> batch = new(factory);
        List<(BatchRequest<T> Request, Creation<CacheEntry<T>?> Creation, CacheEntry<T>? Stale)> claimed = [];
        List<(BatchRequest<T> Request, Creation<CacheEntry<T>?> Creation, CacheEntry<T>? Stale)> waits = [];
        List<(string Key, IKeyCreation Creation)> ending = [];
        foreach (string key in keys)
        {
            if (TryHit(key, options, out T? hit))
            {
                values[key] = hit!;
                continue;
            }

            BatchRequest<T> request = new(key, batch, options);
            CacheEntry<T>? stale = FindValid<T>(key);
            if (stale is not null && now < stale.Life.ExpiryFor(options))
            {
                values[key] = stale.Value;
                continue;
            }

            if (stale is not null && !stale.Life.MayServe(options, now))
                stale = null;
            if (stale is not null && now < stale.Life.RetryAt)
                values[key] = Stale(stale);
            else if (TryClaim(request, out Creation<CacheEntry<T>?> creation))
                claimed.Add((request, creation, stale));
            else if (stale is not null)
                values[key] = Stale(stale);
            else if (creation.TryJoin())
                waits.Add((request, creation, stale));
            else
                ending.Add((key, creation));
        }

        // All are in the batch before the first one runs: the factory is called once, when each key has been looked for in the store.
        foreach ((BatchRequest<T> request, _, _) in claimed)
            batch.Add(request.Key);
        waits.AddRange(claimed);
        if (claimed.Count > 0)
            _ = options.NeedsPool ? Task.Run(() => RunBatchAsync(batch, claimed), CancellationToken.None) : RunBatchAsync(batch, claimed);

        List<string> again = [.. ending.Select(static end => end.Key)];
        Task<(bool IsThere, T? Value)>[] outcomes = [.. waits.Select(wait => WaitAsync(wait.Request, wait.Creation, wait.Stale, wait.Stale, epoch, now, cancellation).AsTask())];
        await Task.WhenAll([.. outcomes, .. ending.Select(end => end.Creation.WaitForEndAsync(cancellation).AsTask())]).ConfigureAwait(false);
        for (int i = 0; i < outcomes.Length; i++)
        {
            (bool isThere, T? value) = await outcomes[i].ConfigureAwait(false);
            string key = waits[i].Request.Key;
            if (isThere)
                values[key] = value!;
            else if (!batch.LeftOut(key))
                again.Add(key);
        }

        return again;
    }

    private async Task RunBatchAsync<T>(Batch<T> batch, List<(BatchRequest<T> Request, Creation<CacheEntry<T>?> Creation, CacheEntry<T>? Stale)> claimed)
    {
        foreach ((BatchRequest<T> request, Creation<CacheEntry<T>?> creation, CacheEntry<T>? stale) in claimed)
        {
            _ = RunInBatchAsync(request, creation, stale);

            // One lease after the other, in the order that everybody keeps: who held a later key while waiting for an earlier one could wait in a circle.
            if (_options.Mutex is not null)
                await batch.WhenPlaced(request.Key).ConfigureAwait(false);
        }
    }

    private async Task RunInBatchAsync<T>(BatchRequest<T> request, Creation<CacheEntry<T>?> creation, CacheEntry<T>? stale)
    {
        await RunAsync(request, creation, stale).ConfigureAwait(false);
        request.Batch.Done(request.Key);
    }
}
