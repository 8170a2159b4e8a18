using System.Globalization;
using System.Text;
using Xunit;

namespace Sluice.Exploration;

/// <summary>A check of the checker: the search that finds nothing in the protocol finds every mistake that its rules are there to prevent.</summary>
public sealed class BugTests(ITestOutputHelper output)
{
    // Prevents a search that is green because it looks at nothing.
    [Fact]
    public void Every_planted_bug_is_found()
    {
        StringBuilder histories = new();
        List<string> missed = [];
        output.WriteLine("| planted bug | found by | moves | states | where |\n|---|---|---|---|---|");
        foreach (Bug bug in Bug.All)
        {
            Exploration found = new Search(Scenarios.Small[bug.Scenario], bug.Rules()).Run(cancellation: TestContext.Current.CancellationToken);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {bug.Name} | {found.Fault?.Invariant ?? "NOT FOUND"} | {found.Length} | {found.States:N0} | {bug.Scenario} |"));
            histories.Append(CultureInfo.InvariantCulture, $"\n{bug.Name}\n{string.Join('\n', found.History)}\n");
            if (found.Fault is null)
                missed.Add(bug.Name);
        }

        output.WriteLine(histories.ToString());
        Assert.Empty(missed);
    }
}
