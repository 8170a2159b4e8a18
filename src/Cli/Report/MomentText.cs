using System.Globalization;
using Sluice.Coordination;

namespace Sluice.Cli.Report;

/// <summary>Server times, in microseconds, as people read them.</summary>
internal static class MomentText
{
    /// <summary><c>in 4.2 s</c>, <c>12 s ago</c>, <c>never</c>.</summary>
    public static string Of(long moment, long now) => moment >= Durations.Never ? "never" : moment >= now ? $"in {Span(moment - now)}" : $"{Span(now - moment)} ago";

    /// <summary>A duration of microseconds.</summary>
    public static string Span(long micros) => (micros / 1e6) switch
    {
        < 60 and var seconds => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
        < 3600 and var seconds => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 60)}m {(int)(seconds % 60)}s"),
        < 172_800 and var seconds => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 3600)}h {(int)(seconds % 3600 / 60)}m"),
        var seconds => string.Create(CultureInfo.InvariantCulture, $"{seconds / 86_400:0.0} days"),
    };

    /// <summary>The instant, or null for never.</summary>
    public static DateTimeOffset? Instant(long moment) => moment is <= 0 or >= Durations.Never ? null : DateTimeOffset.UnixEpoch.AddTicks(moment * TimeSpan.TicksPerMicrosecond);
}
