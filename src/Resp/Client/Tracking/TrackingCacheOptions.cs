namespace Sluice.Resp;

/// <summary>What a <see cref="TrackingCache"/> keeps, and how much. Immutable.</summary>
public sealed record TrackingCacheOptions
{
    /// <summary>How the server tells of changes.</summary>
    public RespTrackingOptions Tracking { get; init; } = new();

    /// <summary>Keys that may be kept, at least 1; 100,000 by default.</summary>
    public int MaxEntries { get; init; } = 100_000;

    /// <summary>Bytes that may be kept, at least 1: keys, values and an estimate of what holds them. 64 MiB by default.</summary>
    public long MaxBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Longer values are read and not kept, at least 0; 1 MiB by default.</summary>
    public int MaxValueBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// The longest time that a value is kept, above zero; <see cref="Timeout.InfiniteTimeSpan"/>, the default, is until it is invalidated. Bounds what a fault of the server's tracking could do.
    /// </summary>
    public TimeSpan MaxAge { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// A value is not kept longer than its key lives: each read also asks for the time to live, in the same round trip. Without, a value whose key has expired is served until the
    /// server notices the expiry and tells, which takes it some time. True by default.
    /// </summary>
    public bool HonoursExpiry { get; init; } = true;

    /// <summary>Throws if a value is out of its range.</summary>
    /// <exception cref="ArgumentException">Names the property.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Tracking);
        Tracking.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntries, 1, nameof(MaxEntries));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBytes, 1, nameof(MaxBytes));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxValueBytes, nameof(MaxValueBytes));
        if (MaxAge != Timeout.InfiniteTimeSpan && MaxAge <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(MaxAge), MaxAge, "A value is kept for a time above zero, or until it is invalidated.");
    }
}
