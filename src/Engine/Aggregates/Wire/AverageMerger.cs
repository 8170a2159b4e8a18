using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>Averages on the wire: the sum, then the count, 8 bytes each, little-endian; the count is at least 1.</summary>
internal sealed class AverageMerger(int greatestParameter) : IFieldMerger
{
    public const int PayloadBytes = 2 * sizeof(long);

    public static bool TryRead(ReadOnlySpan<byte> payload, out long sum, out long count)
    {
        sum = count = 0;
        if (payload.Length != PayloadBytes)
            return false;
        sum = BinaryPrimitives.ReadInt64LittleEndian(payload);
        count = BinaryPrimitives.ReadInt64LittleEndian(payload[sizeof(long)..]);
        return count > 0;
    }

    public static void Write(Span<byte> destination, long sum, long count)
    {
        BinaryPrimitives.WriteInt64LittleEndian(destination, sum);
        BinaryPrimitives.WriteInt64LittleEndian(destination[sizeof(long)..], count);
    }

    public bool Accepts(int parameter) => parameter >= 0 && parameter <= greatestParameter;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => TryRead(payload, out _, out _);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        TryRead(left, out long leftSum, out long leftCount);
        TryRead(right, out long rightSum, out long rightCount);
        Int128 sum = (Int128)leftSum + rightSum;
        Int128 count = (Int128)leftCount + rightCount;
        written = 0;
        if (sum != (long)sum || count > long.MaxValue)
            return false;
        Write(destination, (long)sum, (long)count);
        written = PayloadBytes;
        return true;
    }
}
