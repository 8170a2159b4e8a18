using System.Globalization;
using System.Text;

namespace Sluice.Cli.Arguments;

/// <summary>Durations as people type them: <c>30m</c>, <c>1h30m</c>, <c>90s</c>, <c>500ms</c>, <c>2d</c>, <c>none</c>.</summary>
internal static class DurationText
{
    /// <summary>What is accepted, in words.</summary>
    public const string Range = "1ms to 3650d, such as 30m, 1h30m or 90s, or none";

    private static readonly (string Name, long Ticks)[] Units =
    [
        ("d", TimeSpan.TicksPerDay), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>Reads a duration; null is <c>none</c>. Units stand largest first, each at most once.</summary>
    public static bool TryParse(string text, out TimeSpan? duration)
    {
        duration = null;
        if (text.Equals("none", StringComparison.OrdinalIgnoreCase))
            return true;
        long ticks = 0;
        int next = 0, at = 0;
        while (at < text.Length)
        {
            int digits = at;
            while (digits < text.Length && char.IsAsciiDigit(text[digits]))
                digits++;
            int unitEnd = digits;
            while (unitEnd < text.Length && char.IsAsciiLetter(text[unitEnd]))
                unitEnd++;
            if (!int.TryParse(text.AsSpan(at, digits - at), NumberStyles.None, CultureInfo.InvariantCulture, out int count))
                return false;
            string unit = text[digits..unitEnd];
            int index = Array.FindIndex(Units, next, u => u.Name.Equals(unit, StringComparison.OrdinalIgnoreCase));
            if (index < 0 || count > TimeSpan.FromDays(3650).Ticks / Units[index].Ticks)
                return false;
            ticks += count * Units[index].Ticks;
            next = index + 1;
            at = unitEnd;
        }

        duration = TimeSpan.FromTicks(ticks);
        return ticks > 0 && duration <= TimeSpan.FromDays(3650);
    }

    /// <summary>Writes what <see cref="TryParse"/> reads.</summary>
    public static string Of(TimeSpan? duration)
    {
        if (duration is not { } value)
            return "none";
        StringBuilder text = new();
        long left = value.Ticks;
        foreach ((string name, long ticks) in Units)
        {
            if (left / ticks is var count && count > 0)
                text.Append(CultureInfo.InvariantCulture, $"{count}{name}");
            left %= ticks;
        }

        return text.Length == 0 ? "0s" : text.ToString();
    }
}
