using System.Globalization;

namespace Sluice.Cli.Report;

/// <summary>Numbers as people read them.</summary>
internal static class HumanUnits
{
    private static readonly string[] BinaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary><c>2,747,282,740</c>.</summary>
    public static string Count(Int128 value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary><c>61.2 MiB</c>.</summary>
    public static string Bytes(double value)
    {
        int unit = 0;
        for (; value >= 1024 && unit < BinaryUnits.Length - 1; unit++)
            value /= 1024;
        return value.ToString(unit == 0 || value >= 100 ? "N0" : "N1", CultureInfo.InvariantCulture) + " " + BinaryUnits[unit];
    }

    /// <summary><c>340 ms</c>, <c>2.41 s</c>, <c>1m 12s</c>.</summary>
    public static string Elapsed(TimeSpan value) => value.TotalSeconds switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:N0} ms"),
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:N2} s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{(int)value.TotalMinutes}m {value.Seconds}s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)value.TotalHours}h {value.Minutes}m"),
    };

    /// <summary>Three figures are enough: <c>182 k</c>, <c>1.25 M</c>.</summary>
    public static string Rate(double value) => value switch
    {
        < 1_000 => value.ToString("N0", CultureInfo.InvariantCulture),
        < 9_995 => (value / 1_000).ToString("N2", CultureInfo.InvariantCulture) + " k",
        < 999_500 => (value / 1_000).ToString("N0", CultureInfo.InvariantCulture) + " k",
        _ => (value / 1_000_000).ToString("N2", CultureInfo.InvariantCulture) + " M",
    };
}
