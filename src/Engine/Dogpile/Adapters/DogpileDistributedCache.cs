using Microsoft.Extensions.Caching.Distributed;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>A <see cref="DogpileCache"/> for code that asks for an <see cref="IDistributedCache"/>: sessions, antiforgery keys, other libraries' caches.</summary>
/// <remarks>
/// Thread-safe. Values that it sets are its own: the cache's other members don't see them as bytes. Without a store its synchronous members never wait; with one they block a thread while it is
/// asked: prefer the others. What has a sliding life lives on when it is read, up to a tenth of that life less than exactly: a value that is read all the time is not written each time.
/// Reads fail no caller (a store that is away has no values); <c>Remove</c> throws what the store throws.
/// </remarks>
public sealed class DogpileDistributedCache : IDistributedCache
{
    // A value's life is its own, so a reader's options say nothing of it. One object: a hit compares references.
    private static readonly DogpileEntryOptions Reader = new() { Expiry = null, StaleFor = TimeSpan.Zero };

    private readonly DogpileCache _cache;
    private readonly TimeProvider _time;

    /// <summary>Offers a cache.</summary>
    /// <param name="cache">The cache, which the caller disposes of. Its serializers get one more.</param>
    public DogpileDistributedCache(DogpileCache cache)
    {
        ArgumentNullException.ThrowIfNull(cache);
        _cache = cache;
        _time = cache.Options.TimeProvider;
        cache.Options.Serializers.Add(new DistributedEntry.Serializer());
    }

    /// <inheritdoc/>
    public byte[]? Get(string key) => GetAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        ValueLookup<DistributedEntry> found = await _cache.FindAsync<DistributedEntry>(key, Reader, token).ConfigureAwait(false);
        if (!found.IsFound)
            return null;
        DistributedEntry entry = found.Value;
        DateTimeOffset now = _time.GetUtcNow();
        if (entry.Life is { } life && now - entry.TouchedAt >= life)
            return null;
        if (entry.Sliding is { } sliding && now - entry.TouchedAt >= sliding / 10)
            await SetAsync(key, entry with { TouchedAt = now }, token).ConfigureAwait(false);
        return entry.Bytes.ToArray();
    }

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => SetAsync(key, value, options).GetAwaiter().GetResult();

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The options end its life before it begins.</exception>
    public async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(options);
        DateTimeOffset now = _time.GetUtcNow();
        DistributedEntry entry = new(value.ToArray(), options.SlidingExpiration, options.AbsoluteExpirationRelativeToNow is { } span ? now + span : options.AbsoluteExpiration, now);
        if (entry.Life < TimeSpan.FromMilliseconds(1))
            throw new ArgumentOutOfRangeException(nameof(options), entry.Life, "The value would be over before it is set.");
        await SetAsync(key, entry, token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Refresh(string key) => RefreshAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default) => GetAsync(key, token);

    /// <inheritdoc/>
    public void Remove(string key) => RemoveAsync(key).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default) => _cache.RemoveAsync(key, token).AsTask();

    private async ValueTask SetAsync(string key, DistributedEntry entry, CancellationToken token)
    {
        TimeSpan? life = entry.Life;
        if (life < TimeSpan.FromMilliseconds(1))
            return; // touched in its last moment
        await _cache.SetAsync(key, entry, Reader, Reader with { Expiry = life }, token).ConfigureAwait(false);
    }
}
