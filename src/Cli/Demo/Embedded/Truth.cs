namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// What was acknowledged and what was completed, compared page by page. A page may have more than was acknowledged only by what a dead worker's server had received and the
/// worker had not heard of: the first so many of the events that it died with, hits and bytes both.
/// </summary>
/// <param name="Acknowledged">Of which the brokers were told that they are done.</param>
/// <param name="Arrived">Of those that died with a worker, what the server had.</param>
/// <param name="Completed">What the database has.</param>
/// <param name="Died">Events that dead workers had merged and not acknowledged; their brokers deliver them again.</param>
/// <param name="DifferingPages">Pages where that does not add up.</param>
internal sealed record Truth(PageTotals Acknowledged, PageTotals Arrived, PageTotals Completed, long Died, int DifferingPages)
{
    private const int MostQueues = 3;

    public bool IsExact => DifferingPages == 0;

    public static Truth Of(IReadOnlyList<DemoWorker> workers, DemoSink sink)
    {
        Dictionary<int, PageTotals[]>[] rests = [.. workers.Select(static worker => worker.Ledger.Rest()).Where(static rest => rest.Count > 0)];
        (IReadOnlyList<long> hits, IReadOnlyList<long> bytes) = sink.Totals;
        PageTotals acknowledged = default, arrived = default, completed = default;
        int differing = 0;
        for (int page = 0; page < ClickStream.Pages; page++)
        {
            PageTotals told = new(workers.Sum(worker => worker.Ledger.Hits[page]), workers.Sum(worker => worker.Ledger.Bytes[page]));
            PageTotals had = new(hits[page], bytes[page]);
            PageTotals more = new(had.Hits - told.Hits, had.Bytes - told.Bytes);
            acknowledged += told;
            completed += had;
            if (CanHaveArrived(more, [.. rests.Where(rest => rest.ContainsKey(page)).Select(rest => rest[page])]))
                arrived += more;
            else
                differing++;
        }

        return new Truth(acknowledged, arrived, completed, workers.Sum(static worker => (long)worker.Ledger.Count), differing);
    }

    /// <summary>Whether a total is that of the first events of each of some queues, which are given as running totals, from nothing on.</summary>
    /// <remarks>Time: the product of all lengths but the last. Of more than three queues, which takes a busy hand, only the number of events is compared.</remarks>
    public static bool CanHaveArrived(PageTotals total, ReadOnlySpan<PageTotals[]> queues)
    {
        if (total == default)
            return true;
        if (queues.IsEmpty || total.Hits < 0 || total.Bytes < 0)
            return false;
        if (queues.Length == 1)
            return total.Hits < queues[0].Length && queues[0][total.Hits] == total;
        if (queues.Length > MostQueues)
        {
            long most = 0;
            foreach (PageTotals[] queue in queues)
                most += queue.Length - 1;
            return total.Hits <= most;
        }

        foreach (PageTotals first in queues[0])
        {
            if (CanHaveArrived(total - first, queues[1..]))
                return true;
        }

        return false;
    }
}

/// <summary>Hits and bytes of some events.</summary>
internal readonly record struct PageTotals(long Hits, long Bytes)
{
    public static PageTotals operator -(PageTotals left, PageTotals right) => new(left.Hits - right.Hits, left.Bytes - right.Bytes);

    public static PageTotals operator +(PageTotals left, PageTotals right) => new(left.Hits + right.Hits, left.Bytes + right.Bytes);
}
