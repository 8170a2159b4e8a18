namespace Sluice.Samples.Dogpiling;

/// <summary>What happened in an example: who created, who waited, who fell through to the old value.</summary>
public sealed class Play
{
    private readonly Lock _gate = new();
    private readonly List<(string Who, DogpileOutcome Outcome, string Value)> _entries = [];

    public IReadOnlyList<(string Who, DogpileOutcome Outcome, string Value)> Entries
    {
        get
        {
            lock (_gate)
                return [.. _entries];
        }
    }

    public void Note(string who, DogpileOutcome outcome, string value)
    {
        lock (_gate)
            _entries.Add((who, outcome, value));
    }

    public int Count(DogpileOutcome outcome) => Entries.Count(entry => entry.Outcome == outcome);
}
