using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Sluice.Coordination.Redis;

/// <summary>
/// The items of a batch as the flush script reads them: two arguments, whatever their number, because an argument of its own costs the server as much as the merge of a sum.
/// See flush.lua and keep.lua. Rented memory, given back by <see cref="Dispose"/>.
/// </summary>
/// <remarks>
/// The deltas that lanes send most are small sums of resources that stay held. Those are written as bare values, all of one width, without the frames around them: a script hashes every byte of a string.
/// </remarks>
internal readonly ref struct BatchArguments
{
    private const int MaxCounters = 8;
    private const int FrameBytes = 10;

    // Beyond 47 bits a value is written as the record that it is in: a script's numbers are exact up to 2^53, and the sum has to fit as well.
    private const int MaxWidth = 6;

    private const byte HoldsFlag = 1, ForceFlag = 2, CompactFlag = 128;

    private readonly byte[] _buffer;
    private readonly int _names;
    private readonly int _end;

    /// <param name="items">The items.</param>
    /// <param name="schema">The schema's descriptor.</param>
    /// <param name="endsByReference">Whether items can hold resources at all: without, none is compact.</param>
    public BatchArguments(ImmutableArray<BatchItem> items, ReadOnlySpan<byte> schema, bool endsByReference)
    {
        int counters = endsByReference ? CountersOf(schema) : 0;
        Span<long> values = stackalloc long[MaxCounters];
        values = values[..counters];
        int width = 1, names = 3, contents = 0;
        foreach (BatchItem item in items)
        {
            if (IsCompact(item, values))
                width = Math.Max(width, WidthOf(values));
            names += 2 + item.Resource.Bytes.Length;
            contents += Math.Max(5 + item.Delta.Length, 1 + (MaxWidth * counters));
        }

        _buffer = ArrayPool<byte>.Shared.Rent(names + contents);
        _names = names;
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer, checked((ushort)items.Length));
        _buffer[2] = (byte)width;
        int name = 3;
        _end = names;
        foreach (BatchItem item in items)
        {
            ReadOnlySpan<byte> resource = item.Resource.Bytes;
            BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(name), checked((ushort)resource.Length));
            resource.CopyTo(_buffer.AsSpan(name + 2));
            name += 2 + resource.Length;
            _end += IsCompact(item, values) ? WriteCompact(_buffer.AsSpan(_end), values, width) : WriteRecord(_buffer.AsSpan(_end), item);
        }
    }

    /// <summary>The number of items, the width of a compact value, and the names.</summary>
    public ReadOnlySpan<byte> Names => _buffer.AsSpan(0, _names);

    /// <summary>The items.</summary>
    public ReadOnlySpan<byte> Items => _buffer.AsSpan(_names, _end - _names);

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    /// <summary>How many sums of 64 bits an aggregate has, if it has one to eight and nothing else; otherwise 0.</summary>
    private static int CountersOf(ReadOnlySpan<byte> schema)
    {
        int count = schema.Length / SchemaDescriptor.FieldBytes;
        if (count > MaxCounters)
            return 0;
        for (int i = 0; i < count; i++)
        {
            if (schema[i * SchemaDescriptor.FieldBytes] != SchemaDescriptor.WideSumKind)
                return 0;
        }

        return count;
    }

    /// <summary>Reads the delta's values, 0 for those that it lacks. False for everything that is not as it should be: the script is to look at that as it is.</summary>
    private static bool IsCompact(BatchItem item, Span<long> values)
    {
        ReadOnlySpan<byte> delta = item.Delta.Span;
        if (values.IsEmpty || !item.Holds || item.Force || delta.IsEmpty || delta.Length % FrameBytes != 0)
            return false;
        values.Clear();
        int next = 0;
        for (; !delta.IsEmpty; delta = delta[FrameBytes..])
        {
            int index = delta[0];
            long value = BinaryPrimitives.ReadInt64LittleEndian(delta[2..]);
            if (index < next || index >= values.Length || delta[1] != sizeof(long) || value is 0 or <= -1L << 47 or >= 1L << 47)
                return false;
            values[index] = value;
            next = index + 1;
        }

        return true;
    }

    private static int WidthOf(ReadOnlySpan<long> values)
    {
        long magnitudes = 0;
        foreach (long value in values)
            magnitudes |= value ^ (value >> 63);
        return (64 - (int)long.LeadingZeroCount(magnitudes) + 8) / 8; // one bit more, for the sign
    }

    private static int WriteCompact(Span<byte> destination, ReadOnlySpan<long> values, int width)
    {
        destination[0] = CompactFlag | HoldsFlag;
        int at = 1;
        foreach (long value in values)
        {
            for (int i = 0; i < width; i++)
                destination[at++] = (byte)(value >> (8 * i));
        }

        return at;
    }

    private static int WriteRecord(Span<byte> destination, BatchItem item)
    {
        destination[0] = (byte)((item.Holds ? HoldsFlag : 0) | (item.Force ? ForceFlag : 0) | ((int)item.Reason << 2));
        BinaryPrimitives.WriteInt32LittleEndian(destination[1..], item.Delta.Length);
        item.Delta.Span.CopyTo(destination[5..]);
        return 5 + item.Delta.Length;
    }
}
