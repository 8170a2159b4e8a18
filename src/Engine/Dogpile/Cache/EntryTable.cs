using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Sluice.Dogpiling;

/// <summary>
/// The values in memory, at most so many. Reading takes no lock; adding and removing take one for the list in which the eviction's hand looks for the
/// one to leave (SIEVE, as in the merge cache: a reader sets a bit, the hand clears it and takes the first entry without one).
/// </summary>
internal sealed class EntryTable(int capacity)
{
    private readonly ConcurrentDictionary<string, CacheEntry> _entries = new();
    private readonly Lock _gate = new();
    private CacheEntry? _newest;
    private CacheEntry? _oldest;
    private CacheEntry? _hand;
    private int _count;
    private long _evicted;

    public int Count
    {
        get
        {
            lock (_gate)
                return _count;
        }
    }

    /// <summary>How many left for lack of room.</summary>
    public long Evicted => Volatile.Read(ref _evicted);

    public bool TryGet(string key, [MaybeNullWhen(false)] out CacheEntry entry) => _entries.TryGetValue(key, out entry);

    /// <summary>Puts an entry in its key's place.</summary>
    public void Set(CacheEntry entry)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(entry.Life.Key, out CacheEntry? old))
                Unlist(old);
            else if (_count >= capacity)
                Evict();
            _entries[entry.Life.Key] = entry;
            List(entry);
        }
    }

    /// <summary>Removes whatever a key has.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            if (_entries.TryRemove(key, out CacheEntry? entry))
                Unlist(entry);
        }
    }

    /// <summary>Removes this entry, unless another one has taken its place.</summary>
    public void Remove(CacheEntry entry)
    {
        lock (_gate)
        {
            if (_entries.TryRemove(new KeyValuePair<string, CacheEntry>(entry.Life.Key, entry)))
                Unlist(entry);
        }
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _entries.Clear();
            _newest = _oldest = _hand = null;
            _count = 0;
        }
    }

    private void Evict()
    {
        // Two rounds at most: the first clears every bit.
        CacheEntry victim = _hand ?? _oldest!;
        while (victim.WasAsked)
        {
            victim.WasAsked = false;
            victim = victim.Life.Newer ?? _oldest!;
        }

        _hand = victim.Life.Newer;
        _entries.TryRemove(victim.Life.Key, out _);
        Unlist(victim);
        _evicted++;
    }

    private void List(CacheEntry entry)
    {
        entry.Life.Older = _newest;
        if (_newest is null)
            _oldest = entry;
        else
            _newest.Life.Newer = entry;
        _newest = entry;
        _count++;
    }

    private void Unlist(CacheEntry entry)
    {
        if (_hand == entry)
            _hand = entry.Life.Newer;
        if (entry.Life.Newer is null)
            _newest = entry.Life.Older;
        else
            entry.Life.Newer.Life.Older = entry.Life.Older;
        if (entry.Life.Older is null)
            _oldest = entry.Life.Newer;
        else
            entry.Life.Older.Life.Newer = entry.Life.Newer;
        entry.Life.Newer = entry.Life.Older = null;
        _count--;
    }
}
