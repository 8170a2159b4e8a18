namespace Sluice.Coordination;

/// <summary>Arithmetic on microseconds where <see cref="long.MaxValue"/> means never.</summary>
internal static class Durations
{
    public const long Never = long.MaxValue;

    /// <summary>A moment plus a duration, which stays never when either is.</summary>
    public static long After(long moment, long duration) => moment >= Never - duration ? Never : moment + duration;

    /// <summary>A duration in microseconds; null, infinite and more than a century = never.</summary>
    public static long Micros(TimeSpan? duration) => duration is { } span && span != Timeout.InfiniteTimeSpan && span < TimeSpan.FromDays(36_525) ? span.Ticks / TimeSpan.TicksPerMicrosecond : Never;

    /// <summary>A duration of at least <paramref name="micros"/>, for timers.</summary>
    public static TimeSpan Span(long micros) => micros >= Never / 10 ? TimeSpan.MaxValue : TimeSpan.FromTicks(micros * TimeSpan.TicksPerMicrosecond);
}
