using Sluice.Dogpiling;

namespace Sluice;

/// <summary>Looking without creating, for the forms in which others offer this cache.</summary>
public sealed partial class DogpileCache
{
    internal DogpileCacheOptions Options => _options;

    /// <summary>A value that is young enough, in memory or in the store.</summary>
    /// <param name="key">The key.</param>
    /// <param name="options">How the value is judged.</param>
    /// <param name="cancellation">Stops waiting for the store.</param>
    internal async ValueTask<ValueLookup<T>> FindAsync<T>(string key, DogpileEntryOptions options, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (TryHit(key, options, out T? hit))
            return ValueLookup<T>.Found(hit!);
        if (FindValid<T>(key) is { } entry && _clock.Now < entry.Life.ExpiryFor(options))
            return ValueLookup<T>.Found(entry.Value);
        if (_store is null)
            return default;

        // In the place of a creation, so that what is read can be kept in memory: nobody sets a newer value there meanwhile. Who comes for a creation waits for the look, which is his first step as well.
        CacheProbe<T> probe = new(key, options);
        if (TryClaim(probe, out Creation<CacheEntry<T>?> creation))
        {
            _ = RunAsync(probe, creation, stale: null);
            CacheEntry<T>? found = await creation.WaitAsync(cancellation).ConfigureAwait(false);
            return found is null ? default : ValueLookup<T>.Found(found.Value);
        }

        // Somebody creates it, and may take his time.
        StoreAnswer<T> answer = await _store.ReadAsync<T>(key, cancellation).ConfigureAwait(false);
        return answer.Found is { Mark: null, Stored.IsExpired: false } read
            && _invalidations.Since(read.Stored.BegunAt, read.Stored.Tags) is null
            && (options.Expiry is not { } expiry || _options.TimeProvider.GetUtcNow() - read.Stored.CreatedAt < expiry)
                ? ValueLookup<T>.Found(read.Value)
                : default;
    }
}
