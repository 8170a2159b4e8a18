using System.Runtime.CompilerServices;

namespace Sluice.Dogpiling;

/// <summary>
/// How old values are: a monotonic clock in ticks of 100 ns, read on every hit. It belongs to the time provider of the options: of the system's it is
/// the coarse form (4 ns a reading instead of 25, and up to one tick of the kernel behind, 10 ms at most); any other provider is asked itself.
/// </summary>
/// <remarks>Monotonic, because a wall clock that is set back would make values younger. Any thread.</remarks>
internal readonly struct AgeClock(TimeProvider time)
{
    private readonly TimeProvider _time = time;
    private readonly bool _isSystem = ReferenceEquals(time, TimeProvider.System);

    // A provider may have any frequency; ticks need the factor once.
    private readonly double _ticksPerStamp = (double)TimeSpan.TicksPerSecond / time.TimestampFrequency;

    public long Now => _isSystem ? Environment.TickCount64 * TimeSpan.TicksPerMillisecond : (long)(_time.GetTimestamp() * _ticksPerStamp);

    /// <summary>Whether a moment is still to come: what a hit asks. Of the system's clock it is known without a reading where much is asked for (<see cref="AgeHorizon"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsBefore(long moment) => (_isSystem && AgeHorizon.IsBefore(moment)) || IsBeforeNow(moment);

    /// <summary>A moment that is so much later; null and what would wrap are never.</summary>
    public static long Later(long moment, TimeSpan? span) =>
        span is { } value && value.Ticks < long.MaxValue - Math.Max(0, moment) ? moment + value.Ticks : long.MaxValue;

    // Not inlined: what a hit seldom does must not be in its way.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsBeforeNow(long moment)
    {
        long now = Now;
        if (_isSystem && moment != long.MinValue)
            AgeHorizon.Note(now);
        return now < moment;
    }
}
