using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// Histograms on the wire: each bucket that is not empty, ascending, as its index in 2 bytes, big-endian, and its count in 7 bits a byte. Together the
/// counts stay below 2^53, up to which a script's numbers are exact.
/// </summary>
internal ref struct HistogramPayload(ReadOnlySpan<byte> payload)
{
    public const long MaxCount = (1L << 53) - 1;

    public const int IndexBytes = sizeof(ushort);

    private const int MaxCountBytes = 8;

    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>The current bucket.</summary>
    public int Index { get; private set; } = -1;

    /// <summary>Its count.</summary>
    public long Count { get; private set; } = 0;

    /// <summary>True when everything was walked: false after <see cref="MoveNext"/> means a broken payload.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Moves to the next bucket; false at the end and at the first fault.</summary>
    public bool MoveNext()
    {
        if (_rest.Length <= IndexBytes)
            return false;
        long count = 0;
        for (int i = 0; i < MaxCountBytes && IndexBytes + i < _rest.Length; i++)
        {
            byte next = _rest[IndexBytes + i];
            count |= (long)(next & 0x7F) << (7 * i);
            if (next >= 0x80)
                continue;
            if (next == 0 || count > MaxCount)
                return false;
            Index = BinaryPrimitives.ReadUInt16BigEndian(_rest);
            Count = count;
            _rest = _rest[(IndexBytes + i + 1)..];
            return true;
        }

        return false;
    }

    /// <summary>True when the payload is the one form of some non-empty histogram.</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> payload, int precision, out int buckets, out long total)
    {
        HistogramPayload cursor = new(payload);
        int end = HistogramBuckets.CountOf(precision);
        int previous = -1;
        total = 0;
        for (buckets = 0; cursor.MoveNext(); buckets++)
        {
            total += cursor.Count;
            if (cursor.Index <= previous || cursor.Index >= end || total > MaxCount)
                return false;
            previous = cursor.Index;
        }

        return buckets > 0 && cursor.IsAtEnd;
    }

    public static int SizeOf(long count)
    {
        int size = IndexBytes + 1;
        for (long rest = count >> 7; rest != 0; rest >>= 7)
            size++;
        return size;
    }

    /// <summary>Writes a bucket and returns its size.</summary>
    public static int Write(Span<byte> destination, int index, long count)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)index);
        int size = IndexBytes;
        for (; count >= 0x80; count >>= 7)
            destination[size++] = (byte)(count | 0x80);
        destination[size] = (byte)count;
        return size + 1;
    }
}
