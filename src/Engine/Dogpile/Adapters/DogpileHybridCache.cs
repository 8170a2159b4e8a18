using System.Runtime.CompilerServices;
using Microsoft.Extensions.Caching.Hybrid;

namespace Sluice;

/// <summary>A <see cref="DogpileCache"/> for code that asks for a <see cref="HybridCache"/>.</summary>
/// <remarks>
/// Thread-safe. A hit allocates what the caller's tags and closure do, and nothing else. Of the flags those are honoured that this cache can honour: reading or writing may be disabled for memory
/// and store together, and the factory may be left out; compression is nobody's here. Disabling one of memory and store alone is refused, as is a
/// <see cref="HybridCacheEntryOptions.Expiration"/> below 1 ms.
/// </remarks>
public sealed class DogpileHybridCache : HybridCache
{
    private const HybridCacheEntryFlags Reads = HybridCacheEntryFlags.DisableLocalCacheRead | HybridCacheEntryFlags.DisableDistributedCacheRead;
    private const HybridCacheEntryFlags Writes = HybridCacheEntryFlags.DisableLocalCacheWrite | HybridCacheEntryFlags.DisableDistributedCacheWrite;
    private const HybridCacheEntryFlags OfStores = HybridCacheEntryFlags.DisableDistributedCache;

    private readonly DogpileCache _cache;
    private readonly DogpileEntryOptions _defaults;

    // A hit compares options by reference: the same ones of a caller become the same ones here.
    private readonly ConditionalWeakTable<HybridCacheEntryOptions, DogpileEntryOptions> _terms = [];

    /// <summary>Offers a cache.</summary>
    /// <param name="cache">The cache, which the caller disposes of.</param>
    /// <param name="defaults">
    /// How values are treated where <see cref="HybridCacheEntryOptions"/> don't say it. Null = as the cache's <see cref="DogpileCacheOptions.Defaults"/> say, but that no value is served beyond its expiry, since
    /// callers of a <see cref="HybridCache"/> don't expect it.
    /// </param>
    public DogpileHybridCache(DogpileCache cache, DogpileEntryOptions? defaults = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        defaults?.Validate();
        _cache = cache;
        _defaults = defaults ?? cache.Options.Defaults with { StaleFor = TimeSpan.Zero };
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A flag can't be honoured.</exception>
    public override ValueTask<T> GetOrCreateAsync<TState, T>(
        string key,
        TState state,
        Func<TState, CancellationToken, ValueTask<T>> factory,
        HybridCacheEntryOptions? options = null,
        IEnumerable<string>? tags = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        DogpileEntryOptions terms = TermsOf(options);
        if (FlagsOf(options) is var flags && flags == HybridCacheEntryFlags.None)
        {
            return tags is null
                ? _cache.GetOrCreateAsync(key, (factory, state), static (call, _, token) => call.factory(call.state, token), terms, cancellationToken)
                : _cache.GetOrCreateAsync(key, (factory, state, tags), static (call, creation, token) => CreateTaggedAsync<TState, T>(call, creation, token), terms, cancellationToken);
        }

        bool isForced = flags.HasFlag(Reads), isKept = !flags.HasFlag(Writes);
        if (flags.HasFlag(HybridCacheEntryFlags.DisableUnderlyingData))
            return FindAsync<T>(key, isForced, terms, cancellationToken);
        return _cache.GetOrCreateAsync(
            key,
            (factory, state, tags, isKept),
            static (call, creation, token) =>
            {
                creation.IsKept = call.isKept;
                return CreateTaggedAsync((call.factory, call.state, call.tags), creation, token);
            },
            terms,
            isForced,
            cancellationToken);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A flag can't be honoured.</exception>
    public override ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null, CancellationToken cancellationToken = default)
    {
        DogpileEntryOptions terms = TermsOf(options);
        return FlagsOf(options).HasFlag(Writes)
            ? ValueTask.CompletedTask
            : _cache.SetAsync(key, value, terms, tags is null ? terms : terms with { Tags = [.. tags] }, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => _cache.RemoveAsync(key, cancellationToken);

    /// <summary>Invalidates what has a tag; with <c>*</c> everything.</summary>
    /// <inheritdoc/>
    public override ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) => tag == "*"
        ? _cache.InvalidateAsync(Invalidation.Hard, cancellationToken)
        : _cache.InvalidateTagAsync(tag, Invalidation.Hard, cancellationToken);

    private static ValueTask<T> CreateTaggedAsync<TState, T>(
        (Func<TState, CancellationToken, ValueTask<T>> Factory, TState State, IEnumerable<string>? Tags) call, DogpileCreation creation, CancellationToken token)
    {
        if (call.Tags is not null)
            creation.Options = creation.Options with { Tags = [.. call.Tags] };
        return call.Factory(call.State, token);
    }

    private async ValueTask<T> FindAsync<T>(string key, bool isBlind, DogpileEntryOptions terms, CancellationToken cancellation)
    {
        ValueLookup<T> found = isBlind ? default : await _cache.FindAsync<T>(key, terms, cancellation).ConfigureAwait(false);
        return found.IsFound ? found.Value : default!;
    }

    /// <summary>Without a store, memory is all there is.</summary>
    private HybridCacheEntryFlags FlagsOf(HybridCacheEntryOptions? options)
    {
        HybridCacheEntryFlags asked = options?.Flags ?? HybridCacheEntryFlags.None;
        HybridCacheEntryFlags flags = asked & ~HybridCacheEntryFlags.DisableCompression;
        if (flags == HybridCacheEntryFlags.None)
            return flags;
        if (_cache.Options.Store is null)
        {
            flags &= ~OfStores;
            flags |= (HybridCacheEntryFlags)((int)(flags & HybridCacheEntryFlags.DisableLocalCache) << 2);
        }

        if ((flags & Reads) is not (HybridCacheEntryFlags.None or Reads) || (flags & Writes) is not (HybridCacheEntryFlags.None or Writes))
            throw new NotSupportedException($"{asked}: memory and store of this cache can be left out together, not one of them alone.");
        return flags;
    }

    private DogpileEntryOptions TermsOf(HybridCacheEntryOptions? options) =>
        options is null ? _defaults : _terms.TryGetValue(options, out DogpileEntryOptions? terms) ? terms : _terms.GetValue(options, Translate);

    private DogpileEntryOptions Translate(HybridCacheEntryOptions options)
    {
        TimeSpan? expiry = options.Expiration ?? _defaults.Expiry;
        if (_cache.Options.Store is null && options.LocalCacheExpiration is { } local && (expiry is null || local < expiry))
            expiry = local;
        DogpileEntryOptions terms = _defaults with
        {
            Expiry = expiry,
            Jitter = expiry < _defaults.Jitter ? expiry.Value : _defaults.Jitter,
            NearExpiry = options.LocalCacheExpiration ?? _defaults.NearExpiry,
        };
        terms.Validate();
        return terms;
    }
}
