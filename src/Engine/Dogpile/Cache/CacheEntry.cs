using System.Runtime.ExceptionServices;

namespace Sluice.Dogpiling;

/// <summary>
/// A value in memory, or a remembered failure. What was created is immutable; what moves are words that are read and written whole, none of which guards
/// another.
/// </summary>
/// <remarks>
/// What a hit looks at is here, and all the rest in <see cref="EntryLife"/>: among many keys a hit costs what it costs to fetch its cache lines and its pages' addresses from memory.
/// </remarks>
internal abstract class CacheEntry(string key, EntryLife life)
{
    private readonly string _key = key;
    private readonly int _hash = EntryTable.HashOf(key);
    private readonly EntryLife _life = life;
    private CacheEntry? _next;
    private readonly DogpileEntryOptions _askedWith = life.AskedWith;
    private long _hitUntil = long.MinValue;
    private long _checkedEpoch;

    public string Key => _key;

    /// <summary>Of the key, for the table.</summary>
    public int Hash => _hash;

    /// <summary>The next entry of the table's chain; written under the table's lock.</summary>
    public CacheEntry? Next
    {
        get => Volatile.Read(ref _next);
        set => Volatile.Write(ref _next, value);
    }

    public EntryLife Life => _life;

    /// <summary>The options of the call that created it; a caller with the same ones need not compare them.</summary>
    public DogpileEntryOptions AskedWith => _askedWith;

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

    /// <summary>Asked for since the eviction's hand came by.</summary>
    public bool WasAsked { get; set; }

    public void Expire()
    {
        _life.IsExpired = true;
        HitUntil = long.MinValue;
    }

    /// <summary>Somebody else may have changed it in the store: who asks next asks there.</summary>
    public void Doubt()
    {
        _life.IsDoubtful = true;
        HitUntil = long.MinValue;
    }
}

/// <summary>Where an entry comes from and how long it lives.</summary>
internal sealed class EntryLife
{
    private DogpileEntryOptions? _askedWith;
    private DogpileEntryOptions? _options;

    /// <summary>The options of the call that created it.</summary>
    public DogpileEntryOptions AskedWith { get => _askedWith!; set => _askedWith = value; }

    /// <summary>Those of the call that created it, or what its factory said instead.</summary>
    public DogpileEntryOptions Options { get => _options!; set => _options = value; }

    /// <summary>When its creator had ended, by the age clock.</summary>
    public long CreatedTicks { get; set; }

    /// <summary>The same by the wall clock.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>From when on it is too old, jitter included.</summary>
    public long ExpiresAt { get; set; }

    /// <summary>From when on the store must be asked again.</summary>
    public long NearUntil { get; set; } = long.MaxValue;

    /// <summary>How long its creation took, in ticks.</summary>
    public long Cost { get; set; }

    /// <summary>The invalidations that had happened when its creator began: later ones may mean it.</summary>
    public long Epoch { get; set; }

    /// <summary>What it belongs to.</summary>
    public IReadOnlyList<string> Tags { get; set; } = [];

    /// <summary>After a failure: until when nobody tries to replace it.</summary>
    public long RetryAt { get; set; } = long.MinValue;

    /// <summary>Somebody said that it is too old, whatever its age.</summary>
    public bool IsExpired { get; set; }

    /// <summary>The store may have another one, or none.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>The store has none any more: not even who had it in hand before goes on with it.</summary>
    public bool IsGone { get; set; }

    /// <summary>Neighbours in the order of arrival, guarded by the table's lock.</summary>
    public CacheEntry? Newer { get; set; }

    /// <inheritdoc cref="Newer"/>
    public CacheEntry? Older { get; set; }

    /// <summary>From when on a reader must have a new one. Readers judge a value by their own options; what its factory said beats those of its creator.</summary>
    public long ExpiryFor(DogpileEntryOptions reader) => IsDoubtful ? long.MinValue : OwnExpiryFor(reader);

    /// <summary>The same, whether or not the store may have another one by now: what was read or made after a caller's question is his.</summary>
    public long OwnExpiryFor(DogpileEntryOptions reader) => IsExpired ? long.MinValue : Math.Min(LifeEnd(reader), NearUntil);

    /// <summary>Whether a reader may be served it although it is too old.</summary>
    public bool MayServe(DogpileEntryOptions reader, long now)
    {
        TimeSpan? staleFor = (ReferenceEquals(reader, AskedWith) ? Options : reader).StaleFor;
        return staleFor != TimeSpan.Zero && now < AgeClock.Later(LifeEnd(reader), staleFor);
    }

    /// <summary>Whether nothing speaks against it but the doubt.</summary>
    public bool IsOnlyDoubtful(DogpileEntryOptions reader, long now) => IsDoubtful && now < OwnExpiryFor(reader);

    private long LifeEnd(DogpileEntryOptions reader) => ReferenceEquals(reader, AskedWith) ? ExpiresAt : AgeClock.Later(CreatedTicks, reader.Expiry);
}

/// <summary>A value in memory.</summary>
internal sealed class CacheEntry<T>(string key, T value, EntryLife life) : CacheEntry(key, life)
{
    public T Value => value;
}

/// <summary>A failure that callers without a value are told for a while.</summary>
internal sealed class FailedEntry(string key, Exception failure, EntryLife life) : CacheEntry(key, life)
{
    public ExceptionDispatchInfo Failure { get; } = ExceptionDispatchInfo.Capture(failure);
}
