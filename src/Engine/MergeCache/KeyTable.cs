using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Sluice.Caching;

/// <summary>
/// The table from keys to entries: reads take no lock, and for string keys a span finds its entry without becoming a string.
/// </summary>
/// <remarks>
/// A thin seam on purpose: nothing else in the cache knows how a key is found, so a faster table replaces this one file. Entries are published with
/// release and read with acquire semantics, so a reader sees them fully built. Additions and removals are made under the key's stripe's lock.
/// </remarks>
internal sealed class KeyTable<TKey, TEntry>
    where TKey : notnull
    where TEntry : class
{
    private readonly ConcurrentDictionary<TKey, TEntry> _entries;
    private readonly ConcurrentDictionary<TKey, TEntry>.AlternateLookup<ReadOnlySpan<char>> _spans;

    /// <param name="comparer">The codec's comparer; the framework's default for strings is replaced by one with a seed of its own.</param>
    /// <param name="capacity">The most entries that there will be.</param>
    public KeyTable(IEqualityComparer<TKey> comparer, int capacity)
    {
        if (typeof(TKey) == typeof(string) && ReferenceEquals(comparer, EqualityComparer<TKey>.Default))
            comparer = (IEqualityComparer<TKey>)(object)StringKeyComparer.OfProcess;
        _entries = new ConcurrentDictionary<TKey, TEntry>(Environment.ProcessorCount, Math.Min(capacity, 4096), comparer);
        FindsSpans = typeof(TKey) == typeof(string) && _entries.TryGetAlternateLookup(out _spans);
    }

    /// <summary>Whether <see cref="TryFind(ReadOnlySpan{char}, out TEntry)"/> works: the key is a string and its comparer knows spans.</summary>
    public bool FindsSpans { get; }

    /// <summary>Any thread; no lock; allocates nothing.</summary>
    public bool TryFind(TKey key, [NotNullWhen(true)] out TEntry? entry) => _entries.TryGetValue(key, out entry);

    /// <summary>Any thread; no lock; allocates nothing.</summary>
    public bool TryFind(ReadOnlySpan<char> key, [NotNullWhen(true)] out TEntry? entry) => _spans.TryGetValue(key, out entry);

    /// <summary>Publishes an entry. The caller holds the key's stripe's lock and found the key absent under it.</summary>
    public void Add(TKey key, TEntry entry)
    {
        if (!_entries.TryAdd(key, entry))
            throw new InvalidOperationException("The key's comparer and its codec disagree about which keys are equal.");
    }

    /// <summary>Removes this very entry: an entry of the same key that took its place stays.</summary>
    public void Remove(TKey key, TEntry entry) => _entries.TryRemove(KeyValuePair.Create(key, entry));
}
