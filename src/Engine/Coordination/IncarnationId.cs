using System.Globalization;
using System.Text.Unicode;

namespace Sluice.Coordination;

/// <summary>
/// One life of one engine in one partition. The server's time of its issue lets a partition tell a stranger that is new from one whose tombstone has
/// been purged; 96 random bits keep two engines of one process, or two copies of one virtual machine, apart.
/// </summary>
/// <param name="IssuedAt">Server time of issue, in microseconds since the Unix epoch.</param>
/// <param name="High">The upper 32 random bits.</param>
/// <param name="Low">The lower 64 random bits.</param>
internal readonly record struct IncarnationId(long IssuedAt, uint High, ulong Low) : IComparable<IncarnationId>
{
    public bool IsNone => this == default;

    public int CompareTo(IncarnationId other)
    {
        int order = IssuedAt.CompareTo(other.IssuedAt);
        if (order == 0)
            order = High.CompareTo(other.High);
        return order != 0 ? order : Low.CompareTo(other.Low);
    }

    /// <summary>The most bytes that <see cref="Write"/> writes.</summary>
    public const int MaxLength = 16 + 1 + 24;

    /// <summary>Writes what <see cref="ToString"/> returns.</summary>
    /// <returns>How many bytes.</returns>
    public int Write(Span<byte> destination) =>
        Utf8.TryWrite(destination, CultureInfo.InvariantCulture, $"{IssuedAt:x}-{High:x8}{Low:x16}", out int written)
            ? written
            : throw new ArgumentException($"An incarnation takes up to {MaxLength} bytes.", nameof(destination));

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static IncarnationId Parse(ReadOnlySpan<char> text)
    {
        int dash = text.IndexOf('-');
        if (dash < 0 || text.Length != dash + 1 + 24)
            throw new FormatException($"'{text}' names no incarnation.");
        return new IncarnationId(
            long.Parse(text[..dash], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            uint.Parse(text.Slice(dash + 1, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            ulong.Parse(text[(dash + 9)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{IssuedAt:x}-{High:x8}{Low:x16}");
}
