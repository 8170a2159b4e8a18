using FsCheck;
using FsCheck.Fluent;

namespace Sluice.Tests.Aggregates;

/// <summary>One event to an <see cref="Outer.EveryKind"/> with its place in the order: plain values, so that a counterexample can be read.</summary>
internal sealed record Contribution
{
    public long Now { get; init; }

    public ulong Origin { get; init; }

    public long Sequence { get; init; }

    public int Small { get; init; }

    public long Large { get; init; }

    public long? Int64 { get; init; }

    public int? Int32 { get; init; }

    public double? Double { get; init; }

    public TimeSpan? Span { get; init; }

    public DateTimeOffset? Time { get; init; }

    public Stamped<string>? Text { get; init; }

    public Stamped<long>? Number { get; init; }

    public Stamped<Guid>? Guid { get; init; }

    /// <summary>Two decimal places.</summary>
    public decimal Money { get; init; }

    /// <summary>A few quarters: sums of them are exact doubles.</summary>
    public double Quarters { get; init; }

    public int? Measure { get; init; }

    public decimal? Price { get; init; }

    public double? Score { get; init; }

    /// <summary>What histograms, and maps of sums, counts and averages get: merging it twice is not merging it once.</summary>
    public int? Amount { get; init; }

    /// <summary>Without what changes a record that has it already.</summary>
    public Contribution Idempotent => this with { Small = 0, Large = 0, Money = 0, Quarters = 0, Measure = null, Price = null, Amount = null };

    public Outer.EveryKind.Event ToEvent() => new()
    {
        SumInt32 = Small,
        SumInt64 = Large,
        MaxInt64 = Int64,
        MinInt64 = Int64,
        MaxInt32 = Int32,
        MinInt32 = Int32,
        MaxDouble = Double,
        MinDouble = Double,
        MaxSpan = Span,
        MinSpan = Span,
        MaxTime = Time,
        MinTime = Time,
        Texts = Text,
        Numbers = Number,
        Guids = Guid,
        DistinctTexts = Text?.Value,
        DistinctNumbers = Number?.Value,
        DistinctGuids = Guid?.Value,
        SumDecimal = Money,
        SumDouble = Quarters,
        DiffInt64 = Large,
        DiffInt32 = Small,
        DiffDecimal = Money,
        AverageInt64 = Measure * 1_000_000_007L,
        AverageInt32 = Measure,
        AverageDecimal = Price,
        FirstText = Text,
        LastText = Text,
        FirstInt64 = Number,
        LastInt32 = Whole,
        LastDouble = Double,
        FirstTime = Time,
        LastSpan = Span,
        FirstGuid = Guid,
        HighestTexts = ScoredText,
        HighestNumbers = Score is { } other && Number is { } number ? new Scored<long>(number.Value, other) : null,
        LastTexts = Text,
        FirstNumbers = Number,
        FirstGuids = Guid,
        SetTexts = Text?.Value,
        SetNumbers = Number?.Value,
        SetGuids = Guid?.Value,
        Histogram = Magnitude,
        SumsByText = Pair(Text, Amount * 1L),
        SumsByGuid = Pair(Guid, Amount),
        SumsByNumber = Pair(Number, Amount / 4.0),
        CountsByText = Amount is null ? null : Text?.Value,
        AveragesByText = Pair(Text, Amount * 1L),
        MaximaByNumber = Pair(Number, Double),
        MinimaByGuid = Pair(Guid, Time),
        DiffDouble = Quarters,
        MoneyByText = Pair(Text, Amount / 100m),
        DiffsByNumber = Pair(Number, Amount * 1L),
        AveragesByGuid = Pair(Guid, Amount / 10m),
        FirstTextByGuid = Pair(Guid, Text),
        LastNumberByText = Pair(Text, Number),
        WindowsByNumber = Pair(Number, Text),
        HighestByGuid = Pair(Guid, ScoredText),
        ListsByText = Pair(Text, Number),
        SetsByNumber = Number is { } key && Text is { } element ? KeyValuePair.Create(key.Value, element.Value) : null,
        DistinctByGuid = Guid is { } device && Text is { } page ? KeyValuePair.Create(device.Value, page.Value) : null,
        HistogramsByText = Pair(Text, Magnitude),
    };

    public Scored<string>? ScoredText => Score is { } score && Text is { } text ? new Scored<string>(text.Value, score) : null;

    public double? Magnitude => Amount is { } amount ? Math.Abs(amount * 1.1) : null;

    /// <summary>A value that has a session clock's timestamp whoever makes the event.</summary>
    public Stamped<int>? Whole => Int32 is { } value ? value : null;

