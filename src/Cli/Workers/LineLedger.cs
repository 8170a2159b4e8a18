using System.Text;
using Sluice.Cli.Output;
using Sluice.Cli.Sessions;
using Sluice.Hashing;

namespace Sluice.Cli.Workers;

/// <summary>
/// Who has which lines: what was acknowledged and what was completed, per key, and what lost workers held. Its answer to a loss is exact: which of the lines that a
/// dead worker held had arrived can be read from the sessions.
/// </summary>
/// <remarks>
/// <para>A worker merges and flushes the lines of one key in their order, and what a coordinator has of a worker is a prefix of what it sent. So when everything else of a key is
/// acknowledged, the dead are fenced and all sessions are completed, what is completed beyond what was acknowledged are the first lines of those that the dead held. Hits say how
/// many; bytes and errors have to agree. The rest never arrived, and can be handed out again without counting twice.</para>
/// <para>Keys are told apart by their 64-bit hashes: among a million keys two share one with a chance of three in a hundred million. Thread-safe.</para>
/// </remarks>
internal sealed class LineLedger
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Account> _accounts = [];
    private readonly List<HandedLine> _undelivered = [];
    private long _acknowledged;
    private long _completed;
    private long _arrived;
    private long _handedOutAgain;

    public long Acknowledged => Volatile.Read(ref _acknowledged);

    public long Completed => Volatile.Read(ref _completed);

    /// <summary>A worker's watermark has passed a line.</summary>
    public void Acknowledge(ReadOnlySpan<byte> key, long bytes, bool isError)
    {
        lock (_gate)
        {
            Account account = AccountOf(key);
            account.Acknowledged = account.Acknowledged.Add(1, bytes, isError ? 1 : 0);
            _acknowledged++;
        }
    }

    /// <summary>A session was completed, and not before.</summary>
    public void Complete(CompletedVisit visit)
    {
        lock (_gate)
        {
            Account account = AccountOf(Encoding.UTF8.GetBytes(visit.Key));
            account.Completed = account.Completed.Add(visit.Hits, visit.Bytes, visit.Errors);
            _completed += visit.Hits;
        }
    }

    /// <summary>A worker is gone that held these lines unacknowledged, in the order in which it was given them.</summary>
    public void Lose(IReadOnlyList<HandedLine> lines)
    {
        lock (_gate)
        {
            foreach (IGrouping<ulong, HandedLine> ofKey in lines.GroupBy(static line => XxHash64.Hash(line.Key)))
                AccountOf(ofKey.First().Key).Held.Add([.. ofKey]);
        }
    }

    /// <summary>Nobody is left who could take these.</summary>
    public void GiveUp(IEnumerable<HandedLine> lines)
    {
        lock (_gate)
            _undelivered.AddRange(lines);
    }

    /// <summary>
    /// What lost workers held and what had not arrived, in the order of the log. To be asked when the dead are fenced, everything else is acknowledged and all sessions are
    /// completed.
    /// </summary>
    public IReadOnlyList<HandedLine> Resolve()
    {
        List<HandedLine> missing = [];
        lock (_gate)
        {
            foreach (Account account in _accounts.Values.Where(static account => account.Held.Count > 0))
            {
                int[] arrived = new int[account.Held.Count];
                if (!TryExplain(account.Held, 0, account.Surplus, arrived))
                    continue; // the lines stay with the account, which will be seen to differ
                for (int i = 0; i < arrived.Length; i++)
                {
                    foreach (HandedLine line in account.Held[i].Take(arrived[i]))
                        account.Arrived = account.Arrived.Add(1, line.Bytes, line.IsError ? 1 : 0);
                    _arrived += arrived[i];
                    missing.AddRange(account.Held[i].Skip(arrived[i]));
                }

                account.Held.Clear();
            }

            _handedOutAgain += missing.Count;
        }

        missing.Sort(static (left, right) => left.Number.CompareTo(right.Number));
        return missing;
    }

    /// <summary>How it stands; at the end, what is to be said.</summary>
    public LineReport Report(IReadOnlyList<string> lost, Deliveries deliveries)
    {
        lock (_gate)
        {
            return new LineReport
            {
                Acknowledged = _acknowledged,
                Arrived = _arrived,
                HandedOutAgain = _handedOutAgain,
                Undelivered = _undelivered.Count,
                Completed = _completed,
                DeliveredAgain = deliveries.Again,
                Contradictions = deliveries.Contradictions,
                DifferingKeys = _accounts.Values.Count(static account => account.Surplus != default || account.Held.Count > 0),
                Lost = lost,
            };
        }
    }

    /// <summary>Finds how many lines of each dead worker arrived: usually there is one, and its number of hits is the answer.</summary>
    private static bool TryExplain(List<HandedLine[]> held, int worker, VisitTotals left, int[] arrived)
    {
        if (worker == held.Count)
            return left == default;
        for (int count = 0; ; count++)
        {
            arrived[worker] = count;
            if (TryExplain(held, worker + 1, left, arrived))
                return true;
            if (count == held[worker].Length || left.Hits <= 0)
                return false;
            HandedLine line = held[worker][count];
            left = left.Add(-1, -line.Bytes, line.IsError ? -1 : 0);
        }
    }

    private Account AccountOf(ReadOnlySpan<byte> key)
    {
        ulong hash = XxHash64.Hash(key);
        if (!_accounts.TryGetValue(hash, out Account? account))
            _accounts[hash] = account = new Account();
        return account;
    }

    private sealed class Account
    {
        public VisitTotals Acknowledged { get; set; }

        public VisitTotals Arrived { get; set; }

        public VisitTotals Completed { get; set; }

        /// <summary>What lost workers held, one list each.</summary>
        public List<HandedLine[]> Held { get; } = [];

        public VisitTotals Surplus => new(
            Completed.Hits - Acknowledged.Hits - Arrived.Hits, Completed.Bytes - Acknowledged.Bytes - Arrived.Bytes, Completed.Errors - Acknowledged.Errors - Arrived.Errors);
    }
}
