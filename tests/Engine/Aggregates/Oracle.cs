using Sluice.Aggregates.Fields;
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
        Assert.Equal(2 - events.Sum(static e => e.Quarters), actual.DiffDouble);
        Assert.Equal(events.Length, actual.Events);
        AssertAverage([.. events.Where(static e => e.Measure is not null).Select(static e => e.Measure!.Value * 1_000_000_007m)], actual.AverageInt64);
        AssertAverage([.. events.Where(static e => e.Measure is not null).Select(static e => (decimal)e.Measure!.Value)], actual.AverageInt32);
        AssertAverage([.. events.Where(static e => e.Price is not null).Select(static e => e.Price!.Value)], actual.AverageDecimal);

        AssertEnds(events, actual);
        AssertCollections(events, actual);
        AssertMaps(events, actual);
        AssertMapsOfCollections(events, actual);

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

    private static void AssertEnds(Contribution[] events, Outer.EveryKind actual)
    {
        Assert.Equal(InOrder(events, static e => e.Text).Select(static e => e.Value).FirstOrDefault(), actual.FirstText);
        Assert.Equal(InOrder(events, static e => e.Text).Select(static e => e.Value).LastOrDefault(), actual.LastText);
        Assert.Equal(InOrder(events, static e => e.Number).Select(static e => (long?)e.Value).FirstOrDefault(), actual.FirstInt64);
        Assert.Equal(InOrder(events, static e => e.Whole).Select(static e => e.Value).LastOrDefault(), actual.LastInt32);
        Assert.Equal(InOrder(events, static e => Stamp(e.Double)).Select(static e => (double?)e.Value).LastOrDefault(), actual.LastDouble);
        Assert.Equal(InOrder(events, static e => Stamp(e.Time)).Select(static e => (DateTimeOffset?)e.Value).FirstOrDefault(), actual.FirstTime);
        Assert.Equal(InOrder(events, static e => Stamp(e.Span)).Select(static e => (TimeSpan?)e.Value).LastOrDefault(), actual.LastSpan);
        Assert.Equal(InOrder(events, static e => e.Guid).Select(static e => e.Value).FirstOrDefault(), actual.FirstGuid);

        static Stamped<T>? Stamp<T>(T? value)
            where T : struct => value is { } contribution ? contribution : null;
    }

    private static void AssertCollections(Contribution[] events, Outer.EveryKind actual)
    {
        AssertHighest(events, static e => e.Text?.Value, 4, actual.HighestTexts.Scored.Select(static e => ((object)e.Value, e.Score)));
        AssertHighest(events, static e => e.Number?.Value, 40, actual.HighestNumbers.Scored.Select(static e => ((object)e.Value, e.Score)));
        Assert.Equal(InOrder(events, static e => e.Text).TakeLast(4), actual.LastTexts.Stamped);
        Assert.Equal(InOrder(events, static e => e.Number).Take(3), actual.FirstNumbers.Stamped);
        Assert.Equal(InOrder(events, static e => e.Guid).Take(40), actual.FirstGuids.Stamped);
        AssertSet<string, StringElement>(InOrder(events, static e => e.Text), 5, actual.SetTexts);
        AssertSet<long, Int64Element>(InOrder(events, static e => e.Number), 40, actual.SetNumbers);
        AssertSet<Guid, GuidElement>(InOrder(events, static e => e.Guid), 2, actual.SetGuids);

        double[] amounts = [.. events.Where(static e => e.Amount is not null).Select(static e => Math.Abs(e.Amount!.Value * 1.1)).Order()];
        Assert.Equal(amounts.Length, actual.Histogram.Count);
        for (int rank = 1; rank <= amounts.Length; rank++)
            Assert.InRange(actual.Histogram.Quantile((rank - 0.5) / amounts.Length)!.Value, amounts[rank - 1] * (1 - actual.Histogram.RelativeError), amounts[rank - 1] * (1 + actual.Histogram.RelativeError));
    }

    private static void AssertMaps(Contribution[] events, Outer.EveryKind actual)
    {
        AssertMap<string, StringElement, int, long>(events, static e => e.Text, static e => e.Amount, 3, static amounts => amounts.Sum(), static amount => amount != 0, actual.SumsByText);
        AssertMap<Guid, GuidElement, int, int>(events, static e => e.Guid, static e => e.Amount, 4, static amounts => amounts.Sum(), static amount => amount != 0, actual.SumsByGuid);
        AssertMap<long, Int64Element, int, double>(events, static e => e.Number, static e => e.Amount, 40, static amounts => amounts.Sum() / 4.0, static amount => amount != 0, actual.SumsByNumber);
        AssertMap<string, StringElement, int, long>(events, static e => e.Text, static e => e.Amount, 5, static amounts => amounts.Count(), static _ => true, actual.CountsByText);
        AssertMap<string, StringElement, int, AverageView>(events, static e => e.Text, static e => e.Amount, 4, static amounts => new(amounts.Count(), amounts.Sum()), static _ => true, actual.AveragesByText);
        AssertMap<long, Int64Element, double, double>(events, static e => e.Number, static e => e.Double, 5, static numbers => numbers.Max(), static _ => true, actual.MaximaByNumber);
        AssertMap<Guid, GuidElement, DateTimeOffset, DateTimeOffset>(events, static e => e.Guid, static e => e.Time, 2, static times => times.Min(), static _ => true, actual.MinimaByGuid);
    }

    private static void AssertMapsOfCollections(Contribution[] events, Outer.EveryKind actual)
    {
        AssertMap<string, StringElement, int, decimal>(events, static e => e.Text, static e => e.Amount, 3, static amounts => amounts.Sum() / 100m, static amount => amount != 0, actual.MoneyByText);
        AssertMap<long, Int64Element, int, long>(events, static e => e.Number, static e => e.Amount, 4, static amounts => -amounts.Sum(), static amount => amount != 0, actual.DiffsByNumber);
        AssertMap<Guid, GuidElement, int, AverageView>(events, static e => e.Guid, static e => e.Amount, 3, static amounts => new(amounts.Count(), amounts.Sum() / 10m), static _ => true, actual.AveragesByGuid);
        AssertKeys<Guid, GuidElement, string>(events, static e => e.Guid, static e => e.Text is not null, 4, actual.FirstTextByGuid, static (own, text) => Assert.Equal(InOrder(own, static e => e.Text)[0].Value, text));
        AssertKeys<string, StringElement, long>(events, static e => e.Text, static e => e.Number is not null, 5, actual.LastNumberByText, static (own, number) => Assert.Equal(InOrder(own, static e => e.Number)[^1].Value, number));
        AssertKeys<long, Int64Element, WindowView<string>>(events, static e => e.Number, static e => e.Text is not null, 4, actual.WindowsByNumber, static (own, window) => AssertWindow(own, static e => e.Text, 3, window));
        AssertKeys<Guid, GuidElement, ScoredView<string>>(
            events, static e => e.Guid, static e => e.ScoredText is not null, 3, actual.HighestByGuid, static (own, window) => AssertHighest(own, static e => e.Text?.Value, 2, window.Scored.Select(static e => ((object)e.Value, e.Score))));
        AssertKeys<string, StringElement, ListView<long>>(events, static e => e.Text, static e => e.Number is not null, 40, actual.ListsByText, static (own, list) => Assert.Equal(InOrder(own, static e => e.Number).Take(3), list.Stamped));
        AssertKeys<long, Int64Element, SetView<string>>(events, static e => e.Number, static e => e.Text is not null, 4, actual.SetsByNumber, static (own, set) => AssertSet<string, StringElement>(InOrder(own, static e => e.Text), 3, set));
        AssertKeys<Guid, GuidElement, DistinctView>(events, static e => e.Guid, static e => e.Text is not null, 3, actual.DistinctByGuid, static (own, sketch) => AssertCount(own.Select(static e => e.Text!.Value.Value), sketch));
        AssertKeys<string, StringElement, HistogramView>(
            events, static e => e.Text, static e => e.Amount is not null, 3, actual.HistogramsByText, static (own, histogram) => Assert.Equal((own.Length, 1.0 / 64), (histogram.Count, histogram.RelativeError)));
    }

    // Every key that is shown has the field that its own events alone would make.
    private static void AssertKeys<TKey, TElement, TValue>(
        Contribution[] events, Func<Contribution, Stamped<TKey>?> key, Func<Contribution, bool> contributes, int capacity, MapView<TKey, TValue> actual, Action<Contribution[], TValue> assertAgrees)
        where TKey : notnull
        where TElement : IKeyElement<TKey>
    {
        var keys = events
            .Where(e => key(e) is not null && contributes(e))
            .GroupBy(e => key(e)!.Value.Value)
            .OrderBy(static group => TElement.Hash(group.Key))
            .ToArray();
        Assert.Equal(keys.Take(capacity).Select(static group => group.Key).ToHashSet(), actual.Keys.ToHashSet());
        Assert.Equal(keys.Length >= capacity, actual.IsAtCapacity);
        foreach (var group in keys.Take(capacity))
            assertAgrees([.. group], actual[group.Key]);
    }

    private static void AssertHighest(Contribution[] events, Func<Contribution, object?> value, int size, IEnumerable<(object Value, double Score)> actual)
    {
        (object Value, double Score)[] expected =
        [
            .. events
                .Where(e => value(e) is not null && e.Score is not null)
                .OrderByDescending(static e => e.Score)
                .ThenByDescending(static e => double.IsNegative(e.Score!.Value) ? 0 : 1)
                .ThenByDescending(static e => e.Origin)
                .ThenByDescending(static e => e.Sequence)
                .Take(size)
                .Select(e => (value(e)!, e.Score!.Value)),
        ];
        Assert.Equal(expected, actual);
    }

    private static void AssertSet<T, TElement>(IEnumerable<Stamped<T>> contributions, int capacity, SetView<T> actual)
        where T : notnull
        where TElement : IKeyElement<T>
    {
        T[] all = [.. contributions.Select(static e => e.Value).Distinct().OrderBy(TElement.Hash)];
        Assert.Equal(all.Take(capacity).ToHashSet(), actual.ToHashSet());
        Assert.Equal(all.Length >= capacity, actual.IsAtCapacity);
        Assert.All(all, value => Assert.Equal(all.Take(capacity).Contains(value), actual.Contains(value)));
    }

    // A key counts from its first contribution on, even if its sum comes back to zero.
    private static void AssertMap<TKey, TElement, T, TValue>(
        Contribution[] events, Func<Contribution, Stamped<TKey>?> key, Func<Contribution, T?> contribution, int capacity, Func<IEnumerable<T>, TValue> value, Func<T, bool> counts, MapView<TKey, TValue> actual)
        where TKey : notnull
        where TElement : IKeyElement<TKey>
        where T : struct
    {
        var keys = events
            .Where(e => key(e) is not null && contribution(e) is { } contributed && counts(contributed))
            .GroupBy(e => key(e)!.Value.Value)
            .OrderBy(static group => TElement.Hash(group.Key))
            .ToArray();
        Dictionary<TKey, TValue> expected = keys
            .Take(capacity)
            .ToDictionary(static group => group.Key, group => value(group.Select(e => contribution(e)!.Value)));
        foreach (TKey zero in expected.Where(static pair => pair.Value is 0L or 0 or 0.0 or 0m && typeof(T) == typeof(int)).Select(static pair => pair.Key).ToArray())
            expected.Remove(zero);
        Assert.Equal(expected, actual.ToDictionary());
        Assert.Equal(keys.Length >= capacity, actual.IsAtCapacity);
    }

    // By timestamp, then by origin, then by sequence: the one order that all collections go by.
    private static Stamped<T>[] InOrder<T>(Contribution[] events, Func<Contribution, Stamped<T>?> field) =>
    [
        .. events
            .Where(e => field(e) is not null)
            .Select(e => (Event: e, Value: field(e)!.Value))
            .Select(static e => (e.Event, Stamped: e.Value.HasTimestamp ? e.Value : new Stamped<T>(e.Value.Value, new DateTimeOffset(e.Event.Now, TimeSpan.Zero))))
            .OrderBy(static e => e.Stamped.Timestamp)
            .ThenBy(static e => e.Event.Origin)
            .ThenBy(static e => e.Event.Sequence)
            .Select(static e => e.Stamped),
    ];

    private static void AssertWindow<T>(Contribution[] events, Func<Contribution, Stamped<T>?> field, int size, WindowView<T> actual)
        where T : notnull =>
        Assert.Equal(InOrder(events, field).Reverse().Take(size), actual.Stamped);

    // Up to a hundred values the estimate is off by one at the most: two values would have to share a register.
    private static void AssertCount<T>(IEnumerable<T> values, DistinctView actual)
    {
        int expected = values.Distinct().Count();
        Assert.InRange(actual.Count, expected - 1 - (expected / 50), expected + 1);
        Assert.Equal(expected == 0, actual.Count == 0);
    }
}
