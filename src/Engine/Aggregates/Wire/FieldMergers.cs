using System.Collections.Frozen;
using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>The kinds of fields that records may hold. A kind's name is part of every schema's fingerprint and never changes its meaning.</summary>
internal static class FieldMergers
{
    private static readonly FrozenDictionary<string, IFieldMerger> ByKind = new Dictionary<string, IFieldMerger>(StringComparer.Ordinal)
    {
        ["sum.i64"] = new SumMerger(long.MinValue, long.MaxValue),
        ["sum.i32"] = new SumMerger(int.MinValue, int.MaxValue),
        ["sum.dec"] = new SumMerger(long.MinValue, long.MaxValue, SumAttribute.MaxScale),
        ["sum.f64"] = DoubleSumMerger.Instance,
        ["average.i64"] = new AverageMerger(greatestParameter: 0),
        ["average.dec"] = new AverageMerger(SumAttribute.MaxScale),
        ["max.i64"] = new ExtremumMerger<Int64Ordinal>(keepsGreater: true),
        ["max.i32"] = new ExtremumMerger<Int32Ordinal>(keepsGreater: true),
        ["max.f64"] = new ExtremumMerger<DoubleOrdinal>(keepsGreater: true),
        ["max.time"] = new ExtremumMerger<InstantOrdinal>(keepsGreater: true),
        ["max.span"] = new ExtremumMerger<DurationOrdinal>(keepsGreater: true),
        ["min.i64"] = new ExtremumMerger<Int64Ordinal>(keepsGreater: false),
        ["min.i32"] = new ExtremumMerger<Int32Ordinal>(keepsGreater: false),
        ["min.f64"] = new ExtremumMerger<DoubleOrdinal>(keepsGreater: false),
        ["min.time"] = new ExtremumMerger<InstantOrdinal>(keepsGreater: false),
        ["min.span"] = new ExtremumMerger<DurationOrdinal>(keepsGreater: false),
        ["window.utf8"] = new WindowMerger<StringElement, LatestFirst>(),
        ["window.i64"] = new WindowMerger<Int64Element, LatestFirst>(),
        ["window.guid"] = new WindowMerger<GuidElement, LatestFirst>(),
        ["score.utf8"] = new WindowMerger<StringElement, DoubleOrdinal>(),
        ["score.i64"] = new WindowMerger<Int64Element, DoubleOrdinal>(),
        ["score.guid"] = new WindowMerger<GuidElement, DoubleOrdinal>(),
        ["list.last.utf8"] = new WindowMerger<StringElement, LatestFirst>(),
        ["list.last.i64"] = new WindowMerger<Int64Element, LatestFirst>(),
        ["list.last.guid"] = new WindowMerger<GuidElement, LatestFirst>(),
        ["list.first.utf8"] = new WindowMerger<StringElement, EarliestFirst>(),
        ["list.first.i64"] = new WindowMerger<Int64Element, EarliestFirst>(),
        ["list.first.guid"] = new WindowMerger<GuidElement, EarliestFirst>(),
        ["last.utf8"] = new WindowMerger<StringElement, LatestFirst>(greatestParameter: 1),
        ["last.i64"] = new WindowMerger<Int64Element, LatestFirst>(greatestParameter: 1),
        ["last.i32"] = new WindowMerger<Int32Element, LatestFirst>(greatestParameter: 1),
        ["last.f64"] = new WindowMerger<DoubleElement, LatestFirst>(greatestParameter: 1),
        ["last.time"] = new WindowMerger<InstantElement, LatestFirst>(greatestParameter: 1),
        ["last.span"] = new WindowMerger<DurationElement, LatestFirst>(greatestParameter: 1),
        ["last.guid"] = new WindowMerger<GuidElement, LatestFirst>(greatestParameter: 1),
        ["first.utf8"] = new WindowMerger<StringElement, EarliestFirst>(greatestParameter: 1),
        ["first.i64"] = new WindowMerger<Int64Element, EarliestFirst>(greatestParameter: 1),
        ["first.i32"] = new WindowMerger<Int32Element, EarliestFirst>(greatestParameter: 1),
        ["first.f64"] = new WindowMerger<DoubleElement, EarliestFirst>(greatestParameter: 1),
        ["first.time"] = new WindowMerger<InstantElement, EarliestFirst>(greatestParameter: 1),
        ["first.span"] = new WindowMerger<DurationElement, EarliestFirst>(greatestParameter: 1),
        ["first.guid"] = new WindowMerger<GuidElement, EarliestFirst>(greatestParameter: 1),
        ["set.utf8"] = new KeyedMerger<StringElement>(),
        ["set.i64"] = new KeyedMerger<Int64Element>(),
        ["set.guid"] = new KeyedMerger<GuidElement>(),
        ["histogram"] = HistogramMerger.Instance,
        ["distinct.utf8"] = DistinctMerger.Instance,
        ["distinct.i64"] = DistinctMerger.Instance,
        ["distinct.guid"] = DistinctMerger.Instance,
        [OpaquePayload.Kind] = new OpaqueMerger(),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly string[] KeyTypes = ["utf8", "i64", "guid"];

    /// <summary>All kinds, for those who must know each. A map's kind is "map", the type of its keys, and the kind of its values.</summary>
    public static IEnumerable<string> Kinds =>
        ByKind.Keys.Concat(KeyTypes.SelectMany(static keys => ByKind.Keys.Where(IsMapValue).Select(values => $"map.{keys}.{values}")));

    /// <summary>The merger of a declared field.</summary>
    /// <exception cref="NotSupportedException">No such kind, or not with this parameter.</exception>
    public static IFieldMerger Of(AggregateSchema schema, FieldSchema field)
    {
        string what = $"Field '{field.Name}' of aggregate '{schema.Name}'";
        IFieldMerger merger = ByKind.GetValueOrDefault(field.Kind) ?? OfMap(field, what)
            ?? throw new NotSupportedException($"{what} is of the kind '{field.Kind}', which this version does not know.");
        if (!merger.Accepts(field.Parameter) || (field.ValueParameter != 0 && ByKind.ContainsKey(field.Kind)))
            throw NotAccepted(what, field.Kind, merger.Accepts(field.Parameter) ? field.ValueParameter : field.Parameter);
        return merger;
    }

    /// <summary>The kind of a map's values; null where the kind is not a map's.</summary>
    public static string? ValueKindOf(string kind) => kind.Split('.', 3) is ["map", var keys, var values] && KeyTypes.Contains(keys) && ByKind.ContainsKey(values) && IsMapValue(values) ? values : null;

    private static IFieldMerger? OfMap(FieldSchema field, string what)
    {
        if (ValueKindOf(field.Kind) is not { } kind)
            return null;
        IFieldMerger merger = ByKind[kind];
        if (!merger.Accepts(field.ValueParameter))
            throw NotAccepted(what, kind, field.ValueParameter);
        MapValues values = new(merger, field.ValueParameter, canBeEmpty: kind.StartsWith("sum.", StringComparison.Ordinal));
        return field.Kind.Split('.', 3)[1] switch
        {
            "utf8" => new KeyedMerger<StringElement>(values),
            "i64" => new KeyedMerger<Int64Element>(values),
            _ => new KeyedMerger<GuidElement>(values),
        };
    }

    private static NotSupportedException NotAccepted(string what, string kind, int parameter) => new($"{what}: the kind '{kind}' does not take the parameter {parameter}.");

    // The identities of opaque deltas, and what replaces them, belong to a field and not to a key in it.
    private static bool IsMapValue(string kind) => kind != OpaquePayload.Kind;
}
