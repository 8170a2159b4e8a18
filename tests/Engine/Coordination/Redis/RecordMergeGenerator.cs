using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Sluice.Aggregates;
using Sluice.Aggregates.Distinct;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Random canonical records of any schema, with the edges of every kind more often than chance would bring them, and damage to them.</summary>
internal sealed class RecordMergeGenerator(int seed)
{
    private static readonly long[] Edges =
    [
        1, -1, 255, 256, -256, int.MaxValue, int.MinValue, int.MaxValue - 1L, int.MinValue + 1L, uint.MaxValue, 1L << 32, -(1L << 32), (1L << 32) + 1,
        (1L << 30) - 1, 1L << 30, -(1L << 30), (1L << 51) - 1, (1L << 52) - 1, 1L << 52, -(1L << 52), (1L << 52) + 1, (1L << 53) - 1, 1L << 53, (1L << 53) + 1, -(1L << 53),
        -(1L << 53) - 1, -(1L << 53) + 1, long.MaxValue, long.MaxValue - 1, long.MinValue, long.MinValue + 1, 1L << 62, -(1L << 62),
    ];

    private static readonly string[] Texts = ["", "/", "/index.html", "/ünïcode/€/😀", "\uE000", "\uFFFD", "\u07FF\u0800", "a\0b", "\uD7FF", "\U0010FFFF", new('x', 200)];

    private readonly Random _random = new(seed);

    public Random Random => _random;

    public byte[] Record(AggregateSchema schema, double presence = 0.7)
    {
        ArrayBufferWriter<byte> output = new();
        for (int i = 0; i < schema.Fields.Length; i++)
        {
            if (_random.NextDouble() >= presence)
                continue;
            byte[] payload = Payload(schema.Fields[i]);
            payload.CopyTo(FieldFrame.Append(output, i, payload.Length));
        }

        return output.WrittenSpan.ToArray();
    }

    public byte[] Payload(FieldSchema field) => field.Kind.Split('.') switch
    {
        ["sum", "f64"] => DoubleSum(),
        ["sum", var type] => Sum(type),
        ["average", _] => Average(),
        ["max" or "min", var type] => Extremum(type),
        ["window", var type] => Window(type, field.Parameter, Ticks),
        ["score", var type] => Window(type, field.Parameter, () => DoubleOrdinal.ToOrdinal(Double())),
        [.. ["list"] or [], "first", var type] => Window(type, field.Parameter, () => ~Ticks()),
        [.. ["list"] or [], "last", var type] => Window(type, field.Parameter, Ticks),
        ["set", var type] => Entries(type, field.Parameter, value: null),
        ["map", var type, "sum", var of] => Entries(type, field.Parameter, () => _random.Next(6) == 0 ? [] : Payload(new FieldSchema("V", $"sum.{of}", field.ValueParameter))),
        ["map", var type, .. var of] => Entries(type, field.Parameter, () => Payload(new FieldSchema("V", string.Join('.', of), field.ValueParameter))),
        ["histogram"] => Buckets(field.Parameter),
        ["opaque"] => Deltas(),
        _ => Registers(),
    };

