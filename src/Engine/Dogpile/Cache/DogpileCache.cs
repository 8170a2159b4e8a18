using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Diagnostics;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>
/// Values by key, each created by one caller at a time: the first ones wait, and when a value has become too old one creates the next while the others go on
/// with the old.
/// </summary>
/// <remarks>
/// All members are thread-safe. A hit takes no lock and allocates nothing (with the overload that passes a state, or a factory that captures nothing). A factory
/// belongs to all who wait for it: a caller that gives up leaves it running, the last one to give up cancels its token, and its exception reaches everyone who
/// waited. It runs on the thread of the caller that has to create, until its first await; with time-outs and in the background, on the pool.
/// <para>One cache is one region: <see cref="InvalidateAsync(Invalidation, CancellationToken)"/> invalidates all of it.</para>
/// </remarks>
/// <example>
/// <code>
/// Report report = await engine.Dogpile.GetOrCreateAsync("report:7", token => BuildReportAsync(7, token), Hourly, ct);
/// </code>
/// </example>
public sealed partial class DogpileCache : IAsyncDisposable
{
    private readonly DogpileCacheOptions _options;
    private readonly AgeClock _clock;
    private readonly EntryTable _table;
    private readonly EntryLives _lives = new();
    private readonly ConcurrentDictionary<string, IKeyCreation> _creations = new();
    private readonly Invalidations _invalidations = new();
    private readonly StoreGate? _store;
    private readonly RecentChanges _changes = new();
    private readonly IDisposable? _watch;
    private readonly ILogger _logger;
    private readonly DogpileMetrics _metrics;
    private readonly Random _random;
    private long _created;
    private long _failed;
    private long _servedStale;
    private volatile bool _isDisposed;
    private volatile bool _isClosed;