    private static KeyValuePair<TKey, T>? Pair<TKey, T>(Stamped<TKey>? key, T? value)
        where T : struct =>
        key is { } known && value is { } contribution ? KeyValuePair.Create(known.Value, contribution) : null;
}

/// <summary>Random events: many without a contribution, from few origins, with few different timestamps, so that ties are the rule.</summary>
internal static class Contributions
{
    private const int Origins = 3;

    private static readonly Gen<DateTimeOffset> Times =
        Gen.OneOf(
            Gen.Choose(0, 6).Select(static tick => new DateTimeOffset(tick, TimeSpan.Zero)),
            Gen.Choose(0, 3).Select(static hours => new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.FromHours(hours))),
            Gen.Elements(DateTimeOffset.MinValue, DateTimeOffset.MaxValue));

    private static readonly Gen<string> Texts =
        Gen.OneOf(
            Gen.Elements("", "/", "/index.html", "/ünïcode/€/😀", "\uE000", new string('x', 200)),
            Gen.Choose(0, 1_000_000).Select(static n => $"/page/{n}"));

    private static readonly Gen<Contribution> One =
        from now in Gen.Choose(0, 6)
        from origin in Gen.Choose(0, Origins - 1)
        from small in Gen.Choose(-1000, 1000)
        from large in Gen.Choose(int.MinValue, int.MaxValue)
        from int64 in Optional(Gen.OneOf(Gen.Choose(-3, 3).Select(static n => (long)n), Gen.Elements(long.MinValue, long.MaxValue)))
        from int32 in Optional(Gen.OneOf(Gen.Choose(-3, 3), Gen.Elements(int.MinValue, int.MaxValue)))
        from number in Optional(Gen.Elements(0.0, -0.0, 1.5, -1.5, double.Epsilon, double.MaxValue, double.NegativeInfinity, double.PositiveInfinity))
        from span in Optional(Gen.Choose(-5, 5).Select(static n => TimeSpan.FromTicks(n)))
        from time in Optional(Times)
        from text in Optional(MaybeStamped(Texts))
        from count in Optional(MaybeStamped(Gen.Choose(0, 50).Select(static n => (long)n << 40)))
        from guid in Optional(MaybeStamped(Gen.Choose(0, 9).Select(static n => new Guid(n, 0, 0, [0, 0, 0, 0, 0, 0, 0, (byte)n]))))
        from money in Gen.Choose(-100_000, 100_000)
        from quarters in Gen.Choose(-4000, 4000)
        from measure in Optional(Gen.Choose(-3, 1000))
        from price in Optional(Gen.Choose(-500, 50_000).Select(static cents => cents / 100m))
        from score in Optional(Gen.Elements(0.0, -0.0, 1, -1, 2.5, double.MaxValue, double.PositiveInfinity, double.NegativeInfinity))
        from amount in Optional(Gen.Choose(-2, 2))
        select new Contribution
        {
            Now = now,
            Origin = (ulong)origin,
            Small = small,
            Large = large * 1000L,
            Int64 = int64,
            Int32 = int32,
            Double = number,
            Span = span,
            Time = time,
            Text = text,
            Number = count,
            Guid = guid,
            Money = money / 100m,
            Quarters = quarters / 4.0,
            Measure = measure,
            Price = price,
            Score = score,
            Amount = amount,
        };

    /// <summary>Lists of events with identities that are unique, as engines give them.</summary>
    public static Arbitrary<Contribution[]> Lists { get; } = Arb.From(Gen.ArrayOf(One).Select(Numbered), Shrink);

    /// <summary>Seeds for what a property decides at random beside its events, so that it decides the same when it is replayed.</summary>
    public static Arbitrary<int> Seeds { get; } = Arb.From(Gen.Choose(0, int.MaxValue));

    // An event draws one number for each place in an order that it takes, so the numbers of two events lie further apart than that.
    private static Contribution[] Numbered(Contribution[] list) => [.. list.Select(static (contribution, i) => contribution with { Sequence = 100 * (i + 1) })];

    private static Gen<T?> Optional<T>(Gen<T> values)
        where T : struct =>
        Gen.Frequency((2, Gen.Constant<T?>(null)), (1, values.Select(static value => (T?)value)));

    private static Gen<Stamped<T>> MaybeStamped<T>(Gen<T> values) =>
        from value in values
        from stamped in Gen.Elements(true, false)
        from time in Times
        select stamped ? new Stamped<T>(value, time) : value;

    private static IEnumerable<Contribution[]> Shrink(Contribution[] list)
    {
        if (list.Length > 3)
        {
            yield return list[(list.Length / 2)..];
            yield return list[..(list.Length / 2)];
        }

        for (int i = 0; i < list.Length; i++)
            yield return [.. list[..i], .. list[(i + 1)..]];
    }
}
