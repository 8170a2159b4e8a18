namespace Sluice.LockFaults;

/// <summary>What rounds with one kind of fault came to.</summary>
internal sealed class ReferenceFaultFigures
{
    /// <summary>Rounds.</summary>
    public int Rounds { get; private set; }

    /// <summary>References that were taken.</summary>
    public long Taken { get; private set; }

    /// <summary>Generations that ended.</summary>
    public long Generations { get; private set; }

    /// <summary>Callbacks that began, also those that failed or were cut short.</summary>
    public long Callbacks { get; private set; }

    /// <summary>References whose process was told that they were lost, or found them lost.</summary>
    public long Lost { get; private set; }

    /// <summary>What is wrong and must not be, with the round's name; empty: nothing.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>All of them together.</summary>
    public static ReferenceFaultFigures Sum(IEnumerable<ReferenceFaultFigures> parts)
    {
        ReferenceFaultFigures sum = new();
        foreach (ReferenceFaultFigures part in parts)
        {
            sum.Rounds += part.Rounds;
            sum.Taken += part.Taken;
            sum.Generations += part.Generations;
            sum.Callbacks += part.Callbacks;
            sum.Lost += part.Lost;
        }

        return sum;
    }

    /// <summary>Takes a round.</summary>
    public void Add(ReferenceHistory history)
    {
        Rounds++;
        Taken += history.Taken;
        Generations += history.Generations;
        Callbacks += history.Callbacks;
        Lost += history.Lost;
    }
}
