using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>What a list of events must come to, said as plainly as possible and with nothing of the engine but its public types.</summary>
internal static class Oracle
{
    public static void AssertAgrees(Contribution[] events, Outer.EveryKind actual)
    {
        Assert.Equal(events.Sum(static e => e.Small), actual.SumInt32);
        Assert.Equal(events.Sum(static e => e.Large), actual.SumInt64);
        Assert.Equal(events.Max(static e => e.Int64) ?? 0, actual.MaxInt64);
        Assert.Equal(events.Max(static e => e.Int32), actual.MaxInt32);
        Assert.Equal(events.Max(static e => e.Span), actual.MaxSpan);
        Assert.Equal(events.Max(static e => e.Time), actual.MaxTime);
        Assert.Equal(events.Min(static e => e.Int64), actual.MinInt64);
        Assert.Equal(events.Min(static e => e.Int32), actual.MinInt32);
        Assert.Equal(events.Min(static e => e.Span), actual.MinSpan);
        Assert.Equal(events.Min(static e => e.Time), actual.MinTime);

        // Negative zero sorts below zero; LINQ holds them for equal.
        double[] doubles = [.. events.Where(static e => e.Double is not null).Select(static e => e.Double!.Value).OrderBy(static d => d).ThenBy(static d => double.IsNegative(d) ? 0 : 1)];
        Assert.Equal(doubles.Length == 0 ? null : Bits(doubles[^1]), actual.MaxDouble is { } max ? Bits(max) : null);
        Assert.Equal(doubles.Length == 0 ? 0L : Bits(doubles[0]), Bits(actual.MinDouble));

        Assert.Equal(events.Sum(static e => e.Money), actual.SumDecimal);
        Assert.Equal(events.Sum(static e => e.Quarters), actual.SumDouble);
        Assert.Equal(0 - events.Sum(static e => e.Large), actual.DiffInt64);
        Assert.Equal(1000 - events.Sum(static e => e.Small), actual.DiffInt32);
        Assert.Equal(-7 - events.Sum(static e => e.Money), actual.DiffDecimal);
        AssertAverage([.. events.Where(static e => e.Measure is not null).Select(static e => e.Measure!.Value * 1_000_000_007m)], actual.AverageInt64);
        AssertAverage([.. events.Where(static e => e.Measure is not null).Select(static e => (decimal)e.Measure!.Value)], actual.AverageInt32);
        AssertAverage([.. events.Where(static e => e.Price is not null).Select(static e => e.Price!.Value)], actual.AverageDecimal);

        AssertWindow(events, static e => e.Text, 3, actual.Texts);
        AssertWindow(events, static e => e.Number, 5, actual.Numbers);
        AssertWindow(events, static e => e.Guid, 1, actual.Guids);

        AssertCount(events.Where(static e => e.Text is not null).Select(static e => e.Text!.Value.Value), actual.DistinctTexts);
        AssertCount(events.Where(static e => e.Number is not null).Select(static e => e.Number!.Value.Value), actual.DistinctNumbers);
        AssertCount(events.Where(static e => e.Guid is not null).Select(static e => e.Guid!.Value.Value), actual.DistinctGuids);
    }

    private static void AssertAverage(decimal[] contributions, AverageView actual)
    {
        Assert.Equal((contributions.Length, contributions.Sum()), (actual.Count, actual.Sum));
        Assert.Equal(contributions.Length == 0 ? null : contributions.Average(), actual.Mean);
    }

    private static long? Bits(double value) => BitConverter.DoubleToInt64Bits(value);

    private static void AssertWindow<T>(Contribution[] events, Func<Contribution, Stamped<T>?> field, int size, WindowView<T> actual)
        where T : notnull
    {
        Stamped<T>[] expected =
        [
            .. events
                .Where(e => field(e) is not null)
                .Select(e => (Event: e, Value: field(e)!.Value))
                .Select(static e => (e.Event, Stamped: e.Value.HasTimestamp ? e.Value : new Stamped<T>(e.Value.Value, new DateTimeOffset(e.Event.Now, TimeSpan.Zero))))
                .OrderByDescending(static e => e.Stamped.Timestamp)
                .ThenByDescending(static e => e.Event.Origin)
                .ThenByDescending(static e => e.Event.Sequence)
                .Take(size)
                .Select(static e => e.Stamped),
        ];
        Assert.Equal(expected, actual.Stamped);
    }

    // Up to a hundred values the estimate is off by one at the most: two values would have to share a register.
    private static void AssertCount<T>(IEnumerable<T> values, DistinctView actual)
    {
        int expected = values.Distinct().Count();
        Assert.InRange(actual.Count, expected - 1 - (expected / 50), expected + 1);
        Assert.Equal(expected == 0, actual.Count == 0);
    }
}
