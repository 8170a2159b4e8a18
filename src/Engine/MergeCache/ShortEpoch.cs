namespace Sluice.Caching;

/// <summary>
/// A flush epoch in 32 bits, or none: half of what the number takes, in every entry.
/// </summary>
/// <remarks>
/// Its low 31 bits are kept. A counted epoch is at most <see cref="Flushing.FlushEpochs.Window"/> behind the current one (the ring refuses to go on
/// otherwise), so the distance to the current one, modulo 2^31, tells the whole number. The current epoch must be read after this value: then it is
/// not older, because the epoch was current when it was counted.
/// </remarks>
internal struct ShortEpoch
{
    private const uint Dirty = 1u << 31;

    private uint _value;

    /// <summary>Whether there is no epoch. An acquire load, for those who look without the claim.</summary>
    public readonly bool IsClean => Volatile.Read(in _value) == 0;

    /// <summary>
    /// Whether there is an epoch that is not after <paramref name="epoch"/>. Both were current not longer ago than 2^30 epochs, which take at least
    /// twelve days: a position is named right before its merge.
    /// </summary>
    public readonly bool IsNotAfter(long epoch) => _value != 0 && (int)(((uint)epoch - _value) << 1) >= 0;

    /// <summary>Release store.</summary>
    public void Set(long epoch) => Volatile.Write(ref _value, Dirty | (uint)epoch);

    public void Clear() => Volatile.Write(ref _value, 0);

    /// <summary>The whole number, or 0 when there is none.</summary>
    public readonly long Read(Flushing.FlushEpochs epochs)
    {
        uint value = Volatile.Read(in _value);
        if (value == 0)
            return 0;
        long current = epochs.Current;
        return current - (((uint)current - value) & ~Dirty);
    }
}
