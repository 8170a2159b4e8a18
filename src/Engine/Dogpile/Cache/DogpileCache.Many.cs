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
        ClaimedKeys<T> claims = Claim(Look(keys, factory, options, values, now), factory, options, values);

        // All are in their batch before the first one runs: the factory is called once, when each key has been looked for in the store.
        Begin(claims.Batch, claims.Waited, isBackground: options.NeedsPool);
        Begin(claims.BackgroundBatch, claims.Background, isBackground: true);

        List<string> again = [.. claims.Ending.Select(static end => end.Key)];
        List<ClaimedKey<T>> waits = [.. claims.Joined, .. claims.Waited];
        Task<(bool IsThere, T? Value)>[] outcomes = [.. waits.Select(wait => WaitAsync(wait.Request, wait.Creation, wait.Stale, wait.Stale, epoch, now, cancellation).AsTask())];
        await Task.WhenAll([.. outcomes, .. claims.Ending.Select(end => end.Creation.WaitForEndAsync(cancellation).AsTask())]).ConfigureAwait(false);
        for (int i = 0; i < outcomes.Length; i++)
        {
            (bool isThere, T? value) = await outcomes[i].ConfigureAwait(false);
            string key = waits[i].Request.Key;
            if (isThere)
                values[key] = value!;
            else if (!claims.Batch.LeftOut(key))
                again.Add(key);
        }

        return again;
    }

    /// <summary>Takes what is young enough. Claims nothing, because a key that failed, or has a value of another type, ends it.</summary>
    /// <returns>The other keys, with what may be served of them meanwhile.</returns>
    private List<(string Key, CacheEntry<T>? Stale)> Look<T>(
        List<string> keys,
        Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory,
        DogpileEntryOptions options,
        Dictionary<string, T> values,
        long now)
    {
        List<(string Key, CacheEntry<T>? Stale)> others = [];
        foreach (string key in keys)
        {
            if (TryHit(key, options, out T? hit))
            {
                values[key] = hit!;
                continue;
            }

            CacheEntry<T>? stale = FindValid<T>(key);
            if (stale is not null && now < stale.Life.ExpiryFor(options))
            {
                if (now >= stale.HitUntil)
                    ConsiderEarly(new CacheRequest<Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>>, T>(key, factory, CreateOneAsync, options), stale, now);
                values[key] = stale.Value;
                continue;
            }

            if (stale is not null && !stale.Life.MayServe(options, now))
                stale = null;
            if (stale is not null && now < stale.Life.RetryAt)
                values[key] = Stale(stale);
            else
                others.Add((key, stale));
        }

        return others;
    }

    /// <summary>Claims the keys that nobody creates. If that fails in the middle, nobody is left waiting for what was claimed.</summary>
    private ClaimedKeys<T> Claim<T>(
        List<(string Key, CacheEntry<T>? Stale)> keys,
        Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory,
        DogpileEntryOptions options,
        Dictionary<string, T> values)
    {
        ClaimedKeys<T> claims = new(factory);
        try
        {
            foreach ((string key, CacheEntry<T>? stale) in keys)
            {
                bool isBackground = stale is not null && options.RefreshInBackground;
                BatchRequest<T> request = new(key, isBackground ? claims.BackgroundBatch : claims.Batch, options);
                bool isClaimed = TryClaim(request, out Creation<CacheEntry<T>?> creation);
                if (isClaimed)
                    (isBackground ? claims.Background : claims.Waited).Add(new ClaimedKey<T>(request, creation, stale));
                if (stale is not null && (isBackground || !isClaimed))
                    values[key] = Stale(stale);
                else if (!isClaimed && creation.TryJoin())
                    claims.Joined.Add(new ClaimedKey<T>(request, creation, null));
                else if (!isClaimed)
                    claims.Ending.Add((key, creation));
            }
        }
        catch
        {
            foreach (ClaimedKey<T> joined in claims.Joined)
                joined.Creation.Leave();
            foreach (ClaimedKey<T> claimed in (IEnumerable<ClaimedKey<T>>)[.. claims.Waited, .. claims.Background])
            {
                // Ends with nothing, after a look into the store: who has joined meanwhile tries again, and creates.
                claimed.Creation.Leave();
                _ = RunAsync(new CacheProbe<T>(claimed.Request.Key, options), claimed.Creation, stale: null);
            }

            throw;
        }

        return claims;
    }

    private void Begin<T>(Batch<T> batch, List<ClaimedKey<T>> claimed, bool isBackground)
    {
        if (claimed.Count == 0)
            return;
        foreach (ClaimedKey<T> each in claimed)
            batch.Add(each.Request.Key);
        _ = isBackground ? Task.Run(() => RunBatchAsync(batch, claimed), CancellationToken.None) : RunBatchAsync(batch, claimed);
    }

    private static async ValueTask<T> CreateOneAsync<T>(
        Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory, DogpileCreation creation, CancellationToken token)
    {
        IReadOnlyDictionary<string, T> made = await factory([creation.Key], token).ConfigureAwait(false);
        creation.IsThere = made.TryGetValue(creation.Key, out T? value);
        return value!;
    }

    private async Task RunBatchAsync<T>(Batch<T> batch, List<ClaimedKey<T>> claimed)
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
