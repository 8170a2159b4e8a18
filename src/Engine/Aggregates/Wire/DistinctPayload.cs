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

    /// <summary>The most registers that are written sparsely.</summary>
    public const int MaxSparse = (DenseBytes / SparseBytes) - 1;

    public static bool IsDense(ReadOnlySpan<byte> payload) => payload.Length == DenseBytes;

    /// <summary>A sparse entry: the register in the high bits, the rank in the low six.</summary>
    public static int ReadSparse(ReadOnlySpan<byte> bytes) => (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];

    public static void WriteSparse(Span<byte> bytes, int entry)
    {
        bytes[0] = (byte)(entry >> 16);
        bytes[1] = (byte)(entry >> 8);
        bytes[2] = (byte)entry;
    }

    /// <summary>Four registers of the dense form: three bytes, the first register in the lowest bits.</summary>
    public static int ReadFour(ReadOnlySpan<byte> dense, int firstRegister)
    {
        int at = firstRegister / 4 * 3;
        return dense[at] | (dense[at + 1] << 8) | (dense[at + 2] << 16);
    }

    public static void WriteFour(Span<byte> dense, int firstRegister, int four)
    {
        int at = firstRegister / 4 * 3;
        dense[at] = (byte)four;
        dense[at + 1] = (byte)(four >> 8);
        dense[at + 2] = (byte)(four >> 16);
    }

    /// <summary>Raises one register of the dense form to the entry's rank.</summary>
    public static void Raise(Span<byte> dense, int entry)
    {
        int register = entry >> 6;
        int shift = register % 4 * 6;
        int four = ReadFour(dense, register - (register % 4));
        if (((four >> shift) & 63) < (entry & 63))
            WriteFour(dense, register - (register % 4), (four & ~(63 << shift)) | ((entry & 63) << shift));
    }

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
            for (int register = 0; register < HyperLogLog.Registers; register += 4)
            {
                int four = ReadFour(payload, register);
                ranks[four & 63]++;
                ranks[(four >> 6) & 63]++;
                ranks[(four >> 12) & 63]++;
                ranks[four >> 18]++;
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

    private static bool IsCanonicalDense(ReadOnlySpan<byte> payload)
    {
        Span<int> ranks = stackalloc int[64];
        CountRanks(payload, ranks);
        for (int rank = HyperLogLog.MaxRank + 1; rank < ranks.Length; rank++)
        {
            if (ranks[rank] != 0)
                return false;
        }

        return HyperLogLog.Registers - ranks[0] > MaxSparse;
    }
}
