using System.Globalization;
using Sluice.Aggregates.Fields;

namespace Sluice.Generators.Tests;

/// <summary>A contribution and where it stands in the order.</summary>
internal sealed record Placed(object Value, ModelEvent Event);

/// <summary>A declaration of a field, what is contributed to it, and what must come out, said as plainly as possible.</summary>
/// <param name="Declaration">Attribute and type.</param>
/// <param name="Contribute">Makes a contribution, or none.</param>
/// <param name="Expected">What the snapshot must show of the contributions, as text.</param>
/// <param name="Shown">What it does show, as text.</param>
internal sealed record ModelField(string Declaration, Func<Random, object?> Contribute, Func<IReadOnlyList<Placed>, string> Expected, Func<object?, string> Shown);

/// <summary>Random fields of every kind. Contributions are few and small, so that ties, repetitions and cancellations are the rule.</summary>
internal static class ModelFields
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>How many different texts are contributed.</summary>
    public const int Texts = 30;

    /// <summary>One of them.</summary>
    public static string Page(int i) => $"/page/{i}";

    public static ModelField Any(Random random)
    {
        int size = 1 + random.Next(random.Next(3) == 0 ? 40 : 5);
        int initial = random.Next(-9, 9);
        return random.Next(33) switch
        {
            0 => Sum("[Sum] public partial long", static r => r.Next(-9, 9) * 1000L, 0),
            1 => Sum("[Sum] public partial int", static r => r.Next(-9, 9), 0),
            2 => Sum("[Sum(Scale = 2)] public partial decimal", static r => r.Next(-999, 999) / 100m, 0),
            3 => Sum("[Sum] public partial double", static r => r.Next(-99, 99) / 8.0, 0),
            4 => Difference($"[Diff(Initial = {initial})] public partial long", static r => r.Next(-9, 9) * 1L, initial),
            5 => Difference($"[Diff(Initial = {initial}, Scale = 1)] public partial decimal", static r => r.Next(-9, 9) / 10m, initial),
            6 => new("[Count] public partial long", static _ => "counted by being", static placed => Text(placed.Count), Text),
            7 => new("[Average] public partial AverageView", Sometimes(static r => r.Next(-9, 9) * 1L), Mean, static view => Text(((AverageView)view!).Mean)),
            8 => Extreme("[Max] public partial long?", Sometimes(static r => r.Next(-9, 9) * 1L), static values => values.Max()),
            9 => Extreme("[Min] public partial double?", Sometimes(static r => r.Next(-9, 9) / 4.0), static values => values.Min()),
            10 => Extreme("[Max] public partial System.DateTimeOffset?", Sometimes(static r => Noon.AddSeconds(r.Next(9))), static values => values.Max()),
            11 => new("[First] public partial string?", Sometimes(Stamped(TextOf)), static placed => Text(InOrder<string>(placed).FirstOrDefault()), Text),
            12 => new("[Last] public partial long?", Sometimes(Stamped(NumberOf)), static placed => Text(InOrder<long>(placed).Cast<long?>().LastOrDefault()), Text),
            13 => new("[Last] public partial System.Guid?", Sometimes(Stamped(GuidOf)), static placed => Text(InOrder<Guid>(placed).Cast<Guid?>().LastOrDefault()), Text),
            14 => new($"[Window({size})] public partial WindowView<string>", Sometimes(Stamped(TextOf)), placed => Joined(InOrder<string>(placed).Reverse().Take(size)), Joined<string>),
            15 => new($"[Window({size})] public partial ScoredView<long>", Sometimes(static r => new Scored<long>(NumberOf(r), r.Next(-2, 2))), placed => Joined(ByScore(placed).Take(size)), Joined<long>),
            16 => new($"[List({size})] public partial ListView<System.Guid>", Sometimes(Stamped(GuidOf)), placed => Joined(InOrder<Guid>(placed).TakeLast(size)), Joined<Guid>),
            17 => new($"[List({size}, Keep = ListEnd.First)] public partial ListView<string>", Sometimes(Stamped(TextOf)), placed => Joined(InOrder<string>(placed).Take(size)), Joined<string>),
            18 => new($"[Set({size})] public partial SetView<string>", Sometimes(TextOf), placed => Sorted(Smallest<string, StringElement>(placed, static value => (string)value, size)), Sorted<string>),
            19 => new($"[Set({size})] public partial SetView<long>", Sometimes(static r => NumberOf(r)), placed => Sorted(Smallest<long, Int64Element>(placed, static value => (long)value, size)), Sorted<long>),
            20 => new("[Distinct] public partial DistinctView", Sometimes(TextOf), static placed => Text((long)placed.Select(static one => one.Value).Distinct().Count()), static view => Text(((DistinctView)view!).Count)),
            21 => new("[Histogram] public partial HistogramView", Sometimes(static r => r.Next(4) * 1.0), Median, static view => Text(((HistogramView)view!).Quantile(0.5))),
            22 => new($"[Map({size}, MapOf.Sum)] public partial MapView<string, long>", Sometimes(static r => KeyValuePair.Create(TextOf(r), r.Next(-2, 2) * 1L)), placed => SumsByKey(placed, size), static view => Sorted((MapView<string, long>)view!)),
            23 => Difference($"[Diff(Initial = {initial})] public partial double", static r => r.Next(-99, 99) / 8.0, initial),
            24 => ByKey($"[Map({size}, MapOf.Sum, Scale = 2)] public partial MapView<string, decimal>", static r => r.Next(-2, 2) / 100m, size, static own => own.Sum(static value => (decimal)value), static value => (decimal)value != 0),
            25 => ByKey($"[Map({size}, MapOf.Diff)] public partial MapView<string, long>", static r => r.Next(-2, 2) * 1L, size, static own => -own.Sum(static value => (long)value), static value => (long)value != 0),
            26 => MapOf<long, Stamped<long>>($"[Map({size}, MapOf.Last)] public partial MapView<string, long>", Stamped(NumberOf), size, static own => InOrder<long>(own).Last(), static value => value),
            27 => MapOf<string, Stamped<string>>($"[Map({size}, MapOf.First)] public partial MapView<string, string>", Stamped(TextOf), size, static own => InOrder<string>(own).First(), static value => value),
            28 => MapOf<WindowView<string>, Stamped<string>>($"[Map({size}, MapOf.Window, Size = 3)] public partial MapView<string, WindowView<string>>", Stamped(TextOf), size, static own => Joined(InOrder<string>(own).Reverse().Take(3)), Joined),
            29 => MapOf<ListView<long>, Stamped<long>>($"[Map({size}, MapOf.List, Size = 2)] public partial MapView<string, ListView<long>>", Stamped(NumberOf), size, static own => Joined(InOrder<long>(own).TakeLast(2)), Joined),
            30 => MapOf<SetView<string>, string>($"[Map({size}, MapOf.Set, Size = 2)] public partial MapView<string, SetView<string>>", TextOf, size, static own => Sorted(Smallest<string, StringElement>(own, static value => (string)value, 2)), Sorted),
            31 => MapOf<DistinctView, string>($"[Map({size}, MapOf.Distinct)] public partial MapView<string, DistinctView>", TextOf, size, static own => Text((long)own.Select(static one => one.Value).Distinct().Count()), static view => Text(view.Count)),
            32 => MapOf<HistogramView, double>($"[Map({size}, MapOf.Histogram)] public partial MapView<string, HistogramView>", static r => r.Next(4) * 1.0, size, Median, static view => Text(view.Quantile(0.5))),
            _ => new($"[Map({size}, MapOf.Count)] public partial MapView<long, long>", Sometimes(static r => NumberOf(r)), placed => CountsByKey(placed, size), static view => Sorted((MapView<long, long>)view!)),
        };
    }

    private static ModelField Sum<T>(string declaration, Func<Random, T> contribute, int initial)
        where T : struct =>
        new(declaration, r => contribute(r), placed => Number(initial + placed.Sum(static one => Convert.ToDecimal(one.Value, CultureInfo.InvariantCulture))), Number);

    private static ModelField Difference<T>(string declaration, Func<Random, T> contribute, int initial)
        where T : struct =>
        new(declaration, r => contribute(r), placed => Number(initial - placed.Sum(static one => Convert.ToDecimal(one.Value, CultureInfo.InvariantCulture))), Number);

    private static ModelField Extreme(string declaration, Func<Random, object?> contribute, Func<IEnumerable<object>, object?> pick) =>
        new(declaration, contribute, placed => Text(placed.Count == 0 ? null : pick(placed.Select(static one => one.Value))), Text);

    private static string Mean(IReadOnlyList<Placed> placed) => Text(placed.Count == 0 ? null : placed.Select(static one => (decimal)(long)one.Value).Average());

    // 0, 1, 2 and 3 lie in buckets of their own, whose middles are these.
    private static string Median(IReadOnlyList<Placed> placed)
    {
        if (placed.Count == 0)
            return "";
        double exact = placed.Select(static one => (double)one.Value).Order().ElementAt((int)Math.Ceiling(placed.Count * 0.5) - 1);
        return Text(exact switch { 0 => 0.0, 1 => 1 + (1 / 128.0), 2 => 2 + (1 / 64.0), _ => 3 + (1 / 64.0) });
    }

    private static string SumsByKey(IReadOnlyList<Placed> placed, int capacity)
    {
        KeyValuePair<string, long>[] pairs = [.. placed.Select(static one => (KeyValuePair<string, long>)one.Value).Where(static pair => pair.Value != 0)];
        IEnumerable<string> keys = pairs.Select(static pair => pair.Key).Distinct().OrderBy(StringElement.Hash).Take(capacity);
        return Sorted(keys.Select(key => KeyValuePair.Create(key, pairs.Where(pair => pair.Key == key).Sum(static pair => pair.Value))).Where(static pair => pair.Value != 0));
    }

    private static ModelField ByKey<T>(string declaration, Func<Random, T> contribute, int capacity, Func<IEnumerable<object>, T> merge, Func<object, bool> counts)
        where T : struct =>
        new(
            declaration,
            Sometimes(r => KeyValuePair.Create(TextOf(r), contribute(r))),
            placed => Sorted(ByKeys<T>([.. placed.Where(one => counts(((KeyValuePair<string, T>)one.Value).Value))], capacity)
                .Select(group => KeyValuePair.Create(group.Key, merge(group.Value.Select(static one => one.Value)))).Where(pair => counts(pair.Value))),
            static view => Sorted((MapView<string, T>)view!));

    // A field that shows something of the order or the number of contributions: what each key's own contributions come to.
    private static ModelField MapOf<TValue, T>(string declaration, Func<Random, T> contribute, int capacity, Func<IReadOnlyList<Placed>, object> merge, Func<TValue, object> shown)
        where T : notnull =>
        new(
            declaration,
            Sometimes(r => KeyValuePair.Create(TextOf(r), contribute(r))),
            placed => Sorted(ByKeys<T>(placed, capacity).Select(group => $"{group.Key} {merge(group.Value)}")),
            view => Sorted(((MapView<string, TValue>)view!).Select(pair => $"{pair.Key} {shown(pair.Value)}")));

    private static IEnumerable<KeyValuePair<string, List<Placed>>> ByKeys<T>(IReadOnlyList<Placed> placed, int capacity) => placed
        .Select(static one => (Pair: (KeyValuePair<string, T>)one.Value, one.Event))
        .GroupBy(static one => one.Pair.Key)
        .OrderBy(static group => StringElement.Hash(group.Key))
        .Take(capacity)
        .Select(static group => KeyValuePair.Create(group.Key, group.Select(static one => new Placed(one.Pair.Value!, one.Event)).ToList()));

    private static string CountsByKey(IReadOnlyList<Placed> placed, int capacity) =>
        Sorted(Smallest<long, Int64Element>(placed, static value => (long)value, capacity).Select(key => KeyValuePair.Create(key, (long)placed.Count(one => (long)one.Value == key))));

    private static IEnumerable<T> Smallest<T, TElement>(IReadOnlyList<Placed> placed, Func<object, T> value, int capacity)
        where T : notnull
        where TElement : IKeyElement<T> =>
        placed.Select(one => value(one.Value)).Distinct().OrderBy(TElement.Hash).Take(capacity);

    private static IEnumerable<T> InOrder<T>(IReadOnlyList<Placed> placed) => placed
        .Select(static one => (one.Event, Stamped: (Stamped<T>)one.Value))
        .OrderBy(static one => one.Stamped.HasTimestamp ? one.Stamped.Timestamp.UtcTicks : one.Event.NowTicks)
        .ThenBy(static one => one.Event.Origin)
        .ThenBy(static one => one.Event.Sequence)
        .Select(static one => one.Stamped.Value);

    private static IEnumerable<long> ByScore(IReadOnlyList<Placed> placed) => placed
        .Select(static one => (one.Event, Scored: (Scored<long>)one.Value))
        .OrderByDescending(static one => one.Scored.Score)
        .ThenByDescending(static one => one.Event.Origin)
        .ThenByDescending(static one => one.Event.Sequence)
        .Select(static one => one.Scored.Value);

    private static Func<Random, object?> Sometimes<T>(Func<Random, T> contribute) => random => random.Next(3) == 0 ? null : contribute(random);

    private static Func<Random, Stamped<T>> Stamped<T>(Func<Random, T> value) =>
        random => random.Next(2) == 0 ? value(random) : new Stamped<T>(value(random), Noon.AddSeconds(random.Next(-3, 3)));

    private static string TextOf(Random random) => Page(random.Next(Texts));

    private static long NumberOf(Random random) => random.Next(30) * 1_000_003L;

    private static Guid GuidOf(Random random) => new(random.Next(9), 0, 0, new byte[8]);

    private static string Number(object? value) => Convert.ToDecimal(value, CultureInfo.InvariantCulture).ToString("0.####", CultureInfo.InvariantCulture);

    private static string Text(object? value) => value is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{value}");

    private static string Joined<T>(object? view) => Joined((IEnumerable<T>)view!);

    private static string Joined<T>(IEnumerable<T> values) => string.Join(' ', values);

    private static string Sorted<T>(object? view) => Sorted((IEnumerable<T>)view!);

    private static string Sorted<T>(IEnumerable<T> values) => string.Join(' ', values.Select(static value => $"{value}").Order(StringComparer.Ordinal));
}
