using System.Globalization;

namespace Sluice.Samples.Purchases;

/// <summary>One event: somebody has bought something.</summary>
/// <param name="Position">
/// Its place in its source, 1 or higher: the same in every delivery of it, and of no other event. A stream's entries have one, their id. A queue's messages have none: their publisher numbers them.
/// </param>
/// <param name="Customer">Who.</param>
/// <param name="Cents">For how much.</param>
public readonly record struct Purchase(long Position, string Customer, long Cents);

/// <summary>The id of a stream's entry, and its form as a number that grows in the same order: 43 bits of milliseconds, which last until the year 2248, and 20 of the number within one.</summary>
/// <param name="Milliseconds">When the entry was added, by the server's clock.</param>
/// <param name="Sequence">Its number within that millisecond.</param>
public readonly record struct StreamId(long Milliseconds, long Sequence)
{
    private const int SequenceBits = 20;

    /// <summary>As a number.</summary>
    public long Position => (Milliseconds << SequenceBits) | Sequence;

    /// <summary>Reads <c>1526919030474-55</c>.</summary>
    /// <exception cref="FormatException">It is no id, or one that has no number.</exception>
    public static StreamId Parse(string text)
    {
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash > 0 && long.TryParse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out long milliseconds) &&
            long.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long sequence) && milliseconds >> (63 - SequenceBits) == 0 && sequence >> SequenceBits == 0)
        {
            return new StreamId(milliseconds, sequence);
        }

        throw new FormatException($"'{text}' is no id of an entry, or its parts are beyond 43 and {SequenceBits} bits.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Milliseconds}-{Sequence}");
}
