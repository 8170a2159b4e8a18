using System.Buffers.Text;

namespace Sluice.Cli.Input;

/// <summary>The timestamps that logs carry, as UTC ticks. Allocation-free; accepts years 1970 to 9998, so that arithmetic around them cannot overflow.</summary>
internal static class LogTimestamp
{
    /// <summary>Length of <c>17/May/2015:10:05:03 +0000</c>.</summary>
    public const int CommonLength = 26;

    private const long UnixEpochTicks = 621_355_968_000_000_000;

    /// <summary>Reads <c>17/May/2015:10:05:03 +0000</c>, exactly.</summary>
    public static bool TryParseCommon(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length != CommonLength || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':' || text[17] != ':' || text[20] != ' ')
            return false;
        int month = Month(text[3], text[4], text[5]);
        return month != 0
            && TwoDigits(text, 0, out int day)
            && TwoDigits(text, 7, out int century) && TwoDigits(text, 9, out int year)
            && TwoDigits(text, 12, out int hour) && TwoDigits(text, 15, out int minute) && TwoDigits(text, 18, out int second)
            && TryOffset(text[21..], out int offsetMinutes)
            && TryCompose((century * 100) + year, month, day, hour, minute, second, 0, offsetMinutes, out ticks);
    }

    /// <summary>
    /// Reads ISO 8601 with a <c>T</c> or a space, an optional fraction of up to seven used digits, and <c>Z</c>, <c>+01:00</c>, <c>+0100</c> or nothing
    /// (then UTC); also what <see cref="TryParseCommon"/> reads and a unix time in digits.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long ticks)
    {
        if (TryParseCommon(text, out ticks) || TryParseUnix(text, out ticks))
            return true;
        if (text.Length < 19 || text[4] != '-' || text[7] != '-' || text[10] is not ((byte)'T' or (byte)'t' or (byte)' ') || text[13] != ':' || text[16] != ':')
            return false;
        if (!TwoDigits(text, 0, out int century) || !TwoDigits(text, 2, out int year) || !TwoDigits(text, 5, out int month) || !TwoDigits(text, 8, out int day)
            || !TwoDigits(text, 11, out int hour) || !TwoDigits(text, 14, out int minute) || !TwoDigits(text, 17, out int second))
            return false;

        ReadOnlySpan<byte> rest = text[19..];
        long fraction = 0;
        if (!rest.IsEmpty && rest[0] is (byte)'.' or (byte)',')
        {
            int i = 1;
            long unit = TimeSpan.TicksPerSecond / 10;
            for (; i < rest.Length && char.IsAsciiDigit((char)rest[i]); i++, unit /= 10)
                fraction += (rest[i] - '0') * unit;
            if (i == 1)
                return false;
            rest = rest[i..];
        }

        int offsetMinutes = 0;
        if (!(rest.IsEmpty || (rest.Length == 1 && rest[0] is (byte)'Z' or (byte)'z')) && !TryOffset(rest, out offsetMinutes))
            return false;
        return TryCompose((century * 100) + year, month, day, hour, minute, second, fraction, offsetMinutes, out ticks);
    }

    /// <summary>
    /// Reads a unix time. The unit follows from the size: seconds (with a fraction, if any) up to 10^11, then milli-, micro- and nanoseconds; for
    /// every instant of 1973 to 5138 there is only one reading.
    /// </summary>
    public static bool TryParseUnix(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.IsEmpty || text.Length > 28 || !Utf8Parser.TryParse(text, out decimal value, out int consumed) || consumed != text.Length)
            return false;
        decimal perTick = value switch
        {
            < 0 => 0,
            < 1e11m => TimeSpan.TicksPerSecond,
            < 1e14m => TimeSpan.TicksPerMillisecond,
            < 1e17m => TimeSpan.TicksPerMicrosecond,
            < 1e20m => 0.01m,
            _ => 0,
        };
        if (perTick == 0)
            return false;
        decimal result = UnixEpochTicks + decimal.Floor(value * perTick);
        if (result >= new DateTime(9999, 1, 1).Ticks)
            return false;
        ticks = (long)result;
        return true;
    }

    private static bool TryCompose(int year, int month, int day, int hour, int minute, int second, long fraction, int offsetMinutes, out long ticks)
    {
        ticks = 0;

        // A second of 60 is a leap second: it is the first second of the next minute, as unix time has it.
        if (year is < 1970 or > 9998 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 60)
            return false;
        ticks = new DateTime(year, month, day).Ticks
            + (((((hour * 60L) + minute - offsetMinutes) * 60) + second) * TimeSpan.TicksPerSecond) + fraction;
        return true;
    }

    private static bool TryOffset(ReadOnlySpan<byte> text, out int minutes)
    {
        minutes = 0;
        if (text.IsEmpty || text[0] is not ((byte)'+' or (byte)'-'))
            return false;
        int colon = text.Length == 6 && text[3] == ':' ? 1 : 0;
        int minute = 0;
        if (text.Length is not (3 or 5 or 6) || (text.Length == 6 && colon == 0) || !TwoDigits(text, 1, out int hour)
            || (text.Length > 3 && !TwoDigits(text, 3 + colon, out minute)) || hour > 23 || minute > 59)
            return false;
        minutes = ((hour * 60) + minute) * (text[0] == '-' ? -1 : 1);
        return true;
    }

    private static bool TwoDigits(ReadOnlySpan<byte> text, int at, out int value)
    {
        uint tens = (uint)(text[at] - '0'), ones = (uint)(text[at + 1] - '0');
        value = (int)((tens * 10) + ones);
        return tens <= 9 && ones <= 9;
    }

    private static int Month(byte a, byte b, byte c) => ((a | 0x20) << 16 | (b | 0x20) << 8 | (c | 0x20)) switch
    {
        'j' << 16 | 'a' << 8 | 'n' => 1,
        'f' << 16 | 'e' << 8 | 'b' => 2,
        'm' << 16 | 'a' << 8 | 'r' => 3,
        'a' << 16 | 'p' << 8 | 'r' => 4,
        'm' << 16 | 'a' << 8 | 'y' => 5,
        'j' << 16 | 'u' << 8 | 'n' => 6,
        'j' << 16 | 'u' << 8 | 'l' => 7,
        'a' << 16 | 'u' << 8 | 'g' => 8,
        's' << 16 | 'e' << 8 | 'p' => 9,
        'o' << 16 | 'c' << 8 | 't' => 10,
        'n' << 16 | 'o' << 8 | 'v' => 11,
        'd' << 16 | 'e' << 8 | 'c' => 12,
        _ => 0,
    };
}
