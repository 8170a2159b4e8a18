using Microsoft.Extensions.Caching.Distributed;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>Any <see cref="IDistributedCache"/> as the store of a <see cref="DogpileCache"/>. It tells of no changes: <see cref="DogpileCacheOptions.NearExpiry"/> says how long memory goes without asking it.</summary>
/// <remarks>
/// Thread-safe if the cache is. Such a cache can't compare and set: fencing tokens are compared before a write, so a creator that comes late is refused unless its write and its successor's cross. Where that
/// must not be, use a store whose server compares, as <see cref="RedisDogpileStore"/>. The cache is not disposed.
/// </remarks>
public sealed class DistributedCacheStore : IDogpileStore
{
    private readonly IDistributedCache _cache;
    private readonly TimeSpan _longestLife;
    private readonly TimeProvider _time;

    /// <summary>A store in a distributed cache.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="longestLife">How long it keeps anything at most, 1 s to 10 years: values that have no end of their own, and marks of invalidations. Null = 7 days.</param>
    /// <param name="time">The caches' clock; null = the system's.</param>
    public DistributedCacheStore(IDistributedCache cache, TimeSpan? longestLife = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        _cache = cache;
        _longestLife = longestLife ?? TimeSpan.FromDays(7);
        if (_longestLife < TimeSpan.FromSeconds(1) || _longestLife > TimeSpan.FromDays(3_650))
            throw new ArgumentOutOfRangeException(nameof(longestLife), longestLife, "It must be 1 s to 10 years.");
        _time = time ?? TimeProvider.System;
    }

    /// <inheritdoc/>
    public async ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation) =>
        await _cache.GetAsync(key, cancellation).ConfigureAwait(false) is { } bytes ? StoredValueForm.Read(bytes) : null;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return await Task.WhenAll(keys.Select(key => GetAsync(key, cancellation).AsTask())).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.FencingToken < await TokenOfAsync(key, cancellation).ConfigureAwait(false))
            return false;
        DateTimeOffset now = _time.GetUtcNow(), end = now + _longestLife;
        if (value.KeepUntil < end)
            end = value.KeepUntil.Value;
        if (end > now)
            await _cache.SetAsync(key, StoredValueForm.Write(value), new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = end - now }, cancellation).ConfigureAwait(false);
        else
            await _cache.RemoveAsync(key, cancellation).ConfigureAwait(false); // such caches take no end that has passed
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string key, CancellationToken cancellation) => await _cache.RemoveAsync(key, cancellation).ConfigureAwait(false);

    /// <summary>Of what the key has; of bytes that nobody can read, none, so that they are replaced.</summary>
    private async ValueTask<long> TokenOfAsync(string key, CancellationToken cancellation)
    {
        try
        {
            return await GetAsync(key, cancellation).ConfigureAwait(false) is { } present ? present.FencingToken : long.MinValue;
        }
        catch (InvalidDataException)
        {
            return long.MinValue;
        }
    }
}
