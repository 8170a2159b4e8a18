using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>Sums on the wire: one 64-bit integer, little-endian, never zero, within the range of the declared type.</summary>
internal sealed class SumMerger(long minimum, long maximum, int greatestParameter = 0) : IFieldMerger
{
    public const int PayloadBytes = sizeof(long);

    public static bool IsCanonical(ReadOnlySpan<byte> payload, long minimum, long maximum) =>
        payload.Length == PayloadBytes && BinaryPrimitives.ReadInt64LittleEndian(payload) is not 0 and long total && total >= minimum && total <= maximum;

    public bool Accepts(int parameter) => parameter >= 0 && parameter <= greatestParameter;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => IsCanonical(payload, minimum, maximum);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        Int128 sum = (Int128)BinaryPrimitives.ReadInt64LittleEndian(left) + BinaryPrimitives.ReadInt64LittleEndian(right);
        written = 0;
        if (sum < minimum || sum > maximum)
            return false;
        if (sum == 0)
            return true;
        BinaryPrimitives.WriteInt64LittleEndian(destination, (long)sum);
        written = PayloadBytes;
        return true;
    }
}
