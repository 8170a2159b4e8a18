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

    // A map's kind is "map", the kind of its keys, and the kind of its values: the kinds that have a fixed size and no parameter.
    private static readonly FrozenDictionary<string, (IFieldMerger Map, MapValues Values)> Maps = ByKind
        .Where(static kind => IsMapValue(kind.Key))
        .Select(static kind => (kind.Key, Values: new MapValues(kind.Value, canBeEmpty: kind.Key.StartsWith("sum.", StringComparison.Ordinal))))
        .SelectMany(static kind => new (string Kind, IFieldMerger Map, MapValues Values)[]
        {
            ($"map.utf8.{kind.Key}", new KeyedMerger<StringElement>(kind.Values), kind.Values),
            ($"map.i64.{kind.Key}", new KeyedMerger<Int64Element>(kind.Values), kind.Values),
            ($"map.guid.{kind.Key}", new KeyedMerger<GuidElement>(kind.Values), kind.Values),
        })
        .ToFrozenDictionary(static kind => kind.Kind, static kind => (kind.Map, kind.Values), StringComparer.Ordinal);

    /// <summary>All kinds, for those who must know each.</summary>
    public static IEnumerable<string> Kinds => ByKind.Keys.Concat(Maps.Keys);

    /// <summary>What a map of this kind keeps for each key.</summary>
    public static MapValues MapValuesOf(string kind) => Maps[kind].Values;

    /// <summary>The merger of a declared field.</summary>
    /// <exception cref="NotSupportedException">No such kind, or not with this parameter.</exception>
    public static IFieldMerger Of(AggregateSchema schema, FieldSchema field)
    {
        IFieldMerger? merger = ByKind.GetValueOrDefault(field.Kind) ?? Maps.GetValueOrDefault(field.Kind).Map;
        if (merger is null)
            throw new NotSupportedException($"Field '{field.Name}' of aggregate '{schema.Name}' is of the kind '{field.Kind}', which this version does not know.");
        if (!merger.Accepts(field.Parameter))
            throw new NotSupportedException($"Field '{field.Name}' of aggregate '{schema.Name}': the kind '{field.Kind}' does not take the parameter {field.Parameter}.");
        return merger;
    }

    private static bool IsMapValue(string kind) =>
        kind is "sum.i64" or "sum.i32" or "sum.f64" or "average.i64" || kind.StartsWith("max.", StringComparison.Ordinal) || kind.StartsWith("min.", StringComparison.Ordinal);
}
