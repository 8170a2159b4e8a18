using Sluice.Coordination;
using Xunit;

namespace Sluice.Exploration;

/// <summary>
/// Every state that two engines and a server can come to within the bounds. Longer, and with wider bounds: <c>eng/soak protocol</c>.
/// </summary>
public sealed class ExplorationTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Scenarios.Small.Keys];

    // Prevents every loss and double count that an order of two engines' steps and of the network's and the server's faults can produce.
    [Theory]
    [MemberData(nameof(Names))]
    public void Every_state_keeps_the_invariants(string name)
    {
        Exploration found = new Search(Scenarios.Small[name], Rules.Real, quietOneIn: 8).Run(cancellation: TestContext.Current.CancellationToken);
        output.WriteLine($"{Scenarios.Small[name]}: {found.States:N0} states, {found.Transitions:N0} moves, longest way {found.Depth}, {found.Elapsed.TotalSeconds:0.0} s; seen: {string.Join(' ', found.Answers)}");
        Assert.True(found.Fault is null, string.Join('\n', found.History));
        Assert.True(found.IsWhole);
    }

    // Prevents a search that never gets into trouble.
    [Fact]
    public void Every_answer_of_a_server_is_met()
    {
        HashSet<Enum> met = [];
        foreach (string name in new[] { "the server loses half of the window", "another layout", "one identity", "completions fail, later ones go on" })
            met.UnionWith(new Search(Scenarios.Small[name] with { MostStates = 30_000 }, Rules.Real, quietOneIn: 8).Run(cancellation: TestContext.Current.CancellationToken).Answers);
        Assert.Empty(Enum.GetValues<FlushStatus>().Cast<Enum>().Concat(Enum.GetValues<BeatStatus>().Cast<Enum>()).Append(AbandonStatus.DeadLettered).Append(ReplayStatus.Replayed).Except(met));
    }

    // The guarantee matrix names it: whoever makes numbers unique in spite of it takes it out there too.
    [Fact]
    public void What_is_not_promised_is_seen()
    {
        Exploration found = new Search(Scenarios.NumbersComeAgain, Rules.Real).Run(cancellation: TestContext.Current.CancellationToken);
        output.WriteLine(string.Join('\n', found.History));
        Assert.NotNull(found.Fault);
        Assert.Contains(found.Fault.Invariant, new[] { "I1", "I4", "I7" });
    }
}
