using Xunit;

namespace Sluice.Tests.Simulation;

/// <summary>A check of the checker: the same histories and the same invariants find every mistake that the protocol's rules are there to prevent.</summary>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    private const int Histories = 3_000;

    public static TheoryData<string> Names => [.. PlantedBugs.All.Keys];

    // Prevents a simulation that is green because it never gets into trouble.
    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_bug_is_found(string name)
    {
        (ServerRules rules, SimulationTerms terms) = PlantedBugs.All[name];
        Exception? found = Record.Exception(() => HistoryTests.Hold(terms, rules, Histories));
        Assert.NotNull(found);
        output.WriteLine(found.Message[found.Message.IndexOf("Shrunk", StringComparison.Ordinal)..]);
        Assert.Contains(nameof(InvariantException), found.ToString(), StringComparison.Ordinal);
    }
}
