namespace Sluice.Resp.Client;

/// <summary>Where an entry of the table stands.</summary>
internal enum CacheEntryState
{
    /// <summary>Its read is under way: others join it.</summary>
    Pending,

    /// <summary>It has its value.</summary>
    Filled,

    /// <summary>It is not in the table any more: whatever its read brings is for those who wait for it, and is not kept.</summary>
    Removed,
}

/// <summary>One key: a placeholder from before its read is sent, then its value.</summary>
/// <remarks>Changes under the table's lock. Who finds it without the lock looks at <see cref="State"/> first: the value is written before the state and never again.</remarks>
internal sealed class CacheEntry(byte[] key, CacheFlight flight)
{
    private volatile CacheEntryState _state;

    public byte[] Key { get; } = key;

    /// <summary>The read; null when it has come.</summary>
    public CacheFlight? Flight { get; private set; } = flight;

    /// <summary>Null = the server has no such key.</summary>
    public byte[]? Value { get; private set; }

    /// <summary>When it is worth nothing any more, in the clock's milliseconds.</summary>
    public long Expires { get; private set; }

    /// <summary>It was read since the hand passed it.</summary>
    public bool IsVisited { get; set; }

    /// <summary>What it is counted with.</summary>
    public int Cost { get; private set; }

    // The queue of filled entries.
    public CacheEntry? Newer { get; set; }

    public CacheEntry? Older { get; set; }

    public CacheEntryState State => _state;

    public void Fill(byte[]? value, long expires, int cost)
    {
        Value = value;
        Expires = expires;
        Cost = cost;
        Flight = null;
        _state = CacheEntryState.Filled;
    }

    public void Remove() => _state = CacheEntryState.Removed;
}
