using System.Collections.Concurrent;

namespace Sluice.Resp.Client;

/// <summary>
/// What one life of a tracked connection has read: keys with a value, and placeholders of reads that are under way. Dropped as a whole when the life ends, which costs nothing.
/// </summary>
/// <remarks>
/// <para>A read takes no lock: it finds the entry, looks at its state and marks it as visited. Everything else happens under <c>_gate</c>, a leaf.</para>
/// <para>Room is made with one queue, oldest at the end, and a hand that goes from there to the newest: what was visited since the hand came by stays, what was not goes. So a
/// scan of keys that are read once does not push out those that are read again, and a hit writes at most one bit.</para>
/// <para>The rule that keeps old values out: a placeholder is in the table before its read is sent, an invalidation takes it out, and only what is still in the table is filled.</para>
/// </remarks>
internal sealed class CacheTable
{
    // The entry, its place in the dictionary and the headers of two arrays, on a 64-bit machine.
    private const int Overhead = 208;

    private readonly int _maxEntries;
    private readonly long _maxBytes;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<byte[], CacheEntry> _entries = new(concurrencyLevel: 1, capacity: 64, ByteStrings.Comparer);
    private readonly ConcurrentDictionary<byte[], CacheEntry>.AlternateLookup<ReadOnlySpan<byte>> _byKey;
    private CacheEntry? _newest;
    private CacheEntry? _oldest;
    private CacheEntry? _hand;

    public CacheTable(int maxEntries, long maxBytes)
    {
        _maxEntries = maxEntries;
        _maxBytes = maxBytes;
        _byKey = _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Entries with a value.</summary>
    public int Count { get; private set; }

    /// <summary>What they are counted with.</summary>
    public long Bytes { get; private set; }

    /// <summary>Finds a value. Any thread; no lock, no allocation.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, long now, out byte[]? value)
    {
        if (_byKey.TryGetValue(key, out CacheEntry? entry) && entry.State == CacheEntryState.Filled && now < entry.Expires)
        {
            if (!entry.IsVisited)
                entry.IsVisited = true;
            value = entry.Value;
            return true;
        }

        value = null;
        return false;
    }

    /// <summary>Joins the read that is under way, or enters this one as the placeholder: then the caller sends it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="own">What the caller would send.</param>
    /// <param name="now">The clock's milliseconds.</param>
    /// <param name="value">The value, if it came since the caller looked.</param>
    /// <returns>What to wait for; null = <paramref name="value"/> is there.</returns>
    public CacheFlight? Enter(ReadOnlySpan<byte> key, CacheFlight own, long now, out byte[]? value)
    {
        value = null;
        lock (_gate)
        {
            if (_byKey.TryGetValue(key, out CacheEntry? entry))
            {
                if (entry.Flight is { } underWay)
                    return underWay;
                if (now < entry.Expires)
                {
                    value = entry.Value;
                    return null;
                }

                Remove(entry);
            }

            entry = new CacheEntry(key.ToArray(), own);
            own.Entry = entry;
            _entries[entry.Key] = entry;
            return own;
        }
    }

    /// <summary>The value came.</summary>
    /// <returns>False when it is not kept; and how many others were dropped for it.</returns>
    public bool TryFill(CacheEntry entry, byte[]? value, long expires, out int evicted)
    {
        evicted = 0;
        long cost = Overhead + (long)entry.Key.Length + (value?.Length ?? 0);
        lock (_gate)
        {
            if (entry.State != CacheEntryState.Pending)
                return false;
            if (cost > _maxBytes)
            {
                Remove(entry);
                return false;
            }

            for (; Count >= _maxEntries || Bytes + cost > _maxBytes; evicted++)
                Remove(Victim());
            entry.Fill(value, expires, (int)cost);
            Count++;
            Bytes += cost;
            entry.Older = _newest;
            if (_newest is null)
                _oldest = entry;
            else
                _newest.Newer = entry;
            _newest = entry;
            return true;
        }
    }

    /// <summary>Takes an entry out, value or placeholder.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        // A key that is not kept, which in broadcast mode is most of them, costs no lock: who enters it after this look sends its read after it too.
        if (!_byKey.TryGetValue(key, out _))
            return;
        lock (_gate)
        {
            if (_byKey.TryGetValue(key, out CacheEntry? entry))
                Remove(entry);
        }
    }

    /// <summary>Takes this entry out, if it is still in.</summary>
    public void Withdraw(CacheEntry entry)
    {
        lock (_gate)
        {
            if (entry.State != CacheEntryState.Removed)
                Remove(entry);
        }
    }

    private void Remove(CacheEntry entry)
    {
        if (entry.State == CacheEntryState.Filled)
        {
            Count--;
            Bytes -= entry.Cost;
            if (ReferenceEquals(_hand, entry))
                _hand = entry.Newer;
            if (entry.Newer is null)
                _newest = entry.Older;
            else
                entry.Newer.Older = entry.Older;
            if (entry.Older is null)
                _oldest = entry.Newer;
            else
                entry.Older.Newer = entry.Newer;
        }

        entry.Remove();
        _entries.TryRemove(entry.Key, out _);
    }

    private CacheEntry Victim()
    {
        CacheEntry candidate = _hand ?? _oldest!;
        // Once around at most: readers may mark faster than the hand clears.
        for (int left = Count; candidate.IsVisited && left > 0; left--)
        {
            candidate.IsVisited = false;
            candidate = candidate.Newer ?? _oldest!;
        }

        _hand = candidate.Newer;
        return candidate;
    }
}
