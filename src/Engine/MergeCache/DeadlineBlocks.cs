namespace Sluice.Caching;

/// <summary>
/// When to look at which entries of one stripe: for each block of neighbouring places a time before which nobody in it is due.
/// </summary>
/// <remarks>
/// <para>A new session only lowers its block's time. Merges and ends tell nothing: a merge moves its deadline later, so the block's time stays a bound,
/// and whoever looks at the block when its time has come sets the new one. A merge costs nothing here, an eviction one comparison, an entry an eighth
/// of a byte. Looking costs a walk over <see cref="Length"/> neighbours, at most once for each of their deadlines: a few microseconds for an entry
/// and soft period. A heap or a wheel of entries would cost every eviction several cache misses instead, to take a deadline out that never came.</para>
/// <para>Guarded by the stripe's lock, except for <see cref="Earliest"/>.</para>
/// </remarks>
internal sealed class DeadlineBlocks
{
    /// <summary>Places of a block.</summary>
    public const int Length = 64;

    private long[] _blocks = [];
    private long _earliest = long.MaxValue;

    /// <summary>Nobody is due before, or <see cref="long.MaxValue"/>. Any thread.</summary>
    public long Earliest => Volatile.Read(ref _earliest);

    /// <summary>Memory of the times.</summary>
    public long Bytes => sizeof(long) * (long)_blocks.Length;

    /// <summary>How many blocks there are.</summary>
    public int Count => _blocks.Length;

    /// <summary>Makes room for a place, so that the next <see cref="Schedule"/> of it can't fail.</summary>
    public void Reserve(int index)
    {
        int block = index / Length;
        if (block < _blocks.Length)
            return;
        int before = _blocks.Length;
        Array.Resize(ref _blocks, block + 4);
        Array.Fill(_blocks, long.MaxValue, before, _blocks.Length - before);
    }

    /// <summary>A session that begins in this place is due at <paramref name="at"/>, or later.</summary>
    public void Schedule(int index, long at)
    {
        ref long block = ref _blocks[index / Length];
        if (at >= block)
            return;
        block = at;
        if (at < _earliest)
            Volatile.Write(ref _earliest, at);
    }

    /// <summary>The first block from <paramref name="from"/> on whose time has come, or -1.</summary>
    public int NextDue(int from, long now)
    {
        for (int block = from; block < _blocks.Length; block++)
        {
            if (_blocks[block] <= now)
                return block;
        }

        return -1;
    }

    /// <summary>What looking at a block has found: the earliest deadline in it. <see cref="Settle"/> must follow.</summary>
    public void Set(int block, long at) => _blocks[block] = at;

    /// <summary>Finds the new <see cref="Earliest"/>.</summary>
    public void Settle()
    {
        long earliest = long.MaxValue;
        foreach (long block in _blocks)
            earliest = Math.Min(earliest, block);
        Volatile.Write(ref _earliest, earliest);
    }
}
