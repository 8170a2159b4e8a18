using Sluice.Cli.Input;
using Sluice.Hashing;

namespace Sluice.Cli.Sessions;

/// <summary>
/// Gives the same string for the same bytes while they are popular, so that a hot page costs no allocation. Direct-mapped and bounded: a page that
/// falls on the slot of another replaces it. Belongs to one thread.
/// </summary>
internal sealed class PageNames
{
    private const int Slots = 4096;
    private const int LongestKept = 256;

    /// <summary>Longer pages are cut: web servers refuse such request lines, so they are noise, and they would be kept ten to a session.</summary>
    public const int LongestPage = 8192;

    private readonly (byte[] Bytes, string Text)[] _slots = new (byte[], string)[Slots];

    public string Get(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestKept)
            return bytes.Length > LongestPage ? LogText.Of(bytes[..LongestPage]) + "…" : LogText.Of(bytes);
        ref (byte[] Bytes, string Text) slot = ref _slots[XxHash64.Hash(bytes) & (Slots - 1)];
        if (slot.Text is null || !bytes.SequenceEqual(slot.Bytes))
            slot = (bytes.ToArray(), LogText.Of(bytes));
        return slot.Text;
    }
}
