using System.Globalization;

namespace Sluice.Cli.Arguments;

/// <summary>Counts as people type them: <c>100000</c>, <c>100,000</c>, <c>100_000</c>, <c>100k</c>, <c>2M</c>, <c>1G</c>.</summary>
internal static class CountText
{
    public static bool TryParse(string text, out long count)
    {
        count = 0;
        long factor = text is [.., 'k' or 'K'] ? 1_000 : text is [.., 'm' or 'M'] ? 1_000_000 : text is [.., 'g' or 'G'] ? 1_000_000_000 : 1;
        string digits = (factor == 1 ? text : text[..^1]).Replace(",", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count > long.MaxValue / factor)
            return false;
        count *= factor;
        return true;
    }
}
