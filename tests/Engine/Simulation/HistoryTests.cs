using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Simulation;

/// <summary>
/// Random histories of several engines against one server, with everything that can go wrong between and with them. A failure prints the seed and the
/// shortest history that still fails; SLUICE_SIM_HISTORIES and SLUICE_SIM_SEED run more, and others.
/// </summary>
public sealed class HistoryTests
{
    private static readonly int Histories = Setting("SLUICE_SIM_HISTORIES", 800);
    private static readonly ulong Seed = (ulong)Setting("SLUICE_SIM_SEED", 20260);

    private static readonly Dictionary<string, SimulationTerms> AllTerms = new()
    {
        ["plain"] = new(),
        ["linger and hard deadlines"] = new() { Linger = 500, Hard = 9_000 },
        ["the clock is set"] = new() { Linger = 500, Hard = 9_000, SetsClock = true },
        ["the broker redelivers"] = new() { Discards = true },
        ["one big batch"] = new() { BatchSize = 100, Engines = 2, Partitions = 1, Resources = 2 },
        ["a durability window, nothing lost"] = new() { Window = 2_000, Linger = 500 },
    };

    public static TheoryData<string> Terms => [.. AllTerms.Keys];

    // Prevents every loss and double count that an order of crashes, pauses and late copies can produce.
    [Theory]
    [MemberData(nameof(Terms))]
    public void Every_history_keeps_the_invariants(string name) => Hold(AllTerms[name], ServerRules.Real, Histories);

    internal static void Hold(SimulationTerms terms, ServerRules rules, int histories) =>
        Prop.ForAll(History.Any, history => World.Run(history, terms, rules) is not null)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(histories).WithReplay(Seed, 7));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
