using System.Buffers;

namespace Sluice.Aggregates.Wire;

/// <summary>Puts a payload into a record: the field's index, the payload's length, then the payload. Any thread; allocates only what the output does.</summary>
internal static class FieldFrame
{
    /// <summary>Writes the frame and returns the place of the payload, exactly <paramref name="payloadLength"/> bytes, already counted as written.</summary>
    public static Span<byte> Append(IBufferWriter<byte> output, int field, int payloadLength)
    {
        int length = 1 + Varint.SizeOf(payloadLength) + payloadLength;
        Span<byte> frame = output.GetSpan(length)[..length];
        frame[0] = (byte)field;
        int start = 1 + Varint.Write(frame[1..], payloadLength);
        output.Advance(length);
        return frame[start..];
    }
}
