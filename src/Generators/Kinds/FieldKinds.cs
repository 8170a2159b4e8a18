using System.Collections.Immutable;

namespace Sluice.Generators.Kinds;

/// <summary>All kinds of fields.</summary>
internal static class FieldKinds
{
    public static readonly ImmutableArray<FieldKind> All =
    [
        new SumKind(),
        new DiffKind(),
        new CountKind(),
        new AverageKind(),
        new MaxKind(),
        new MinKind(),
        new FirstOrLastKind("First", "first.", "EarliestFirst", "earliest"),
        new FirstOrLastKind("Last", "last.", "LatestFirst", "latest"),
        new WindowKind(),
        new ListKind(),
        new SetKind(),
        new DistinctKind(),
        new HistogramKind(),
        new MapKind(),
        new OpaqueKind(),
    ];

    /// <summary>The kinds as they are written, for messages.</summary>
    public static string Display { get; } = $"{string.Join(", ", All.Take(All.Length - 1).Select(static kind => kind.Display))} or {All[All.Length - 1].Display}";

    public static FieldKind? Find(string attribute) => All.FirstOrDefault(kind => kind.Attribute == attribute);
}
