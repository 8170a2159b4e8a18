using System.Buffers;

namespace Sluice.Samples.Purchases;

/// <summary>
/// A set of purchases. Merging is union, and union does not care how often, in which order or from which process a purchase comes: an event that was merged, flushed and not acknowledged is delivered again after a
/// crash, is merged again, and changes nothing.
/// </summary>
/// <remarks>
/// Written as differences of positions and amounts, 7 bits to a byte: 4 to 8 bytes a purchase. A state may take 64 KiB, so a session should end before it has some 8,000 purchases of one customer;
/// <see cref="EngineOptions.HardSession"/> says when.
/// </remarks>
public sealed class CountedPurchases : IOpaqueState<CountedPurchases>
{
    private readonly (long Position, long Cents)[] _purchases;

    private CountedPurchases((long Position, long Cents)[] purchases) => _purchases = purchases;

    /// <summary>Nothing was bought.</summary>
    public static CountedPurchases Empty { get; } = new([]);

    /// <summary>The purchases by position.</summary>
    public IReadOnlyList<(long Position, long Cents)> Items => _purchases;

    /// <summary>One purchase.</summary>
    public static CountedPurchases Of(Purchase purchase) => new([(purchase.Position, purchase.Cents)]);

    /// <summary>The union.</summary>
    public static CountedPurchases Merge(CountedPurchases earlier, CountedPurchases later)
    {
        (long Position, long Cents)[] one = earlier._purchases, other = later._purchases;
        List<(long Position, long Cents)> union = new(one.Length + other.Length);
        int i = 0, j = 0;
        while (i < one.Length && j < other.Length)
        {
            int order = one[i].Position.CompareTo(other[j].Position);
            union.Add(order <= 0 ? one[i] : other[j]);
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        union.AddRange(one.AsSpan(i));
        union.AddRange(other.AsSpan(j));
        return new CountedPurchases([.. union]);
    }

    /// <summary>Equal sets are equal bytes: they are in the order of their positions.</summary>
    public static void Write(CountedPurchases state, IBufferWriter<byte> output)
    {
        long before = 0;
        foreach ((long position, long cents) in state._purchases)
        {
            WriteNumber((ulong)(position - before), output);
            WriteNumber((ulong)((cents << 1) ^ (cents >> 63)), output); // refunds are negative
            before = position;
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static CountedPurchases Read(ReadOnlySpan<byte> bytes)
    {
        List<(long Position, long Cents)> purchases = [];
        long position = 0;
        while (!bytes.IsEmpty)
        {
            position += (long)ReadNumber(ref bytes);
            ulong cents = ReadNumber(ref bytes);
            purchases.Add((position, (long)(cents >> 1) ^ -(long)(cents & 1)));
        }

        return new CountedPurchases([.. purchases]);
    }

    private static void WriteNumber(ulong value, IBufferWriter<byte> output)
    {
        Span<byte> span = output.GetSpan(10);
        int length = 0;
        for (; value > 0x7F; value >>= 7)
            span[length++] = (byte)(value | 0x80);
        span[length++] = (byte)value;
        output.Advance(length);
    }

    private static ulong ReadNumber(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; ; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] > 0x7F)
                continue;
            bytes = bytes[(i + 1)..];
            return value;
        }
    }
}
