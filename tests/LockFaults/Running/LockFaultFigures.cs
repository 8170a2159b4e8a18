namespace Sluice.LockFaults;

/// <summary>What rounds with one kind of fault came to.</summary>
internal sealed class LockFaultFigures
{
    private readonly List<double> _leads = [];

    /// <summary>Rounds.</summary>
    public int Rounds { get; private set; }

    /// <summary>Acquisitions that were granted.</summary>
    public long Granted { get; private set; }

    /// <summary>Holds that began while others that exclude them certainly held.</summary>
    public long Overlaps { get; private set; }

    /// <summary>Writes to each of the two sinks.</summary>
    public long Writes { get; private set; }

    /// <summary>Writes of holders that had been replaced, and whose successor had written: what the unfenced sink took.</summary>
    public long Stale { get; private set; }

    /// <summary>The same at the fenced one.</summary>
    public long StaleFenced { get; private set; }

    /// <summary>Writes that the fenced one refused.</summary>
    public long Refused { get; private set; }

    /// <summary>Holders that were told of a loss while they ran, and after which somebody else had the lock.</summary>
    public int Losses => _leads.Count;

    /// <summary>How long before that they were told, in milliseconds: the least; 0 without losses.</summary>
    public double LeastLead => _leads.Count == 0 ? 0 : _leads.Min();

    /// <summary>The median.</summary>
    public double MedianLead => _leads.Count == 0 ? 0 : _leads.Order().ElementAt(_leads.Count / 2);

    /// <summary>What is wrong and must not be, with the round's name; empty: nothing.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>All of them together.</summary>
    public static LockFaultFigures Sum(IEnumerable<LockFaultFigures> parts)
    {
        LockFaultFigures sum = new();
        foreach (LockFaultFigures part in parts)
        {
            sum.Rounds += part.Rounds;
            sum.Granted += part.Granted;
            sum.Overlaps += part.Overlaps;
            sum.Writes += part.Writes;
            sum.Refused += part.Refused;
            sum.Stale += part.Stale;
            sum.StaleFenced += part.StaleFenced;
            sum._leads.AddRange(part._leads);
        }

        return sum;
    }

    /// <summary>Takes a round.</summary>
    public void Add(RoundHistory history, long stale, long staleFenced, IEnumerable<TimeSpan> leads)
    {
        Rounds++;
        Granted += history.Granted;
        Overlaps += history.Overlaps();
        Writes += history.Writes;
        Refused += history.Refused;
        Stale += stale;
        StaleFenced += staleFenced;
        _leads.AddRange(leads.Select(static lead => lead.TotalMilliseconds));
    }
}
