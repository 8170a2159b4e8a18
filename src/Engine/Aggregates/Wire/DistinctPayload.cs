using System.Buffers.Binary;
using System.Numerics;
using Sluice.Aggregates.Distinct;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// Registers on the wire. Up to <see cref="MaxSparse"/> of them that are not zero: each as 3 bytes, ascending. More: all of them as Redis packs
/// them, 6 bits each. The dense form is as long as one sparse entry more than allowed would be, so the length alone tells which form it is, and
/// the shorter one is always taken.
/// </summary>
internal static class DistinctPayload
{
    /// <summary>The length of one sparse entry: register * 64 + rank, big-endian.</summary>
    public const int SparseBytes = 3;

    /// <summary>The length of the dense form.</summary>
    public const int DenseBytes = HyperLogLog.Registers * 6 / 8;

    /// <summary>How many registers are read at once.</summary>
    public const int Lanes = 8;

    /// <summary>The most registers that are written sparsely.</summary>
    public const int MaxSparse = (DenseBytes / SparseBytes) - 1;

    private const int LanesBytes = Lanes * 6 / 8;

    // In eight registers of six bits: bit 0 of each, the even ones whole, and the bit above each even one.
    private const ulong LowestBits = 0x0410_4104_1041;
    private const ulong EvenLanes = 0x03F0_3F03_F03F;
    private const ulong FreeBits = 0x0400_4004_0040;

    public static bool IsDense(ReadOnlySpan<byte> payload) => payload.Length == DenseBytes;

    /// <summary>A sparse entry: the register in the high bits, the rank in the low six.</summary>
    public static int ReadSparse(ReadOnlySpan<byte> bytes) => (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];

    public static void WriteSparse(Span<byte> bytes, int entry)
    {
        bytes[0] = (byte)(entry >> 16);
        bytes[1] = (byte)(entry >> 8);
        bytes[2] = (byte)entry;
    }

    /// <summary>Eight registers of the dense form: six bytes, the first register in the lowest bits.</summary>
    public static ulong ReadEight(ReadOnlySpan<byte> dense, int firstRegister)
    {
        ReadOnlySpan<byte> six = dense.Slice(firstRegister / Lanes * LanesBytes, LanesBytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(six) | ((ulong)BinaryPrimitives.ReadUInt16LittleEndian(six[sizeof(uint)..]) << 32);
    }

    public static void WriteEight(Span<byte> dense, int firstRegister, ulong eight)
    {
        Span<byte> six = dense.Slice(firstRegister / Lanes * LanesBytes, LanesBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(six, (uint)eight);
        BinaryPrimitives.WriteUInt16LittleEndian(six[sizeof(uint)..], (ushort)(eight >> 32));
    }

    /// <summary>Raises one register of the dense form to the entry's rank.</summary>
    public static void Raise(Span<byte> dense, int entry)
    {
        int register = entry >> 6;
        int first = register - (register % Lanes);
        int shift = (register - first) * 6;
        ulong eight = ReadEight(dense, first);
        if ((int)((eight >> shift) & 63) < (entry & 63))
            WriteEight(dense, first, (eight & ~(63UL << shift)) | ((ulong)(entry & 63) << shift));
    }

    /// <summary>The higher rank of each of eight registers.</summary>
    public static ulong MaxOfEight(ulong a, ulong b) => MaxOfFour(a & EvenLanes, b & EvenLanes) | (MaxOfFour((a >> 6) & EvenLanes, (b >> 6) & EvenLanes) << 6);

    /// <summary>True when the payload is the one form of some non-empty set of registers.</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> payload) => IsDense(payload) ? IsCanonicalDense(payload) : IsCanonicalSparse(payload);

    /// <summary>Counts the registers of a canonical payload by rank.</summary>
    /// <param name="payload">The payload; empty means no register.</param>
    /// <param name="ranks">Gets the counts; as long as there are ranks, zero included.</param>
    public static void CountRanks(ReadOnlySpan<byte> payload, Span<int> ranks)
    {
        ranks.Clear();
        if (IsDense(payload))
        {
            for (int register = 0; register < HyperLogLog.Registers; register += Lanes)
            {
                ulong eight = ReadEight(payload, register);
                for (int i = 0; i < Lanes; i++)
                    ranks[(int)(eight >> (6 * i)) & 63]++;
            }

            return;
        }

        ranks[0] = HyperLogLog.Registers - (payload.Length / SparseBytes);
        for (; !payload.IsEmpty; payload = payload[SparseBytes..])
            ranks[payload[2] & 63]++;
    }

    private static bool IsCanonicalSparse(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty || payload.Length > MaxSparse * SparseBytes || payload.Length % SparseBytes != 0)
            return false;
        int previous = -1;
        for (; !payload.IsEmpty; payload = payload[SparseBytes..])
        {
            int entry = ReadSparse(payload);
            int register = entry >> 6;
            if (register <= previous || register >= HyperLogLog.Registers || (entry & 63) is 0 or > HyperLogLog.MaxRank)
                return false;
            previous = register;
        }

        return true;
    }

    // A coordinator checks whole sketches with every delta, so eight registers are looked at at once. A rank is beyond 51 exactly when its bits 5
    // and 4 are set, and 3 or 2.
    private static bool IsCanonicalDense(ReadOnlySpan<byte> payload)
    {
        int raised = 0;
        ulong impossible = 0;
        for (int register = 0; register < HyperLogLog.Registers; register += Lanes)
        {
            ulong eight = ReadEight(payload, register);
            impossible |= (eight >> 5) & (eight >> 4) & ((eight >> 3) | (eight >> 2));
            ulong any = eight | (eight >> 1);
            any |= any >> 2;
            any |= eight >> 4;
            any |= eight >> 5;
            raised += BitOperations.PopCount(any & LowestBits);
        }

        return raised > MaxSparse && (impossible & LowestBits) == 0;
    }

    // Four ranks with six free bits above each. Subtracting from a rank whose next bit is set leaves that bit exactly where nothing was borrowed:
    // where a is at least b. Such a bit less itself shifted down covers the rank with ones.
    private static ulong MaxOfFour(ulong a, ulong b)
    {
        ulong atLeast = ((a | FreeBits) - b) & FreeBits;
        ulong chosen = atLeast - (atLeast >> 6);
        return (a & chosen) | (b & ~chosen);
    }
}
