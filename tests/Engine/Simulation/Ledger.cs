namespace Sluice.Tests.Simulation;

/// <summary>What is known of one event besides where it is counted.</summary>
internal sealed class LedgerEntry(SimulatedEngine owner)
{
    /// <summary>The engine that merged it.</summary>
    public SimulatedEngine Owner { get; } = owner;

    /// <summary>The engine was told that the coordinator has it.</summary>
    public bool IsAcknowledged { get; set; }

    /// <summary>The engine reported that it is not, or not certainly, in the totals.</summary>
    public bool IsReported { get; set; }
}

/// <summary>Every event of a simulation: event i of resource r has the number r * <see cref="EventTally.PerResource"/> + i.</summary>
internal sealed class Ledger(int resources)
{
    private readonly int[] _next = new int[resources];
    private readonly LedgerEntry?[] _entries = new LedgerEntry?[resources * EventTally.PerResource];

    public int Count => _entries.Length;

    public LedgerEntry? this[int number] => _entries[number];

    public static string Name(int number) => $"event {number % EventTally.PerResource} of resource {number / EventTally.PerResource}";

    /// <summary>The next event of the resource, as its place in the resource's records; -1 when there are no more.</summary>
    public int Take(int resource, SimulatedEngine owner)
    {
        int index = _next[resource];
        if (index == EventTally.PerResource)
            return -1;
        _next[resource]++;
        _entries[(resource * EventTally.PerResource) + index] = new LedgerEntry(owner);
        return index;
    }

    public void Acknowledge(int resource, int index) => At(resource, index).IsAcknowledged = true;

    public void Report(int resource, int index) => At(resource, index).IsReported = true;

    public LedgerEntry At(int resource, int index) => _entries[(resource * EventTally.PerResource) + index]!;
}
