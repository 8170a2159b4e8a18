using Sluice.Harness.Load;
using Xunit;

namespace Sluice.Tests.Conservation;

/// <summary>The promise of the project's first sentence: what was merged is what was completed.</summary>
public sealed class MergeConservationTests
{
    // The failure that today's best caches have: 8 to 10 % of generations lose updates when an eviction races one. The long form is
    // `eng/soak merge`.
    [Fact]
    public async Task Nothing_is_lost_or_counted_twice_while_everything_goes_wrong_at_once()
    {
        MergeConservationResult result = await new MergeConservation(new MergeConservationPlan
        {
            Merges = long.Parse(Environment.GetEnvironmentVariable("SLUICE_MERGES") ?? "20000000"),
            Seed = 20_261_121,
        }).RunAsync(TestContext.Current.CancellationToken);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        Assert.True(result.Faults.Count == 0, result.ToString());
        Assert.True(result.Sessions > 0 && result.Redeliveries > 0, result.ToString());
    }
}
