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
        ["window.utf8"] = new WindowMerger<StringElement>(),
        ["window.i64"] = new WindowMerger<Int64Element>(),
        ["window.guid"] = new WindowMerger<GuidElement>(),
        ["distinct.utf8"] = DistinctMerger.Instance,
        ["distinct.i64"] = DistinctMerger.Instance,
        ["distinct.guid"] = DistinctMerger.Instance,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The merger of a declared field.</summary>
    /// <exception cref="NotSupportedException">No such kind, or not with this parameter.</exception>
    public static IFieldMerger Of(AggregateSchema schema, FieldSchema field)
    {
        if (!ByKind.TryGetValue(field.Kind, out IFieldMerger? merger))
            throw new NotSupportedException($"Field '{field.Name}' of aggregate '{schema.Name}' is of the kind '{field.Kind}', which this version does not know.");
        if (!merger.Accepts(field.Parameter))
            throw new NotSupportedException($"Field '{field.Name}' of aggregate '{schema.Name}': the kind '{field.Kind}' does not take the parameter {field.Parameter}.");
        return merger;
    }
}
