namespace Sluice;

/// <summary>A set of options for a purpose, to begin with (<see cref="EngineOptions.Apply"/>). What is set afterwards wins.</summary>
public enum EnginePreset
{
    /// <summary>
    /// Totals and completions soon after their events: flushes every 100 ms, batches that do not wait, sessions looked for every 20 ms, requests that are sent again after a second, leases of 5 s. Costs the
    /// coordinator up to ten times the writes.
    /// </summary>
    Latency,

    /// <summary>
    /// The fewest writes: flushes every 5 s, large batches, a million sessions in memory. A crash loses up to 5 s of updates that no source repeats.
    /// </summary>
    Throughput,

    /// <summary>
    /// The least that can be lost: flushes every 200 ms, servers must persist, batches are kept for 10 s (up to 64 MiB for each lane) and sent again when a server comes back without them, completions
    /// wait as long, leases of 30 s outlast pauses. With replicas, set <see cref="RedisOptions.WaitReplicas"/> too.
    /// </summary>
    Durability,
}
