using System.Buffers.Binary;
using System.Collections.Frozen;
using Sluice.Aggregates;

namespace Sluice.Coordination.Redis;

/// <summary>
/// An aggregate's schema as the scripts read it: 3 bytes for each field, its kind and its parameter. It holds what a merge depends on and nothing
/// else, since it travels with every call.
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
    private const byte MapKind = 0xC0;
    private const byte OpaqueKind = 0xF0;

    /// <summary>The descriptor of a schema: <see cref="FieldBytes"/> for each field, in order.</summary>
    /// <exception cref="NotSupportedException">The schema has a field kind or a parameter that is not known.</exception>
    public static byte[] For(AggregateSchema schema)
    {
        // Refuses what it does not know, as the merger of the other coordinators does.
        _ = RecordMerger.For(schema);
        byte[] descriptor = new byte[schema.Fields.Length * FieldBytes];
        for (int i = 0; i < schema.Fields.Length; i++)
        {
            Span<byte> field = descriptor.AsSpan(i * FieldBytes, FieldBytes);
            field[0] = KindOf(schema.Fields[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(field[1..], checked((ushort)schema.Fields[i].Parameter));
        }

        return descriptor;
    }

    /// <summary>
    /// True for a field that may take kilobytes: a sketch, a histogram, an opaque state, or a collection of more than <see cref="MaxSmallCollection"/>. A resource's large fields are stored as a record of their own, so that
    /// deltas without them do not rewrite them. Merging a resource's two records gives the whole one.
    /// </summary>
    /// <exception cref="NotSupportedException">The field's kind is not known.</exception>
    public static bool IsLarge(FieldSchema field)
    {
        byte kind = KindOf(field);
        return kind is DistinctKind or HistogramKind or OpaqueKind || (kind >= WindowKind && field.Parameter > MaxSmallCollection);
    }

    private static byte KindOf(FieldSchema field) =>
        Kinds.TryGetValue(field.Kind, out byte kind) || TryGetMapKind(field.Kind, out kind) ? kind : throw new NotSupportedException($"Field '{field.Name}' is of the kind '{field.Kind}', which this version does not know.");

    // The high four bits of a map's kind say what its keys are, the low four what their fields are.
    private static bool TryGetMapKind(string name, out byte kind)
    {
        string[] parts = name.Split('.', 3);
        int keys = parts is ["map", var key, _] ? Array.IndexOf(["utf8", "i64", "guid"], key) : -1;
        int values = keys >= 0 && Kinds.TryGetValue(parts[2], out byte value) ? Array.IndexOf(MapValueKinds, value) : -1;
        kind = values < 0 ? (byte)0 : (byte)(MapKind + (keys << 4) + values);
        return values >= 0;
    }
}
