using Sluice.Coordination;

namespace Sluice.Tests.Simulation;

/// <summary>The circumstances of a simulation. Durations in microseconds of the simulated server's clock.</summary>
internal sealed record SimulationTerms
{
    public const long Lease = 4_000;
    public const long ClaimLease = 3_000;
    public const long TombstoneLife = 1_000_000;

    public int Engines { get; init; } = 3;

    public int Partitions { get; init; } = 2;

    public int Resources { get; init; } = 3;

    public int BatchSize { get; init; } = 2;

    public long Linger { get; init; }

    public long Hard { get; init; } = Durations.Never;

    /// <summary>Sessions end by inactivity: the gap. 0 = by reference.</summary>
    public long Inactivity { get; init; }

    /// <summary>The engines' durability window.</summary>
    public long Window { get; init; }

    public long RetentionBytes { get; init; } = 1 << 20;

    /// <summary>How much of its last writes the server may lose at once; 0 = it never does.</summary>
    public long MostLost { get; init; }

    /// <summary>Whether the server's clock can be set.</summary>
    public bool SetsClock { get; init; }

    /// <summary>Whether the events' broker delivers them to others when an engine was fenced.</summary>
    public bool Discards { get; init; }

    public FlushTerms Flush => new(Lease, Linger, Hard, Inactivity, TombstoneLife, OpenLimit: 1000, DeadLetterLimit: 100);

    public override string ToString() =>
        $"linger {Linger}, hard {(Hard == Durations.Never ? "never" : Hard)}, window {Window}, server loses up to {MostLost}{(SetsClock ? ", clock is set" : "")}{(Discards ? ", discards" : "")}";
}
