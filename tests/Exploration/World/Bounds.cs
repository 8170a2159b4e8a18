using System.Globalization;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Tests.Simulation;

namespace Sluice.Exploration;

/// <summary>
/// What is explored: how many of everything there are, how long things last, and how often each thing may go wrong. The search visits every state that
/// can be reached within these.
/// </summary>
internal sealed record Bounds
{
    /// <summary>The unit of time; every duration is a multiple.</summary>
    public const long Unit = 1_000;

    public int Resources { get; init; } = 1;

    /// <summary>Updates of each resource, by whichever engine.</summary>
    public int Events { get; init; } = 2;

    /// <summary>Updates of the resources after the first; null: as many.</summary>
    public int? LaterEvents { get; init; }

    /// <summary>Nobody is reaped before all is quiet: the engines beat in time.</summary>
    public bool BeatsInTime { get; init; }

    /// <summary>How often time passes: each time to the next moment at which something may happen.</summary>
    public int Times { get; init; }

    /// <summary>Replies that are lost.</summary>
    public int Losses { get; init; }

    /// <summary>Copies of requests that arrive later.</summary>
    public int Copies { get; init; }

    /// <summary>Replies that are heard later.</summary>
    public int Lates { get; init; }

    public int Crashes { get; init; }

    public int Forces { get; init; }

    public int Leaves { get; init; }

    public int Beats { get; init; }

    /// <summary>Completions that fail, perhaps after the sink had the session.</summary>
    public int Failures { get; init; }

    /// <summary>Dead letters that a person gives another life.</summary>
    public int Replays { get; init; }

    /// <summary>Deltas that can't be merged.</summary>
    public int Poisons { get; init; }

    /// <summary>The server comes back without its last writes.</summary>
    public int Rollbacks { get; init; }

    /// <summary>The server's clock is set back by <see cref="ClockStep"/>.</summary>
    public int ClockSteps { get; init; }

    public long ClockStep { get; init; } = 200 * Unit;

    /// <summary>An engine stands still while time passes. Without a durability window every engine may, at any time.</summary>
    public int Pauses { get; init; }

    /// <summary>Updates that the broker delivers to another engine, because the one that has them was fenced.</summary>
    public int Redeliveries { get; init; }

    /// <summary>Batches of a process that was started with another number of partitions.</summary>
    public int Strangers { get; init; }

    /// <summary>Requests while the server has no memory left.</summary>
    public int Shortages { get; init; }

    /// <summary>Updates are opaque: the server appends them, and engines merge them.</summary>
    public bool Opaque { get; init; }

    /// <summary>Looks that engines take at the opaque deltas of open sessions, to merge them.</summary>
    public int Compactions { get; init; }

    /// <summary>The first engine has flushed all updates of the first resource in one batch and let go when the search begins.</summary>
    public bool FlushedAtStart { get; init; }

    /// <summary>Engines have the same identity, as two copies of one virtual machine.</summary>
    public bool SharesIdentity { get; init; }

    /// <summary>A completion that failed for the last time makes way for later ones.</summary>
    public bool Skips { get; init; }

    /// <summary>The second engine only produces.</summary>
    public bool HasProducer { get; init; }

    /// <summary>Every request takes a quarter of a unit, so that numbers of the clock that a server lost are not the next that it draws.</summary>
    public bool TimeFlows { get; init; }

    public int ClaimLimit { get; init; } = 8;

    public int BatchSize { get; init; } = 8;

    public long Lease { get; init; } = SimulationTerms.Lease;

    public long ClaimLease { get; init; } = SimulationTerms.ClaimLease;

    public long Linger { get; init; }

    public long Hard { get; init; } = Durations.Never;

    public long TombstoneLife { get; init; } = 1_000 * Unit;

    public long Window { get; init; }

    /// <summary>How old the oldest write is that the server can lose.</summary>
    public long MostLost { get; init; }

    /// <summary>What the server comes back with is nothing.</summary>
    public bool LosesEverything { get; init; }

    /// <summary>The search ends, and says so, beyond so many states.</summary>
    public int MostStates { get; init; } = 60_000_000;

    public FlushTerms Flush => new(Lease, Linger, Hard, Inactivity: 0, TombstoneLife, OpenLimit: 1_000, DeadLetterLimit: 100);

    /// <summary>Tombstones may run out within the bounds, so that ages of incarnations are part of a state.</summary>
    public bool Forgets => TombstoneLife < 100 * Unit;

    public LaneTerms LaneTerms(FencePolicy fence, long window) => new(Tally.Space.Layout, Flush, BatchSize, window, 1 << 20, fence);

    public override string ToString()
    {
        List<string> parts = [string.Create(CultureInfo.InvariantCulture, $"2 engines, {Resources} resource{(Resources == 1 ? "" : "s")}, {Events} updates each")];
        foreach ((string name, int count) in new[]
        {
            ("moments", Times), ("lost replies", Losses), ("late copies", Copies), ("late replies", Lates), ("crashes", Crashes), ("forces", Forces), ("leaves", Leaves),
            ("beats", Beats), ("failed completions", Failures), ("replays", Replays), ("poisoned", Poisons), ("rollbacks", Rollbacks), ("clock set back", ClockSteps),
            ("pauses", Pauses), ("redelivered", Redeliveries), ("other layout", Strangers), ("without memory", Shortages), ("compactions", Compactions),
        })
        {
            if (count != 0)
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {count}"));
        }

        if (SharesIdentity)
            parts.Add("one identity");
        if (Opaque)
            parts.Add("opaque");
        if (FlushedAtStart)
            parts.Add("all updates flushed");
        foreach ((string name, long span) in new[] { ("lease", Lease), ("linger", Linger), ("hard", Hard == Durations.Never ? 0 : Hard), ("window", Window), ("tombstones", Forgets ? TombstoneLife : 0) })
        {
            if (span != 0)
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {span / Unit}"));
        }

        return string.Join(", ", parts);
    }
}
