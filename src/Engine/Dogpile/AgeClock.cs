namespace Sluice.Dogpiling;

/// <summary>
/// How old values are: a monotonic clock in ticks of 100 ns, read on every hit. It belongs to the time provider of the options: of the system's it is
/// the coarse form (4 ns a reading instead of 25, and up to one tick of the kernel behind, 10 ms at most); any other provider is asked itself.
/// </summary>
/// <remarks>Monotonic, because a wall clock that is set back would make values younger. Any thread.</remarks>
internal sealed class AgeClock(TimeProvider time)
{
    private readonly bool _isSystem = ReferenceEquals(time, TimeProvider.System);

    // A provider may have any frequency; ticks need the factor once.
    private readonly double _ticksPerStamp = (double)TimeSpan.TicksPerSecond / time.TimestampFrequency;

    public long Now => _isSystem ? Environment.TickCount64 * TimeSpan.TicksPerMillisecond : (long)(time.GetTimestamp() * _ticksPerStamp);

    /// <summary>A moment that is so much later; null and what would wrap are never.</summary>
    public static long Later(long moment, TimeSpan? span) =>
        span is { } value && value.Ticks < long.MaxValue - Math.Max(0, moment) ? moment + value.Ticks : long.MaxValue;
}
