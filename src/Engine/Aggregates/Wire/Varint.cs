namespace Sluice.Aggregates.Wire;

/// <summary>Lengths on the wire: unsigned LEB128 in its shortest form, at most <see cref="int.MaxValue"/>. Any thread; no allocation.</summary>
internal static class Varint
{
    /// <summary>The most bytes that a length takes.</summary>
    public const int MaxBytes = 5;

    public static int SizeOf(int value)
    {
        int size = 1;
        for (uint rest = (uint)value >> 7; rest != 0; rest >>= 7)
            size++;
        return size;
    }

    /// <summary>Writes the shortest form and returns its size.</summary>
    public static int Write(Span<byte> destination, int value)
    {
        uint rest = (uint)value;
        int size = 0;
        for (; rest >= 0x80; rest >>= 7)
            destination[size++] = (byte)(rest | 0x80);
        destination[size] = (byte)rest;
        return size + 1;
    }

    /// <summary>Takes a length off the front of <paramref name="bytes"/>; false when there is none, when a shorter form exists, or when it is out of range.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> bytes, out int value)
    {
        ulong result = 0;
        for (int i = 0; i < MaxBytes && i < bytes.Length; i++)
        {
            byte next = bytes[i];
            result |= (ulong)(next & 0x7F) << (7 * i);
            if (next >= 0x80)
                continue;

            // A last byte of zero adds nothing: the same length has a shorter form, and equal states must have equal bytes.
            bool canonical = (next != 0 || i == 0) && result <= int.MaxValue;
            value = canonical ? (int)result : 0;
            if (canonical)
                bytes = bytes[(i + 1)..];
            return canonical;
        }

        value = 0;
        return false;
    }
}
