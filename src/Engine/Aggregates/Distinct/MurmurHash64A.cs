using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Sluice.Aggregates.Distinct;

/// <summary>
/// MurmurHash64A (Austin Appleby, public domain) with the seed that Redis uses for HyperLogLog, so that the registers of both are equal. It is
/// part of the stored form and may never change.
/// </summary>
/// <remarks>The seed is public: who chooses the values can choose collisions, and thereby keep a count low. Any thread; no allocation.</remarks>
internal static class MurmurHash64A
{
    private const ulong Seed = 0xadc83b19;
    private const ulong Multiplier = 0xc6a4a7935bd1e995;
    private const int Shift = 47;
    private const int Block = sizeof(ulong);

    public static ulong Hash(ReadOnlySpan<byte> data)
    {
        ulong hash = Start(data.Length);
        return Finish(Blocks(hash, ref data), data);
    }

    /// <summary>Hashes the UTF-8 bytes of a text without making them all at once: the length of the text does not matter to the stack.</summary>
    public static ulong HashUtf8(ReadOnlySpan<char> text)
    {
        Span<byte> buffer = stackalloc byte[512];
        if (text.Length <= buffer.Length / 3)
        {
            Utf8.FromUtf16(text, buffer, out _, out int length);
            return Hash(buffer[..length]);
        }

        ulong hash = Start(Encoding.UTF8.GetByteCount(text));
        int carried = 0;
        while (!text.IsEmpty)
        {
            // The buffer always takes at least one more character, so that every turn makes progress.
            Utf8.FromUtf16(text, buffer[carried..], out int read, out int written);
            text = text[read..];
            ReadOnlySpan<byte> bytes = buffer[..(carried + written)];
            hash = Blocks(hash, ref bytes);
            carried = bytes.Length;
            bytes.CopyTo(buffer);
        }

        return Finish(hash, buffer[..carried]);
    }

    private static ulong Start(int length) => Seed ^ ((ulong)length * Multiplier);

    private static ulong Blocks(ulong hash, ref ReadOnlySpan<byte> data)
    {
        for (; data.Length >= Block; data = data[Block..])
        {
            ulong block = BinaryPrimitives.ReadUInt64LittleEndian(data) * Multiplier;
            block ^= block >> Shift;
            hash = (hash ^ (block * Multiplier)) * Multiplier;
        }

        return hash;
    }

    private static ulong Finish(ulong hash, ReadOnlySpan<byte> tail)
    {
        if (!tail.IsEmpty)
        {
            ulong rest = 0;
            for (int i = tail.Length - 1; i >= 0; i--)
                rest = (rest << 8) | tail[i];
            hash = (hash ^ rest) * Multiplier;
        }

        hash = (hash ^ (hash >> Shift)) * Multiplier;
        return hash ^ (hash >> Shift);
    }
}
