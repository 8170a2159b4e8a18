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