    /// <summary>An empty cache.</summary>
    /// <param name="options">Null = the defaults: memory only.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public DogpileCache(DogpileCacheOptions? options = null)
    {
        _options = options is null ? new DogpileCacheOptions() : options with { };
        _options.Validate();
        _clock = new AgeClock(_options.TimeProvider);
        _table = new EntryTable(_options.Capacity);
        _logger = _options.LoggerFactory is { } logging ? new GuardedLogger(logging.CreateLogger<DogpileCache>()) : NullLogger.Instance;
        _metrics = new DogpileMetrics(_options.Region, () => Counters);
        _store = _options.Store is { } store ? new StoreGate(store, _options, _logger, _metrics) : null;
        _watch = _store is not null && _options.Store is IDogpileChangeFeed feed ? feed.Watch(_store.Prefix, OnChanged) : null;
        _random = _options.Seed is { } seed ? new Random(seed) : new Random(System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue));
    }

    /// <summary>What the cache has done so far. Hits are not counted: that would cost them half of their speed.</summary>
    public DogpileCacheCounters Counters =>
        new(_table.Count, Volatile.Read(ref _created), Volatile.Read(ref _failed), Volatile.Read(ref _servedStale), _table.Evicted);

    /// <summary>The value of a key, created if it is not there or too old.</summary>
    /// <typeparam name="T">The value; always the same type for a key.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="factory">Creates the value. Its token is cancelled when nobody waits any more.</param>
    /// <param name="options">How the value is treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <exception cref="CreationTimeoutException">There is no value, and waiting took longer than <see cref="DogpileEntryOptions.HardTimeout"/>.</exception>
    /// <exception cref="ReentrantCreationException">The factory asked for its own key.</exception>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The key has a value of another type, or the store needs a serializer.</exception>
    /// <exception cref="ObjectDisposedException">The cache was disposed.</exception>
    public ValueTask<T> GetOrCreateAsync<T>(
        string key, Func<CancellationToken, ValueTask<T>> factory, DogpileEntryOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return TryHit(key, options, out T? value)
            ? new ValueTask<T>(value!)
            : GetSlowAsync(Request(key, factory, static (factory, _, token) => factory(token), options), cancellation);
    }

    /// <summary>The value of a key, created from a state if it is not there or too old: no closure is needed.</summary>
    /// <typeparam name="TState">What the factory needs.</typeparam>
    /// <typeparam name="T">The value; always the same type for a key.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="state">Given to <paramref name="factory"/>.</param>
    /// <param name="factory">Creates the value, and may say how it is to be treated. Its token is cancelled when nobody waits any more.</param>
    /// <param name="options">How the value is treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <exception cref="CreationTimeoutException">There is no value, and waiting took longer than <see cref="DogpileEntryOptions.HardTimeout"/>.</exception>
    /// <exception cref="ReentrantCreationException">The factory asked for its own key.</exception>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The key has a value of another type, or the store needs a serializer.</exception>
    /// <exception cref="ObjectDisposedException">The cache was disposed.</exception>
    public ValueTask<T> GetOrCreateAsync<TState, T>(
        string key,
        TState state,
        Func<TState, DogpileCreation, CancellationToken, ValueTask<T>> factory,
        DogpileEntryOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return TryHit(key, options, out T? value) ? new ValueTask<T>(value!) : GetSlowAsync(Request(key, state, factory, options), cancellation);
    }

    /// <summary>The same, with a value that is created anew even if there is one that is young enough.</summary>
    internal ValueTask<T> GetOrCreateAsync<TState, T>(
        string key,
        TState state,
        Func<TState, DogpileCreation, CancellationToken, ValueTask<T>> factory,
        DogpileEntryOptions options,
        bool isForced,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(key);
        return GetSlowAsync(new CacheRequest<TState, T>(key, state, factory, options) { IsForced = isForced }, cancellation);
    }

    /// <summary>Creates the value of a key anew, whatever its age, or waits for the creation that is under way. Others go on with the old one meanwhile.</summary>
    /// <typeparam name="T">The value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="factory">Creates the value.</param>
    /// <param name="options">How the value is treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    public ValueTask<T> RefreshAsync<T>(
        string key, Func<CancellationToken, ValueTask<T>> factory, DogpileEntryOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(factory);
        return GetOrCreateAsync(key, factory, static (factory, _, token) => factory(token), Checked(options), isForced: true, cancellation);
    }

    /// <summary>The value of a key if it is in memory and young enough. Never waits, never asks the store.</summary>
    /// <typeparam name="T">The value.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="InvalidOperationException">The key has a value of another type.</exception>
    public bool TryGet<T>(string key, [MaybeNullWhen(false)] out T value)
    {
        if (TryHit(key, null, out value!))
            return true;
        if (FindValid<T>(key) is not { } entry || _clock.Now >= entry.Life.ExpiryFor(entry.AskedWith))
            return false;
        value = entry.Value;
        return true;
    }

    /// <summary>
    /// Stops what is being created in the background, waits until every factory has ended, and forgets everything in memory; the store keeps what it has.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        _watch?.Dispose();
        await EndCreationsAsync().ConfigureAwait(false);

        // A caller that had looked before may take a key's place only now. Either it finds this, or its creation is found here.
        _isClosed = true;
        Interlocked.MemoryBarrier();
        await EndCreationsAsync().ConfigureAwait(false);
        _table.Clear();
        _metrics.Dispose();
    }

    private async ValueTask EndCreationsAsync()
    {
        foreach (IKeyCreation creation in _creations.Values)
        {
            creation.Cancel();
            await creation.WaitForEndAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHit<T>(string key, DogpileEntryOptions? options, [MaybeNullWhen(false)] out T value)
    {
        ArgumentNullException.ThrowIfNull(key);

        // The exact type, compared as such: a cast asks for bases too, which a sealed class that only this cache makes has no use for.
        if (_table.Glance(key) is { } found
            && found.GetType() == typeof(CacheEntry<T>)
            && (options is null || ReferenceEquals(options, found.AskedWith))
            && found.CheckedEpoch == _invalidations.Epoch
            && (found.HitUntil is long until && (until == long.MaxValue || _clock.IsBefore(until))))
        {
            CacheEntry<T> entry = Unsafe.As<CacheEntry<T>>(found);

            // Tested first, so that a value that is asked for all the time stays in the caches of all processors.
            if (!entry.WasAsked)
                entry.WasAsked = true;
            value = entry.Value;
            return true;
        }

        value = default;
        return false;
    }

    /// <summary>
    /// The store tells of a change, of this cache's own perhaps: what is in memory of it is looked up there when it is next asked for. Meanwhile one looks, the others go on with it.
    /// </summary>
    private void OnChanged(string? name)
    {
        _changes.Add(name);
        if (name is null || !_store!.TryParse(name, out string? key, out string? tag))
            _invalidations.Doubt(null);
        else if (key is not null)
            _table.Find(key)?.Doubt();
        else
            _invalidations.Doubt(tag);
    }

    private CacheRequest<TState, T> Request<TState, T>(
        string key, TState state, Func<TState, DogpileCreation, CancellationToken, ValueTask<T>> factory, DogpileEntryOptions? options) =>
        new(key, state, factory, Checked(options));

    private DogpileEntryOptions Checked(DogpileEntryOptions? options)
    {
        if (options is null)
            return _options.Defaults;
        options.Validate();
        return options;
    }
}

/// <summary>What a cache has done since it was made.</summary>
/// <param name="Entries">Values in memory now.</param>
/// <param name="Created">Factories that ended with a value.</param>
/// <param name="Failed">Factories that ended with an exception.</param>
/// <param name="ServedStale">Callers that got a value beyond its expiry.</param>
/// <param name="Evicted">Values that left for lack of room: raise the capacity.</param>
public sealed record DogpileCacheCounters(int Entries, long Created, long Failed, long ServedStale, long Evicted);
