using System.Runtime.ExceptionServices;

namespace Sluice.Dogpiling;

/// <summary>
/// A value in memory, or a remembered failure. What was created is immutable; what moves are three words that a hit compares and one that it sets, each
/// read and written whole, none of which guards another.
/// </summary>
internal abstract class CacheEntry(string key, DogpileEntryOptions askedWith, DogpileEntryOptions options)
{
    private long _hitUntil = long.MinValue;
    private long _checkedEpoch;

    public string Key => key;

    /// <summary>The options of the call that created it; a caller with the same ones need not compare them.</summary>
    public DogpileEntryOptions AskedWith => askedWith;

    /// <summary>The same, or what its factory said instead.</summary>
    public DogpileEntryOptions Options => options;

    /// <summary>When its creator had ended, by the age clock.</summary>
    public long CreatedTicks { get; init; }

    /// <summary>The same by the wall clock.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>From when on it is too old, jitter included.</summary>
    public long ExpiresAt { get; init; }

    /// <summary>From when on the store must be asked again.</summary>
    public long NearUntil { get; init; } = long.MaxValue;

    /// <summary>How long its creation took, in ticks.</summary>
    public long Cost { get; init; }

    /// <summary>The invalidations that had happened when its creator began: later ones may mean it.</summary>
    public long Epoch { get; init; }

    /// <summary>What it belongs to.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>
    /// Until when a caller with the same options takes it without a further thought: its expiry, or the moment from which on it may be refreshed early.
    /// </summary>
    public long HitUntil
    {
        get => Volatile.Read(ref _hitUntil);
        set => Volatile.Write(ref _hitUntil, value);
    }

    /// <summary>The invalidations that it is known to have survived.</summary>
    public long CheckedEpoch
    {
        get => Volatile.Read(ref _checkedEpoch);
        set => Volatile.Write(ref _checkedEpoch, value);
    }

    /// <summary>After a failure: until when nobody tries to replace it.</summary>
    public long RetryAt { get; set; } = long.MinValue;

    /// <summary>Somebody said that it is too old, whatever its age.</summary>
    public bool IsExpired { get; private set; }

    /// <summary>Asked for since the eviction's hand came by.</summary>
    public bool WasAsked { get; set; }

    /// <summary>Neighbours in the order of arrival, guarded by the table's lock.</summary>
    public CacheEntry? Newer { get; set; }

    /// <inheritdoc cref="Newer"/>
    public CacheEntry? Older { get; set; }

    public void Expire()
    {
        IsExpired = true;
        HitUntil = long.MinValue;
    }

    /// <summary>From when on a reader must have a new one. Readers judge a value by their own options; what its factory said beats those of its creator.</summary>
    public long ExpiryFor(DogpileEntryOptions reader) => IsExpired ? long.MinValue : Math.Min(LifeEnd(reader), NearUntil);

    /// <summary>Whether a reader may be served it although it is too old.</summary>
    public bool MayServe(DogpileEntryOptions reader, long now)
    {
        TimeSpan? staleFor = (ReferenceEquals(reader, askedWith) ? options : reader).StaleFor;
        return staleFor != TimeSpan.Zero && now < AgeClock.Later(LifeEnd(reader), staleFor);
    }

    private long LifeEnd(DogpileEntryOptions reader) => ReferenceEquals(reader, askedWith) ? ExpiresAt : AgeClock.Later(CreatedTicks, reader.Expiry);
}

/// <summary>A value in memory.</summary>
internal sealed class CacheEntry<T>(string key, T value, DogpileEntryOptions askedWith, DogpileEntryOptions options) : CacheEntry(key, askedWith, options)
{
    public T Value => value;
}

/// <summary>A failure that callers without a value are told for a while.</summary>
internal sealed class FailedEntry(string key, Exception failure, DogpileEntryOptions options) : CacheEntry(key, options, options)
{
    public ExceptionDispatchInfo Failure { get; } = ExceptionDispatchInfo.Capture(failure);
}
