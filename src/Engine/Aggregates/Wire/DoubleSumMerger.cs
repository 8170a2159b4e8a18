using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>Sums of doubles on the wire: 8 bytes, little-endian, finite and not zero. One addition of two doubles rounds alike everywhere.</summary>
internal sealed class DoubleSumMerger : IFieldMerger
{
    public const int PayloadBytes = sizeof(double);

    private DoubleSumMerger()
    {
    }

    public static DoubleSumMerger Instance { get; } = new();

    public static bool IsCanonical(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != PayloadBytes)
            return false;
        double total = BinaryPrimitives.ReadDoubleLittleEndian(payload);
        return total != 0 && double.IsFinite(total);
    }

    public bool Accepts(int parameter) => parameter == 0;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => IsCanonical(payload);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        double sum = BinaryPrimitives.ReadDoubleLittleEndian(left) + BinaryPrimitives.ReadDoubleLittleEndian(right);
        written = 0;
        if (!double.IsFinite(sum))
            return false;
        if (sum == 0)
            return true;
        BinaryPrimitives.WriteDoubleLittleEndian(destination, sum);
        written = PayloadBytes;
        return true;
    }
}
