using System.Collections.Concurrent;

namespace Sluice;

/// <summary>
/// One object per key for as long as anybody uses it: who asks for the same key meanwhile gets the same object, and when the last one lets go, nothing
/// is left of it. Millions of keys may come and go.
/// </summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="T">The object, e.g. a <see cref="Dogpile{TValue}"/> or a mutex.</typeparam>
/// <remarks>
/// All members are thread-safe. A hit takes no lock: it finds the entry (the dictionary reads without one) and counts itself in by compare-exchange.
/// <para>
/// Why that is enough. A count goes up only from above 0, and an entry whose count has reached 0 is dead for ever: its last user removes it, that very
/// entry and not its key's next one, and who finds it dead makes a new one. So between "found" and "counted in" the entry may die, but then the
/// compare-exchange sees 0 and fails; once it succeeded nobody removes the entry. Memory order: the object is written before the entry is marked ready
/// (release), and read after the mark was seen (acquire), so a hit sees the object whole; the decrement to 0 is an interlocked operation like the
/// increments, so what a user did to the object comes before what follows the last one's removal.
/// </para>
/// </remarks>
public sealed class NameRegistry<TKey, T>
    where TKey : notnull
    where T : class
{
    private readonly ConcurrentDictionary<TKey, Entry> _entries;
    private readonly Func<TKey, T>? _create;

    /// <summary>A registry whose objects are made from their keys.</summary>
    /// <param name="create">Makes the object of a key; once for every life of the key, under a lock of that key only.</param>
    /// <param name="comparer">Null = the key type's own.</param>
    public NameRegistry(Func<TKey, T> create, IEqualityComparer<TKey>? comparer = null)
        : this(comparer)
    {
        ArgumentNullException.ThrowIfNull(create);
        _create = create;
    }

    /// <summary>A registry whose objects are made from what <see cref="Get{TArguments}"/> is given.</summary>
    /// <param name="comparer">Null = the key type's own.</param>
    public NameRegistry(IEqualityComparer<TKey>? comparer = null) => _entries = new ConcurrentDictionary<TKey, Entry>(comparer);

    /// <summary>How many keys are in use now.</summary>
    public int Count => _entries.Count;

    /// <summary>The object of a key, made if nobody has it.</summary>
    /// <param name="key">The key.</param>
    /// <returns>A lease to be disposed when the object is no longer used.</returns>
    /// <exception cref="InvalidOperationException">The registry was made without a function that makes objects.</exception>
    public NameLease<T> Get(TKey key)
    {
        if (_create is null)
            throw new InvalidOperationException("This registry was made without a function that makes objects: use Get(key, arguments, create).");
        return Get(key, _create, static (key, create) => create(key));
    }

    /// <summary>The object of a key, made from arguments if nobody has it. Who finds it does not look at the arguments.</summary>
    /// <typeparam name="TArguments">What it takes to make one.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="arguments">Given to <paramref name="create"/>.</param>
    /// <param name="create">Makes the object; once for every life of the key, under a lock of that key only. Its exception goes to its caller; others try themselves.</param>
    /// <returns>A lease to be disposed when the object is no longer used.</returns>
    public NameLease<T> Get<TArguments>(TKey key, TArguments arguments, Func<TKey, TArguments, T> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        while (true)
        {
            if (_entries.TryGetValue(key, out Entry? entry))
            {
                if (!entry.TryReserve())
                {
                    // Dead; its last user is about to remove it. Helping means not to wait for that thread.
                    Remove(entry);
                    continue;
                }
            }
            else if (!_entries.TryAdd(key, entry = new Entry(this, key)))
            {
                continue;
            }

            try
            {
                return new NameLease<T>(entry, entry.GetObject(arguments, create));
            }
            catch
            {
                entry.Release();
                throw;
            }
        }
    }

    private void Remove(Entry entry) => _entries.TryRemove(new KeyValuePair<TKey, Entry>(entry.Key, entry));

    private sealed class Entry(NameRegistry<TKey, T> registry, TKey key) : INameEntry
    {
        // The one who adds the entry is its first user.
        private int _users = 1;
        private volatile T? _object;

        public TKey Key => key;

        public bool TryReserve()
        {
            int users = Volatile.Read(ref _users);
            while (users > 0)
            {
                int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
                if (seen == users)
                    return true;
                users = seen;
            }

            return false;
        }

        public T GetObject<TArguments>(TArguments arguments, Func<TKey, TArguments, T> create)
        {
            if (_object is { } ready)
                return ready;
            lock (this)
            {
                return _object ??= create(key, arguments) ?? throw new InvalidOperationException($"The function that makes objects made none for '{key}'.");
            }
        }

        public void Release()
        {
            if (Interlocked.Decrement(ref _users) == 0)
                registry.Remove(this);
        }
    }
}

/// <summary>What a lease gives back.</summary>
internal interface INameEntry
{
    void Release();
}

/// <summary>The use of a key's object. Dispose it when the object is no longer used; disposing again does nothing.</summary>
/// <remarks>Disposal is thread-safe; the object is as thread-safe as it is.</remarks>
/// <typeparam name="T">The object.</typeparam>
public sealed class NameLease<T> : IDisposable
    where T : class
{
    private INameEntry? _entry;

    internal NameLease(INameEntry entry, T value)
    {
        _entry = entry;
        Value = value;
    }

    /// <summary>The object; the same one for everybody who uses its key at the time.</summary>
    public T Value { get; }

    /// <summary>Ends the use. Any thread.</summary>
    public void Dispose() => Interlocked.Exchange(ref _entry, null)?.Release();
}