    /// <summary>Changes, drops, adds or cuts off a few bytes; one in four results is not damaged much: a frame may still be whole.</summary>
    public byte[] Damage(byte[] record)
    {
        List<byte> bytes = [.. record];
        for (int i = 1 + _random.Next(3); i > 0; i--)
        {
            int at = _random.Next(bytes.Count + 1);
            switch (_random.Next(6))
            {
                case 0 or 1 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 2 when at < bytes.Count:
                    bytes[at] = (byte)(_random.Next(2) == 0 ? 0 : 255);
                    break;
                case 3 when at < bytes.Count:
                    bytes.RemoveAt(at);
                    break;
                case 4:
                    bytes.Insert(at, (byte)_random.Next(256));
                    break;
                default:
                    if (_random.Next(3) == 0)
                        bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private byte[] Sum(string type)
    {
        byte[] payload = new byte[sizeof(long)];
        long value;
        do
            value = Integer(type == "i32");
        while (value == 0);
        BinaryPrimitives.WriteInt64LittleEndian(payload, value);
        return payload;
    }

    private byte[] DoubleSum()
    {
        byte[] payload = new byte[sizeof(double)];
        double value;
        do
            value = Double();
        while (value == 0 || !double.IsFinite(value));
        BinaryPrimitives.WriteDoubleLittleEndian(payload, value);
        return payload;
    }

    private byte[] Average()
    {
        byte[] payload = new byte[AverageMerger.PayloadBytes];
        AverageMerger.Write(payload, Integer(isNarrow: false), Math.Max(1, _random.Next(3) == 0 ? Integer(isNarrow: false) : _random.Next(1000)));
        return payload;
    }

    private long Integer(bool isNarrow)
    {
        long value = _random.Next(4) switch
        {
            0 => Edges[_random.Next(Edges.Length)],
            1 => _random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64),
            _ => _random.Next(-1000, 1000),
        };
        return isNarrow ? (long)Math.Clamp((decimal)value, int.MinValue, int.MaxValue) : value;
    }

    private byte[] Extremum(string type)
    {
        long ordinal = type switch
        {
            "i32" => Integer(isNarrow: true),
            "f64" => DoubleOrdinal.ToOrdinal(Double()),
            "time" => Ticks(),
            _ => Integer(isNarrow: false),
        };
        byte[] payload = new byte[ExtremumPayload.Bytes];
        ExtremumPayload.Write(payload, ordinal);
        return payload;
    }

    private double Double() => _random.Next(3) switch
    {
        0 => new[] { 0.0, -0.0, double.Epsilon, -double.Epsilon, double.MaxValue, double.MinValue, double.PositiveInfinity, double.NegativeInfinity }[_random.Next(8)],
        1 => _random.NextDouble() * (_random.Next(2) == 0 ? 1.7e308 : 1e-300) * (_random.Next(2) == 0 ? 1 : -1),
        _ => _random.Next(-5, 5),
    };

    private long Ticks() => _random.Next(4) switch
    {
        0 => 0,
        1 => DateTimeOffset.MaxValue.UtcTicks - _random.Next(3),
        2 => _random.NextInt64(DateTimeOffset.MaxValue.UtcTicks),
        _ => _random.Next(4),
    };

    private byte[] Window(string type, int size, Func<long> rank)
    {
        // Few different identities, so that both sides often have the same one, sometimes with different values.
        HashSet<ContributionIdentity> identities = [];
        int count = Math.Min(size, 1 + _random.Next(_random.Next(8) == 0 ? size : Math.Min(size, 6)));
        for (int i = 0; i < count; i++)
            identities.Add(new ContributionIdentity(rank(), (ulong)_random.Next(3) << (_random.Next(2) * 62), Integer(isNarrow: false)));
        ArrayBufferWriter<byte> output = new();
        foreach (ContributionIdentity identity in identities.OrderDescending())
        {
            byte[] value = Element(type);
            Span<byte> element = output.GetSpan(ContributionIdentity.Bytes + Varint.MaxBytes + value.Length);
            identity.Write(element);
            int start = ContributionIdentity.Bytes + Varint.Write(element[ContributionIdentity.Bytes..], value.Length);
            value.CopyTo(element[start..]);
            output.Advance(start + value.Length);
        }

        return output.WrittenSpan.ToArray();
    }

    // Few different keys, of which some share a hash that is not theirs: a merger compares keys then.
    private byte[] Entries(string type, int capacity, Func<byte[]>? value)
    {
        SortedDictionary<(ulong Hash, string Key), byte[]> entries = [];
        int count = Math.Min(capacity, 1 + _random.Next(_random.Next(8) == 0 ? capacity : Math.Min(capacity, 6)));
        for (int i = 0; i < count; i++)
        {
            byte[] key = Element(type);
            ulong hash = _random.Next(3) == 0 ? (ulong)_random.Next(3) << (_random.Next(2) * 62) : MurmurHash64A.Hash(key);
            byte[] entry = [.. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(hash)), .. Length(key), .. key];
            if (value is not null)
            {
                byte[] payload = value();
                entry = [.. entry, .. Length(payload), .. payload];
            }

            entries[(hash, Convert.ToHexString(key))] = entry;
        }

        return [.. entries.OrderBy(static entry => entry.Key.Hash).ThenBy(static entry => entry.Key.Key, StringComparer.Ordinal).SelectMany(static entry => entry.Value)];

        static byte[] Length(byte[] bytes)
        {
            byte[] length = new byte[Varint.MaxBytes];
            return length[..Varint.Write(length, bytes.Length)];
        }
    }

    private byte[] Buckets(int precision)
    {
        SortedDictionary<int, long> buckets = [];
        int end = HistogramBuckets.CountOf(precision);
        bool isCrowded = _random.Next(10) == 0;
        for (int i = isCrowded ? 300 : 1 + _random.Next(8); i > 0; i--)
        {
            int index = _random.Next(4) switch { 0 => _random.Next(end), 1 => end - 1 - _random.Next(3), _ => _random.Next(Math.Min(end, isCrowded ? 1000 : 12)) };
            buckets[index] = _random.Next(5) switch { 0 => 1L << _random.Next(49), 1 => 127 + _random.Next(3), _ => 1 + _random.Next(200) };
        }

        if (_random.Next(6) == 0)
            buckets[buckets.Keys.First()] = HistogramPayload.MaxCount - buckets.Values.Skip(1).Sum();
        return [.. buckets.SelectMany(static bucket =>
        {
            byte[] bytes = new byte[HistogramPayload.SizeOf(bucket.Value)];
            HistogramPayload.Write(bytes, bucket.Key, bucket.Value);
            return bytes;
        })];
    }

    /// <summary>Few different identities, as in windows; lengths around the edges of their own length's form, and around the limits.</summary>
    private byte[] Deltas()
    {
        int count = _random.Next(10) == 0 ? _random.Next(500, OpaquePayload.MaxItems + 1) : 1 + _random.Next(6);
        HashSet<(ulong, long)> identities = [];
        while (identities.Count < count)
            identities.Add(((ulong)_random.Next(3) << (_random.Next(2) * 62), count > 6 ? _random.Next(8000) : _random.Next(20)));
        List<byte> payload = [];
        foreach ((ulong origin, long sequence) in identities)
        {
            byte[] content = new byte[_random.Next(16) switch { 0 => 0, 1 => 127 + _random.Next(2), 2 when count < 7 => OpaqueAttribute.MaxBytes - _random.Next(2), _ => _random.Next(12) }];
            _random.NextBytes(content);
            byte[] item = new byte[OpaquePayload.SizeOf(content.Length)];
            OpaquePayload.Write(item, new OpaqueItem(origin, sequence, content));
            payload.AddRange(item);
        }

        return [.. payload];
    }

    private byte[] Element(string type)
    {
        if (type == "utf8")
            return Encoding.UTF8.GetBytes(_random.Next(2) == 0 ? Texts[_random.Next(Texts.Length)] : $"/page/{_random.Next(1000)}");
        byte[] value = new byte[type == "guid" ? 16 : 8];
        if (type is "time" or "i32")
        {
            BinaryPrimitives.WriteInt64LittleEndian(value, type == "time" ? Ticks() : Integer(isNarrow: true));
            return value;
        }

        if (_random.Next(2) == 0)
            _random.NextBytes(value);
        return value;
    }

    private byte[] Registers()
    {
        int count = _random.Next(20) switch
        {
            0 => 4090 + _random.Next(12),
            1 => 4096 + _random.Next(HyperLogLog.Registers - 4095),
            2 => HyperLogLog.Registers,
            3 or 4 => 1 + _random.Next(4095),
            _ => 1 + _random.Next(30),
        };
        return Registers(count, _random.Next(3) == 0 ? 64 : HyperLogLog.Registers);
    }

    /// <summary>A payload of so many registers, taken from a few neighbouring ones (as far as they go) or from all.</summary>
    public byte[] Registers(int count, int among)
    {
        int[] registers = new int[Math.Max(count, among)];
        for (int i = 0; i < registers.Length; i++)
            registers[i] = i;
        _random.Shuffle(registers);
        int[] entries = [.. registers.Take(count).Select(register => (register * 64) + Rank()).Order()];
        byte[] payload = new byte[count > DistinctPayload.MaxSparse ? DistinctPayload.DenseBytes : count * DistinctPayload.SparseBytes];
        for (int i = 0; i < entries.Length; i++)
        {
            if (count > DistinctPayload.MaxSparse)
                DistinctPayload.Raise(payload, entries[i]);
            else
                DistinctPayload.WriteSparse(payload.AsSpan(i * DistinctPayload.SparseBytes), entries[i]);
        }

        return payload;
    }

    private int Rank() => _random.Next(50) == 0 ? _random.Next(1, HyperLogLog.MaxRank + 1) : 1 + int.TrailingZeroCount(_random.Next() | (1 << 30));
}
