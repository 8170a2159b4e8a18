namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// What a worker has merged and its broker would still have: a queue of events in the order of merging. What leaves it by <see cref="AcknowledgeTo"/> is in the totals of
/// what was acknowledged. For one thread.
/// </summary>
internal sealed class Unacknowledged
{
    private (int Page, int Bytes)[] _ring = new (int, int)[1 << 16];
    private long _first;

    /// <summary>The position of the next event.</summary>
    public long Next { get; private set; }

    public int Count => (int)(Next - _first);

    public long[] Hits { get; } = new long[ClickStream.Pages];

    public long[] Bytes { get; } = new long[ClickStream.Pages];

    public void Add(int page, int bytes)
    {
        if (Count == _ring.Length)
            Grow();
        _ring[Next++ & (_ring.Length - 1)] = (page, bytes);
    }

    /// <summary>The broker may forget everything up to and including this position.</summary>
    public void AcknowledgeTo(long watermark)
    {
        for (; _first <= watermark && _first < Next; _first++)
        {
            (int page, int bytes) = _ring[_first & (_ring.Length - 1)];
            Hits[page]++;
            Bytes[page] += bytes;
        }
    }

    /// <summary>What is left, by page: the running totals of its events in their order, from nothing on.</summary>
    public Dictionary<int, PageTotals[]> Rest()
    {
        Dictionary<int, List<PageTotals>> rest = [];
        for (long at = _first; at < Next; at++)
        {
            (int page, int bytes) = _ring[at & (_ring.Length - 1)];
            if (!rest.TryGetValue(page, out List<PageTotals>? totals))
                rest.Add(page, totals = [default]);
            totals.Add(totals[^1] + new PageTotals(1, bytes));
        }

        return rest.ToDictionary(static page => page.Key, static page => page.Value.ToArray());
    }

    private void Grow()
    {
        (int, int)[] larger = new (int, int)[_ring.Length * 2];
        for (long at = _first; at < Next; at++)
            larger[at & (larger.Length - 1)] = _ring[at & (_ring.Length - 1)];
        _ring = larger;
    }
}
