using Xunit;

namespace Sluice.Harness.Tests;

public sealed class StatisticsTests
{
    // Whether a target was missed is decided by these: off by one member, and five pairs tell something else.
    [Theory]
    [InlineData(new[] { 3.0 }, 3, 3, 3)]
    [InlineData(new[] { 5.0, 1, 4, 2, 3 }, 2, 3, 4)]
    [InlineData(new[] { 4.0, 1, 3, 2 }, 1.75, 2.5, 3.25)]
    public void Quartiles_interpolate_between_sorted_members(double[] sample, double lower, double median, double upper) =>
        Assert.Equal(new Quartiles(lower, median, upper), Quartiles.Of(sample));

    [Fact]
    public void An_empty_sample_has_no_quartiles() => Assert.Throws<ArgumentException>(() => Quartiles.Of([]));

    // A percentile that flatters hides the slow calls that it is there to show; one beyond the bucket's width invents them.
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.99)]
    [InlineData(0.999)]
    [InlineData(1)]
    public void A_percentile_is_never_below_the_true_one_and_at_most_a_64th_above(double fraction)
    {
        SplitMix64 random = new(5);
        long[] durations = [.. Enumerable.Range(0, 20_000).Select(_ => (long)(random.Next() >> random.Next(30) >> 24))];
        LatencyHistogram one = new(), two = new();
        for (int i = 0; i < durations.Length; i++)
            (i % 3 == 0 ? one : two).RecordNanoseconds(durations[i]);
        one.Add(two);
        Array.Sort(durations);

        double exact = durations[(int)Math.Ceiling(fraction * durations.Length) - 1] / 1_000.0;

        Assert.Equal(durations.Length, one.Count);
        Assert.InRange(one.PercentileMicros(fraction), exact, exact * (1 + (1.0 / 64)));
    }

    [Fact]
    public void The_extremes_are_recorded_too()
    {
        LatencyHistogram histogram = new();
        histogram.RecordNanoseconds(-1);
        Assert.Equal(0, histogram.PercentileMicros(1));
        histogram.RecordNanoseconds(long.MaxValue);
        Assert.InRange(histogram.PercentileMicros(1), long.MaxValue / 1_000.0, double.MaxValue);
        histogram.Record(TimeSpan.FromMicroseconds(5));
        Assert.InRange(histogram.PercentileMicros(0.6), 5, 5.1);
    }
}
