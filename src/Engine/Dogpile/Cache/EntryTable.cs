using System.Runtime.CompilerServices;
using Sluice.Caching;

namespace Sluice.Dogpiling;

/// <summary>
/// The values in memory, at most so many. A hit takes no lock; everything else takes one. The entries themselves are the links of the hash table's chains, so that a hit
/// among many keys fetches no more from memory than a look-up in a dictionary does.
/// </summary>
/// <remarks>
/// Memory order: an entry is built, then linked by a release write; readers follow links with acquire reads, so they see it whole. An entry is linked once and never again.
/// A reader that stands on one while it is unlinked goes on by its link, which still leads to what followed it. Replacing links the new entry before it unlinks the old: a reader
/// finds one of them. While the table grows, a reader may be led into another chain and miss what is there; no chain has a circle at any moment. So what a reader finds is
/// true, and that it finds nothing is not: <see cref="Find"/>, under the lock, is asked then.
/// <para>The eviction is SIEVE's, as in the merge cache: a hit sets a bit, the hand clears it and takes the first entry without one.</para>
/// </remarks>
internal sealed class EntryTable(int capacity)
{
    private const int FirstBuckets = 64;

    private readonly Lock _gate = new();
    private CacheEntry?[] _buckets = new CacheEntry?[FirstBuckets];
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

    /// <summary>The entry of a key, without a lock; null says nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public CacheEntry? Glance(string key) => Walk(Volatile.Read(ref _buckets), key);

    /// <summary>The entry of a key; null when there is none.</summary>
    public CacheEntry? Find(string key)
    {
        lock (_gate)
            return Walk(_buckets, key);
    }

    /// <summary>Puts an entry in its key's place.</summary>
    public void Set(CacheEntry entry)
    {
        lock (_gate)
        {
            CacheEntry? old = Walk(_buckets, entry.Key);
            if (old is null && _count >= capacity)
                Evict();
            if (_count >= _buckets.Length)
                Grow();
            Link(_buckets, entry);
            List(entry);
            if (old is not null)
                Drop(old);
        }
    }

    /// <summary>Removes whatever a key has.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            if (Walk(_buckets, key) is { } entry)
                Drop(entry);
        }
    }

    /// <summary>Removes this entry, unless another one has taken its place.</summary>
    public void Remove(CacheEntry entry)
    {
        lock (_gate)
        {
            if (ReferenceEquals(Walk(_buckets, entry.Key), entry))
                Drop(entry);
        }
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            Volatile.Write(ref _buckets, new CacheEntry?[FirstBuckets]);
            _newest = _oldest = _hand = null;
            _count = 0;
        }
    }

    public static int HashOf(string key) => (int)KeySecrets.OfProcess.Hash(key);

    private static CacheEntry? Walk(CacheEntry?[] buckets, string key)
    {
        int hash = HashOf(key);
        CacheEntry? entry = Volatile.Read(ref buckets[hash & (buckets.Length - 1)]);
        while (entry is not null && (entry.Hash != hash || !string.Equals(entry.Key, key)))
            entry = entry.Next;
        return entry;
    }

    private static void Link(CacheEntry?[] buckets, CacheEntry entry)
    {
        ref CacheEntry? bucket = ref buckets[entry.Hash & (buckets.Length - 1)];
        entry.Next = bucket;
        Volatile.Write(ref bucket, entry);
    }

    private void Grow()
    {
        CacheEntry?[] larger = new CacheEntry?[2 * _buckets.Length];
        for (CacheEntry? entry = _oldest; entry is not null; entry = entry.Life.Newer)
            Link(larger, entry);
        Volatile.Write(ref _buckets, larger);
    }

    private void Drop(CacheEntry entry)
    {
        ref CacheEntry? bucket = ref _buckets[entry.Hash & (_buckets.Length - 1)];
        if (ReferenceEquals(bucket, entry))
        {
            Volatile.Write(ref bucket, entry.Next);
        }
        else
        {
            CacheEntry before = bucket!;
            while (!ReferenceEquals(before.Next, entry))
                before = before.Next!;
            before.Next = entry.Next;
        }

        Unlist(entry);
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
        Drop(victim);
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
