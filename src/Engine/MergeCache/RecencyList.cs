namespace Sluice.Caching;

/// <summary>
/// The entries of one stripe from the newest to the oldest, and the hand that looks for victims: SIEVE (Zhang et al., NSDI 2024). A merge only sets
/// a bit, so it needs no lock; the hand walks from the oldest to the newest, clears the bits it passes and stops at an entry that nobody touched
/// since its last visit. Unlike CLOCK it does not move survivors, so newcomers are judged soon and a scan washes through without taking the
/// long-lived entries along.
/// </summary>
/// <remarks>Guarded by the stripe's lock.</remarks>
internal sealed class RecencyList
{
    private ResidentNode? _newest;
    private ResidentNode? _oldest;
    private ResidentNode? _hand;

    /// <summary>Entries in the list.</summary>
    public int Count { get; private set; }

    /// <summary>The entry that was added last; walk <see cref="ResidentNode.Older"/> from here to see all.</summary>
    public ResidentNode? Newest => _newest;

    public void Add(ResidentNode node)
    {
        node.Older = _newest;
        if (_newest is null)
            _oldest = node;
        else
            _newest.Newer = node;
        _newest = node;
        Count++;
    }

    public void Remove(ResidentNode node)
    {
        if (_hand == node)
            _hand = node.Newer;
        if (node.Newer is null)
            _newest = node.Older;
        else
            node.Newer.Older = node.Older;
        if (node.Older is null)
            _oldest = node.Newer;
        else
            node.Older.Newer = node.Newer;
        node.Newer = node.Older = null;
        Count--;
    }

    /// <summary>The entry under the hand, which moves on to the next newer one and from the newest back to the oldest; null when the list is empty.</summary>
    public ResidentNode? Advance()
    {
        ResidentNode? here = _hand ?? _oldest;
        _hand = here?.Newer;
        return here;
    }
}
