using Sluice.Bench.Reporting;
using Sluice.Bench.Running;
using Xunit;

namespace Sluice.Bench.Tests;

public sealed class PairRunnerTests
{
    private static readonly BenchOptions Quick = BenchOptions.Parse(["fixed", "--quick"]);

    // Measured one after the other, a minute of a busy neighbour would decide the ratio.
    [Fact]
    public async Task Variants_are_measured_in_turn_and_every_other_round_backwards()
    {
        List<string> journal = [];
        await MeasureAsync(new FixedVariant("a", [1], new Comparison("b")) { Journal = journal }, new FixedVariant("b", [1]) { Journal = journal });

        Assert.Equal(
            ["a prepared", "b prepared", "a", "b", "b", "a", "a", "b", "b", "a", "a", "b", "a disposed", "b disposed"],
            journal);
    }

    // The ratio of two averages is not the median of the pairs: one slow round would move it.
    [Fact]
    public async Task A_ratio_is_the_median_of_the_pairs()
    {
        Measurement measured = await AgainstAsync([200, 100, 300, 220, 10], [100, 100, 100, 100, 100], null);

        Assert.Equal(2, measured.Ratio!.Value, 1e-9);
        Assert.Equal(830, measured.Operations);
        Assert.Equal(166, measured.OpsPerSecond!.Value, 1e-9);
    }

    [Theory]
    [InlineData(new double[] { 100, 110, 120, 130, 140 }, 1.05, true)]
    [InlineData(new double[] { 100, 110, 120, 130, 140 }, 1.2, null)]
    [InlineData(new double[] { 100, 110, 120, 130, 140 }, 1.35, false)]
    [InlineData(new double[] { 10, 110, 120, 130, 140 }, 1.05, true)]
    [InlineData(new double[] { 100, 110, 120, 130, 990 }, 1.35, false)]
    public async Task A_target_is_met_or_missed_only_by_three_quarters_of_the_pairs(double[] speeds, double target, bool? met) =>
        Assert.Equal(met, (await AgainstAsync(speeds, [100], Target.AtLeast(target))).Met);

    // A reference that is fast and slow from run to run makes every pair a throw of dice; several turns within a pair are one longer run, and still in turn.
    [Fact]
    public async Task The_turns_of_a_pair_are_added_up()
    {
        List<string> journal = [];
        BenchCase subject = new("case", 1, null, true, () =>
        [
            new FixedVariant("a", [100, 100, 100, 400], new Comparison("b")) { Journal = journal },
            new FixedVariant("b", [50, 150]) { Journal = journal },
        ])
        { TurnsOfAPair = 2 };

        Measurement measured = (await PairRunner.MeasureAsync("scenario", subject, Quick, TestContext.Current.CancellationToken))[0];

        Assert.Equal(["a", "b", "b", "a", "a", "b", "b", "a"], journal.Skip(2).Take(8));
        // Pairs of 200 and of 500 to 200 in turn, five of them.
        Assert.Equal(1, measured.Ratio!.Value, 1e-9);
        Assert.Equal(2.5, measured.RatioQuartiles!.Value.Upper, 1e-9);
        Assert.Equal((3 * 200) + (2 * 500), measured.Operations);
    }

    // For CPU time less is better: the same rule, the other way round.
    [Theory]
    [InlineData(0.85, true)]
    [InlineData(0.75, null)]
    [InlineData(0.6, false)]
    public void A_target_of_cpu_time_is_an_upper_bound(double target, bool? met) =>
        Assert.Equal(met, new Target(Figure.Cpu, target).IsMetBy(new Harness.Quartiles(0.7, 0.75, 0.8)));

    // A slow reference makes everything look fast: such a ratio must not count as a success.
    [Fact]
    public async Task A_broken_reference_decides_nothing_and_is_named()
    {
        Measurement measured = (await MeasureAsync(
            new FixedVariant("subject", [500], new Comparison("reference", Target.AtLeast(1))),
            new FixedVariant("reference", [100]) { Floor = 200 }))[0];

        Assert.Null(measured.Met);
        Assert.Contains("reference ran at 100/s", measured.Note, StringComparison.Ordinal);
    }

    private static async Task<Measurement> AgainstAsync(double[] speeds, double[] reference, Target? target) =>
        (await MeasureAsync(new FixedVariant("subject", speeds, new Comparison("reference", target)), new FixedVariant("reference", reference)))[0];

    private static Task<IReadOnlyList<Measurement>> MeasureAsync(params Variant[] variants) =>
        PairRunner.MeasureAsync("fixed", new BenchCase("case", 1, null, HasTarget: true, () => variants), Quick, TestContext.Current.CancellationToken);
}
