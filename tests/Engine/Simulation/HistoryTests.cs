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
        ["sessions end by inactivity"] = new() { Inactivity = 1_500, Hard = 5_000, SetsClock = true },
        ["one big batch"] = new() { BatchSize = 100, Engines = 2, Partitions = 1, Resources = 2 },
        ["a durability window, nothing lost"] = new() { Window = 2_000, Linger = 500 },
        ["the server loses half of the window"] = new() { Window = 2_000, MostLost = 1_000 },
        ["the server loses writes and the broker redelivers"] = new() { Window = 2_000, MostLost = 1_000, Discards = true, Linger = 500 },
        ["little can be kept"] = new() { Window = 2_000, MostLost = 1_000, RetentionBytes = 60 },
    };

    public static TheoryData<string> Terms => [.. AllTerms.Keys];

    // Prevents every loss and double count that an order of crashes, pauses and late copies can produce.
    [Theory]
    [MemberData(nameof(Terms))]
    public void Every_history_keeps_the_invariants(string name) => Hold(AllTerms[name], ServerRules.Real, Histories);

    // Prevents that batches are given up although they could be sent again: a window of twice what the server loses has to be exact.
    [Fact]
    public void A_server_that_loses_half_of_the_window_loses_nothing_while_engines_run()
    {
        SimulationTerms terms = new() { Window = 2_000, MostLost = 1_000, Linger = 500 };
        Check(histories: Histories, history =>
        {
            World world = World.Run(new History([.. history.Steps.Where(static step => step.Kind is not StepKind.Pause)]), terms, ServerRules.Real);
            Assert.Equal(0, world.ReportedBatches);
        });
    }

    // Without a window nothing can be sent again, but nothing may be lost in silence either. (Who was silent for half of a tombstone's life as well can't
    // know whether it was fenced and forgotten, or lost; who has left asks no more.)
    [Fact]
    public void Without_a_window_a_loss_is_reported()
    {
        SimulationTerms terms = new() { MostLost = 1_000, Linger = 500 };
        Check(histories: Histories, history =>
        {
            bool hasRolledBack = false;
            World.Run(new History([.. history.Steps.Where(Happens)]), terms, ServerRules.Real);

            bool Happens(Step step)
            {
                if (step.Kind is StepKind.Claim or StepKind.Crash or StepKind.Leave || step.IsLongSleep || (step.Kind == StepKind.Rollback && hasRolledBack))
                    return false;
                hasRolledBack |= step.Kind == StepKind.Rollback;
                return true;
            }
        });
    }

    // What the guarantee matrix announces for a window of 0 has to be seen, or the window would be cargo.
    [Fact]
    public void Without_a_window_a_server_that_loses_writes_breaks_the_invariants()
    {
        Exception? found = Record.Exception(() => Hold(new() { MostLost = 1_000 }, ServerRules.Real, histories: 3_000));
        Assert.Contains(nameof(InvariantException), found?.ToString() ?? "", StringComparison.Ordinal);
    }

    /// <summary>
    /// A session is delivered and acknowledged; the server loses the acknowledgement and the seal, but not the session; a newcomer joins it.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2_000)]
    public void A_delivered_session_that_comes_back_open_is_what_the_window_prevents(long window)
    {
        History history = new(
        [
            new(StepKind.Merge, 0, 0, Fault.None, 0),
            new(StepKind.End, 0, 0, Fault.None, 1),
            new(StepKind.Work, 0, 0, Fault.None, 0),
            new(StepKind.Work, 0, 1, Fault.None, 0),
            new(StepKind.Claim, 0, 0, Fault.None, 0),
            new(StepKind.Claim, 0, 1, Fault.None, 0),
            new(StepKind.Complete, 0, 0, Fault.None, 0),
            new(StepKind.Complete, 0, 0, Fault.None, 0),
            new(StepKind.Rollback, 0, 0, Fault.None, 9),
            new(StepKind.Rollback, 0, 1, Fault.None, 9),
            new(StepKind.Merge, 1, 0, Fault.None, 0),
            new(StepKind.Flush, 1, 0, Fault.None, 0),
            new(StepKind.Work, 1, 0, Fault.None, 0),
            new(StepKind.Work, 1, 1, Fault.None, 0),
        ]);
        SimulationTerms terms = new() { Window = window, MostLost = 1_000 };
        Exception? found = Record.Exception(() => World.Run(history, terms, ServerRules.Real));
        if (window == 0)
            Assert.Equal("I4", Assert.IsType<InvariantException>(found).Invariant);
        else
            Assert.Null(found);
    }

    internal static void Hold(SimulationTerms terms, ServerRules rules, int histories) =>
        Check(histories, history => World.Run(history, terms, rules));

    private static void Check(int histories, Action<History> run) =>
        Prop.ForAll(History.Any, run).Check(Config.QuickThrowOnFailure.WithMaxTest(histories).WithReplay(Seed, 7));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
