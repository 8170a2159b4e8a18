using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>An ordinal as 8 bytes whose order as bytes is the order of the values: big-endian, with the sign bit flipped.</summary>
internal static class ExtremumPayload
{
    public const int Bytes = sizeof(long);

    public static void Write(Span<byte> destination, long ordinal) => BinaryPrimitives.WriteInt64BigEndian(destination, ordinal ^ long.MinValue);

    public static bool TryRead(ReadOnlySpan<byte> payload, out long ordinal)
    {
        bool complete = BinaryPrimitives.TryReadInt64BigEndian(payload, out ordinal) && payload.Length == Bytes;
        ordinal ^= long.MinValue;
        return complete;
    }
}
