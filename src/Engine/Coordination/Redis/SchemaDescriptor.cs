using System.Buffers.Binary;
using System.Collections.Frozen;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;

namespace Sluice.Coordination.Redis;

/// <summary>
/// An aggregate's schema as the scripts read it: 3 bytes for each field, its kind and its parameter, and 3 more behind them for what some maps keep
/// for their keys. It holds what a merge depends on and nothing else, since it travels with every call.
/// </summary>
internal static class SchemaDescriptor
{
    /// <summary>The length of one field's description: the kind, then the parameter, little-endian.</summary>
    public const int FieldBytes = 3;

    /// <summary>How many elements a collection may keep without being a large field.</summary>
    public const int MaxSmallCollection = 32;

    /// <summary>The kind of a sum of 64 bits.</summary>
    public const byte WideSumKind = 0x10;

    // The high four bits choose the merge, the low four which payloads are values. Kinds that merge alike share a byte: integers and durations
    // are extrema without a range, and a sketch does not know what was hashed.
    private static readonly FrozenDictionary<string, byte> Kinds = new Dictionary<string, byte>(StringComparer.Ordinal)
    {
        ["sum.i64"] = WideSumKind,
        ["sum.dec"] = WideSumKind,
        ["sum.i32"] = 0x11,
        ["max.i64"] = 0x20,
        ["max.span"] = 0x20,
        ["max.i32"] = 0x21,
        ["max.f64"] = 0x22,
        ["max.time"] = 0x23,
        ["min.i64"] = 0x30,
        ["min.span"] = 0x30,
        ["min.i32"] = 0x31,
        ["min.f64"] = 0x32,
        ["min.time"] = 0x33,
        ["window.utf8"] = WindowKind,
        ["window.i64"] = 0x41,
        ["window.guid"] = 0x42,
        ["distinct.utf8"] = DistinctKind,
        ["distinct.i64"] = DistinctKind,
        ["distinct.guid"] = DistinctKind,
        ["sum.f64"] = 0x60,
        ["average.i64"] = 0x61,
        ["average.dec"] = 0x61,
        ["list.last.utf8"] = 0x40,
        ["list.last.i64"] = 0x41,
        ["list.last.guid"] = 0x42,
        ["last.utf8"] = 0x40,
        ["last.i64"] = 0x41,
        ["last.i32"] = 0x44,
        ["last.f64"] = 0x41,
        ["last.time"] = 0x43,
        ["last.span"] = 0x41,
        ["last.guid"] = 0x42,
        ["score.utf8"] = 0x80,
        ["score.i64"] = 0x81,
        ["score.guid"] = 0x82,
        ["list.first.utf8"] = 0x90,
        ["list.first.i64"] = 0x91,
        ["list.first.guid"] = 0x92,
        ["first.utf8"] = 0x90,
        ["first.i64"] = 0x91,
        ["first.i32"] = 0x94,
        ["first.f64"] = 0x91,
        ["first.time"] = 0x93,
        ["first.span"] = 0x91,
        ["first.guid"] = 0x92,
        ["histogram"] = HistogramKind,
        ["set.utf8"] = 0xA0,
        ["set.i64"] = 0xA1,
        ["set.guid"] = 0xA2,
        ["opaque"] = OpaqueKind,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // The fields of a map's keys, in the order of their numbers in the kinds of maps.
    private static readonly byte[] MapValueKinds = [WideSumKind, 0x11, 0x60, 0x61, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33];

    private const byte WindowKind = 0x40;
    private const byte DistinctKind = 0x50;
    private const byte HistogramKind = 0x70;
    private const byte WideMapKind = 0xB0;
    private const byte MapKind = 0xC0;
    private const byte OpaqueKind = 0xF0;

    // What a wide map's parameter says beside the capacity: which of the descriptions behind the fields is that of its values.
    private const int WideMapStep = 1024;

    /// <summary>
    /// The descriptor of a schema: <see cref="FieldBytes"/> for each field, in order, then as many for what each wide map keeps. A wide map is one whose
    /// values have another kind than a map's own can name.
    /// </summary>
    /// <exception cref="NotSupportedException">The schema has a field kind or a parameter that is not known.</exception>
    public static byte[] For(AggregateSchema schema)
    {
        // Refuses what it does not know, as the merger of the other coordinators does.
        _ = RecordMerger.For(schema);
        FieldSchema[] wide = [.. schema.Fields.Where(static field => IsWideMap(KindOf(field)))];
        byte[] descriptor = new byte[(schema.Fields.Length + wide.Length) * FieldBytes];
        int next = 0;
        for (int i = 0; i < schema.Fields.Length; i++)
        {
            FieldSchema field = schema.Fields[i];
            Write(descriptor, i, KindOf(field), field.Parameter + (IsWideMap(KindOf(field)) ? WideMapStep * next++ : 0));
        }

        for (int i = 0; i < wide.Length; i++)
            Write(descriptor, schema.Fields.Length + i, Kinds[FieldMergers.ValueKindOf(wide[i].Kind)!], wide[i].ValueParameter);
        return descriptor;
    }

    private static void Write(Span<byte> descriptor, int index, byte kind, int parameter)
    {
        descriptor[index * FieldBytes] = kind;
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor[((index * FieldBytes) + 1)..], checked((ushort)parameter));
    }

    private static bool IsWideMap(byte kind) => (kind & 0xF0) == WideMapKind;

    /// <summary>
    /// True for a field that may take kilobytes: a sketch, a histogram, a wide map, an opaque state, or a collection of more than <see cref="MaxSmallCollection"/>. A resource's large fields are stored as a record of their own, so that
    /// deltas without them do not rewrite them. Merging a resource's two records gives the whole one.
    /// </summary>
    /// <exception cref="NotSupportedException">The field's kind is not known.</exception>
    public static bool IsLarge(FieldSchema field)
    {
        byte kind = KindOf(field);
        return kind is DistinctKind or HistogramKind or OpaqueKind || IsWideMap(kind) || (kind >= WindowKind && field.Parameter > MaxSmallCollection);
    }

    private static byte KindOf(FieldSchema field) =>
        Kinds.TryGetValue(field.Kind, out byte kind) || TryGetMapKind(field.Kind, out kind) ? kind : throw new NotSupportedException($"Field '{field.Name}' is of the kind '{field.Kind}', which this version does not know.");

    // The high four bits of a map's kind say what its keys are, the low four what their fields are; those of a wide one say only what its keys are.
    private static bool TryGetMapKind(string name, out byte kind)
    {
        kind = 0;
        if (FieldMergers.ValueKindOf(name) is not { } of)
            return false;
        int keys = Array.IndexOf(["utf8", "i64", "guid"], name.Split('.', 3)[1]);
        int values = Array.IndexOf(MapValueKinds, Kinds[of]);
        kind = (byte)(values < 0 ? WideMapKind + keys : MapKind + (keys << 4) + values);
        return true;
    }
}
