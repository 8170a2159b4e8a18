using System.Globalization;

namespace Sluice.Resp;

/// <summary>Where a server says that a key lives.</summary>
/// <param name="Slot">The cluster slot, 0 to 16383; -1 for a redirection that names none.</param>
/// <param name="Host">Name or address; empty: the host of the server that said so.</param>
/// <param name="Port">1 to 65535.</param>
public readonly record struct RespRedirection(int Slot, string Host, int Port)
{
    private const int Slots = 16384;

    /// <summary>Reads "3999 127.0.0.1:6381" (and variants that real servers send) or refuses: an address that isn't known is no redirection.</summary>
    internal static RespRedirection? Parse(ReadOnlySpan<char> text, bool hasSlot)
    {
        int slot = -1;
        text = text.TrimStart(' ');
        if (hasSlot)
        {
            int space = text.IndexOf(' ');
            if (space < 0 || !TryParse(text[..space], Slots - 1, out slot))
                return null;
            text = text[(space + 1)..].TrimStart(' ');
        }

        int end = text.IndexOf(' ');
        if (end >= 0)
            text = text[..end];

        // The last colon: an IPv6 address may come without brackets.
        int colon = text.LastIndexOf(':');
        if (colon < 0 || !TryParse(text[(colon + 1)..], ushort.MaxValue, out int port) || port == 0)
            return null;
        ReadOnlySpan<char> host = text[..colon];
        if (host is ['[', .. var inner, ']'])
            host = inner;
        return host is "?" ? null : new RespRedirection(slot, host.ToString(), port);
    }

    private static bool TryParse(ReadOnlySpan<char> digits, int max, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= max;
}
