using Xunit;

namespace Sluice.Exploration;

/// <summary>Every state that two engines and a server can come to within the bounds.</summary>
public sealed class ExplorationTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. Scenarios.Small.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_state_keeps_the_invariants(string name)
    {
        Exploration found = new Search(Scenarios.Small[name], Rules.Real, quietOneIn: 8).Run(TimeSpan.FromSeconds(100), TestContext.Current.CancellationToken);
        output.WriteLine($"{name}: {found.States:N0} states, {found.Transitions:N0} moves, depth {found.Depth}, {found.Elapsed.TotalSeconds:0.0} s, whole {found.IsWhole} {string.Join(' ', found.Answers)}");
        Assert.True(found.Fault is null, string.Join('\n', found.History));
        Assert.True(found.IsWhole);
    }
}
