namespace Sluice.Exploration;

/// <summary>What is searched in every test run, and what a soak searches besides.</summary>
internal static class Scenarios
{
    private const long Unit = Bounds.Unit;

    /// <summary>Each is whole within some seconds.</summary>
    public static IReadOnlyDictionary<string, Bounds> Small { get; } = new Dictionary<string, Bounds>
    {
        ["a crash and a lost reply"] = new() { Times = 1, Losses = 1, Crashes = 1 },
        ["a crash and a late copy"] = new() { Times = 1, Copies = 1, Crashes = 1 },
        ["false reap and late replies"] = new() { Times = 1, Beats = 1, Lates = 1 },
        ["false reap and late copies"] = new() { Times = 1, Copies = 1 },
        ["force"] = new() { Forces = 1, Losses = 1 },
        ["linger and hard deadline"] = new() { Times = 3, Linger = 2 * Unit, Hard = 6 * Unit },
        ["leave"] = new() { Times = 1, Leaves = 2, Losses = 1, Copies = 1, Events = 1 },
        ["tombstones run out"] = new() { Times = 2, Beats = 1, Copies = 1, Events = 1, TombstoneLife = 6 * Unit },
        ["completions fail, later ones wait"] = new() { Failures = 1, Replays = 1, Copies = 1 },
        ["completions fail, later ones go on"] = new() { Times = 1, Failures = 1, Replays = 1, Skips = true },
        ["two resources, completions fail"] = new() { Resources = 2, LaterEvents = 1, Failures = 1, ClaimLimit = 1, HasProducer = true },
        ["two resources, a crash"] = new() { Resources = 2, Events = 1, Times = 1, Crashes = 1, BatchSize = 1 },
        ["poison"] = new() { Poisons = 1, Losses = 1 },
        ["the clock is set back"] = new() { Times = 1, ClockSteps = 1, Crashes = 1 },
        ["the server loses half of the window"] = new() { Events = 1, Window = 4 * Unit, MostLost = 2 * Unit, Lease = 40 * Unit, ClaimLease = 30 * Unit, Rollbacks = 1, Times = 5 },
        ["the server loses everything"] = new()
        {
            Events = 1,
            Window = 4 * Unit,
            Lease = 40 * Unit,
            ClaimLease = 30 * Unit,
            Rollbacks = 1,
            Times = 6,
            LosesEverything = true,
            BeatsInTime = true,
        },
        ["the server loses writes of an engine that stands still"] = new()
        {
            Events = 1,
            Window = 4 * Unit,
            MostLost = 2 * Unit,
            Rollbacks = 1,
            Times = 4,
            Pauses = 1,
            Lease = 6 * Unit,
        },
        ["the server loses writes, and its clock is behind"] = new()
        {
            Events = 1,
            Window = 8 * Unit,
            MostLost = 4 * Unit,
            Lease = 90 * Unit,
            ClaimLease = 80 * Unit,
            Rollbacks = 1,
            ClockSteps = 1,
            Times = 3,
            TimeFlows = true,
        },
        ["the broker redelivers"] = new() { Times = 1, Redeliveries = 1, Lates = 1 },
        ["another layout"] = new() { Times = 1, Strangers = 1, Losses = 1 },
        ["one engine only produces"] = new() { Times = 2, HasProducer = true, Crashes = 1 },
        ["no memory"] = new() { Times = 1, Shortages = 2, Beats = 1 },
        ["opaque deltas are compacted"] = new() { Opaque = true, Events = 3, Compactions = 2 },
        ["opaque deltas, a crash and a lost reply"] = new() { Opaque = true, Times = 1, Compactions = 1, Crashes = 1, Losses = 1 },
        ["opaque deltas, false reap and late copies"] = new() { Opaque = true, Times = 1, Compactions = 1, Copies = 1 },
        ["opaque deltas, the server loses half of the window"] = new()
        {
            Opaque = true,
            Window = 4 * Unit,
            MostLost = 2 * Unit,
            Lease = 40 * Unit,
            ClaimLease = 30 * Unit,
            Rollbacks = 1,
            Times = 5,
            BeatsInTime = true,
            FlushedAtStart = true,
        },
        ["one identity"] = new() { Times = 1, SharesIdentity = true, Losses = 1 },
    };

    /// <summary>
    /// What is not promised: the server's clock is behind its own numbers, which it therefore counts up by one, and it loses writes. A number that one engine has
    /// seen comes again for another one.
    /// </summary>
    public static Bounds NumbersComeAgain { get; } = new()
    {
        Window = 4 * Unit,
        MostLost = 2 * Unit,
        Rollbacks = 1,
        ClockSteps = 1,
        Times = 3,
        BeatsInTime = true,
    };

    /// <summary>For a soak: as much as there is time for.</summary>
    public static IReadOnlyDictionary<string, Bounds> Large { get; } = new Dictionary<string, Bounds>
    {
        ["large: crashes, copies and losses"] = new() { Times = 2, Losses = 1, Copies = 1, Crashes = 1 },
        ["large: false reaps, beats and late replies"] = new() { Times = 3, Beats = 1, Lates = 1, Copies = 1 },
        ["large: three updates and force"] = new() { Events = 3, Times = 1, Forces = 1, Losses = 1 },
        ["large: two resources, crash and loss"] = new() { Resources = 2, Times = 1, Crashes = 1, Losses = 1, BatchSize = 1, LaterEvents = 1 },
        ["large: two resources, completions fail"] = new() { Resources = 2, Times = 1, Failures = 1, Replays = 1, ClaimLimit = 1, LaterEvents = 1 },
        ["large: linger, hard deadline, crash"] = new() { Times = 3, Linger = 2 * Unit, Hard = 6 * Unit, Losses = 1, Crashes = 1 },
        ["large: tombstones run out"] = new() { Times = 4, Leaves = 1, Beats = 1, Copies = 1, TombstoneLife = 6 * Unit },
        ["large: opaque deltas, compactions and a crash"] = new() { Opaque = true, Events = 3, Times = 1, Compactions = 2, Copies = 1, Losses = 1, Crashes = 1 },
        ["large: opaque deltas, rollback"] = new() { Opaque = true, Compactions = 1, Window = 4 * Unit, MostLost = 2 * Unit, Rollbacks = 1, Times = 6, Losses = 1 },
        ["large: rollback"] = new() { Window = 4 * Unit, MostLost = 2 * Unit, Rollbacks = 1, Times = 6, BeatsInTime = true, Losses = 1 },
    };
}
