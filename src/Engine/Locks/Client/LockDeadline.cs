using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Until when somebody waits, on the lease clock.</summary>
internal readonly record struct LockDeadline(LeaseClock Clock, long Until)
{
    public bool IsOver => Until != Durations.Never && Clock.Now >= Until;

    /// <summary>Whether it was over from the beginning: who asks once and does not wait.</summary>
    public bool Waits { get; private init; } = Until == Durations.Never;

    /// <summary>For timers: infinite, or at least 0.</summary>
    public TimeSpan Remaining => Until == Durations.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(Math.Max(0, Until - Clock.Now));

    /// <exception cref="ArgumentOutOfRangeException">The time-out is negative, or longer than 30 days.</exception>
    public static LockDeadline After(LeaseClock clock, TimeSpan timeout)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
            return new LockDeadline(clock, Durations.Never);
        if (timeout < TimeSpan.Zero || timeout > TimeSpan.FromDays(30))
            throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "The time-out must be 0 to 30 days, or Timeout.InfiniteTimeSpan.");
        return new LockDeadline(clock, clock.Now + (timeout.Ticks / TimeSpan.TicksPerMicrosecond)) { Waits = timeout > TimeSpan.Zero };
    }
}
