using Sluice.Aggregates;

namespace Sluice.Tests.Aggregates;

/// <summary>The aggregate of the README.</summary>
[Aggregate("visit")]
public partial class Visit
{
    [Key]
    public partial string VisitorId { get; }

    [Sum]
    public partial long Hits { get; }

    [Max]
    public partial DateTimeOffset LastSeen { get; }

    [Min]
    public partial DateTimeOffset? FirstSeen { get; }

    [Window(10)]
    public partial WindowView<string> LastPages { get; }

    [Distinct]
    public partial DistinctView Pages { get; }
}

/// <summary>One field of every kind and type, in a nested class, with a key that is not text.</summary>
internal static partial class Outer
{
    [Aggregate("every.kind")]
    internal sealed partial class EveryKind
    {
        [Key]
        internal partial Guid Id { get; }

        [Sum]
        internal partial int SumInt32 { get; }

        [Sum]
        internal partial long SumInt64 { get; }

        [Max]
        internal partial long MaxInt64 { get; }

        [Max]
        internal partial int? MaxInt32 { get; }

        [Max]
        internal partial double? MaxDouble { get; }

        [Max]
        internal partial TimeSpan? MaxSpan { get; }

        [Max]
        internal partial DateTimeOffset? MaxTime { get; }

        [Min]
        internal partial long? MinInt64 { get; }

        [Min]
        internal partial int? MinInt32 { get; }

        [Min]
        internal partial double MinDouble { get; }

        [Min]
        internal partial TimeSpan? MinSpan { get; }

        [Min]
        internal partial DateTimeOffset? MinTime { get; }

        [Window(3)]
        internal partial WindowView<string> Texts { get; }

        [Window(5)]
        internal partial WindowView<long> Numbers { get; }

        [Window(1)]
        internal partial WindowView<Guid> Guids { get; }

        [Distinct]
        internal partial DistinctView DistinctTexts { get; }

        [Distinct(typeof(long))]
        internal partial DistinctView DistinctNumbers { get; }

        [Distinct(typeof(Guid))]
        internal partial DistinctView DistinctGuids { get; }

        [Sum(Scale = 2)]
        internal partial decimal SumDecimal { get; }

        [Sum]
        internal partial double SumDouble { get; }

        [Diff]
        internal partial long DiffInt64 { get; }

        [Diff(Initial = 1000)]
        internal partial int DiffInt32 { get; }

        [Diff(Initial = -7, Scale = 3)]
        internal partial decimal DiffDecimal { get; }

        [Average]
        internal partial AverageView AverageInt64 { get; }

        [Average(typeof(int))]
        internal partial AverageView AverageInt32 { get; }

        [Average(typeof(decimal), Scale = 2)]
        internal partial AverageView AverageDecimal { get; }

        [First]
        internal partial string? FirstText { get; }

        [Last]
        internal partial string? LastText { get; }

        [First]
        internal partial long? FirstInt64 { get; }

        [Last]
        internal partial int LastInt32 { get; }

        [Last]
        internal partial double? LastDouble { get; }

        [First]
        internal partial DateTimeOffset? FirstTime { get; }

        [Last]
        internal partial TimeSpan? LastSpan { get; }

        [First]
        internal partial Guid FirstGuid { get; }

        [Window(4)]
        internal partial ScoredView<string> HighestTexts { get; }

        [Window(40)]
        internal partial ScoredView<long> HighestNumbers { get; }

        [List(4)]
        internal partial ListView<string> LastTexts { get; }

        [List(3, Keep = ListEnd.First)]
        internal partial ListView<long> FirstNumbers { get; }

        [List(40, Keep = ListEnd.First)]
        internal partial ListView<Guid> FirstGuids { get; }

        [Set(5)]
        internal partial SetView<string> SetTexts { get; }

        [Set(40)]
        internal partial SetView<long> SetNumbers { get; }

        [Set(2)]
        internal partial SetView<Guid> SetGuids { get; }

        [Histogram]
        internal partial HistogramView Histogram { get; }

        [Map(3, MapOf.Sum)]
        internal partial MapView<string, long> SumsByText { get; }

        [Map(4, MapOf.Sum)]
        internal partial MapView<Guid, int> SumsByGuid { get; }

        [Map(40, MapOf.Sum)]
        internal partial MapView<long, double> SumsByNumber { get; }

        [Map(5, MapOf.Count)]
        internal partial MapView<string, long> CountsByText { get; }

        [Map(4, MapOf.Average)]
        internal partial MapView<string, AverageView> AveragesByText { get; }

        [Map(5, MapOf.Max)]
        internal partial MapView<long, double> MaximaByNumber { get; }

        [Map(2, MapOf.Min)]
        internal partial MapView<Guid, DateTimeOffset> MinimaByGuid { get; }

        [Diff(Initial = 2)]
        internal partial double DiffDouble { get; }

        [Map(3, MapOf.Sum, Scale = 2)]
        internal partial MapView<string, decimal> MoneyByText { get; }

        [Map(4, MapOf.Diff)]
        internal partial MapView<long, long> DiffsByNumber { get; }

        [Map(3, MapOf.Average, ContributionType = typeof(decimal), Scale = 1)]
        internal partial MapView<Guid, AverageView> AveragesByGuid { get; }

        [Map(4, MapOf.First)]
        internal partial MapView<Guid, string> FirstTextByGuid { get; }

        [Map(5, MapOf.Last)]
        internal partial MapView<string, long> LastNumberByText { get; }

        [Map(4, MapOf.Window, Size = 3)]
        internal partial MapView<long, WindowView<string>> WindowsByNumber { get; }

        [Map(3, MapOf.Window, Size = 2)]
        internal partial MapView<Guid, ScoredView<string>> HighestByGuid { get; }

        [Map(40, MapOf.List, Size = 3, Keep = ListEnd.First)]
        internal partial MapView<string, ListView<long>> ListsByText { get; }

        [Map(4, MapOf.Set, Size = 3)]
        internal partial MapView<long, SetView<string>> SetsByNumber { get; }

        [Map(3, MapOf.Distinct)]
        internal partial MapView<Guid, DistinctView> DistinctByGuid { get; }

        [Map(3, MapOf.Histogram, RelativeError = 0.02)]
        internal partial MapView<string, HistogramView> HistogramsByText { get; }

        // The last field, so that a law that does not hold for what counts events can leave it out.
        [Count]
        internal partial long Events { get; }
    }
}

/// <summary>Every event counts here, so that no event leaves it empty.</summary>
[Aggregate("counted")]
internal sealed partial class Counted
{
    [Key]
    internal partial string Id { get; }

    [Count]
    internal partial long Events { get; }

    [Sum]
    internal partial long Total { get; }
}
