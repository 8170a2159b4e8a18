using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>
/// The entries of one stripe from the newest to the oldest, and the hand that looks for victims: SIEVE (Zhang et al., NSDI 2024). A merge only sets
/// a bit, so it needs no lock; the hand walks from the oldest to the newest, clears the bits it passes and stops at an entry that nobody touched
/// since its last visit. Unlike CLOCK it does not move survivors, so newcomers are judged soon and a scan washes through without taking the
/// long-lived entries along.
/// </summary>
/// <remarks>The links are indexes inside the entries. Guarded by the stripe's lock.</remarks>
internal sealed class RecencyList<TKey, TEvent, TState>(EntrySlab<TKey, TEvent, TState> slab)
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    /// <summary>No entry.</summary>
    public const int None = -1;

    private int _newest = None;
    private int _oldest = None;
    private int _hand = None;

    /// <summary>Entries in the list.</summary>
    public int Count { get; private set; }

    /// <summary>The entry that the next <see cref="Advance"/> returns, or <see cref="None"/>.</summary>
    public int Hand => _hand == None ? _oldest : _hand;

    public void Add(int index)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref slab[index];
        entry.Newer = None;
        entry.Older = _newest;
        if (_newest == None)
            _oldest = index;
        else
            slab[_newest].Newer = index;
        _newest = index;
        Count++;
    }

    public void Remove(int index)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref slab[index];
        if (_hand == index)
            _hand = entry.Newer;
        if (entry.Newer == None)
            _newest = entry.Older;
        else
            slab[entry.Newer].Older = entry.Older;
        if (entry.Older == None)
            _oldest = entry.Newer;
        else
            slab[entry.Older].Newer = entry.Newer;
        Count--;
    }

    /// <summary>
    /// The entry under the hand, which moves on to the next newer one and from the newest back to the oldest; <see cref="None"/> when the list is empty.
    /// </summary>
    public int Advance()
    {
        int here = Hand;
        if (here != None)
            _hand = slab[here].Newer;
        return here;
    }
}
