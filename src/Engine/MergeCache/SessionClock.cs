namespace Sluice;

/// <summary>
/// The clock of local sessions: it alone decides soft and hard deadlines. Leases, linger and back-off always use real time.
/// </summary>
/// <remarks>Members may be called by any thread. A session clock must not go backwards: one that is set back only delays deadlines.</remarks>
public abstract class SessionClock
{
    /// <summary>Now, in UTC ticks (100 ns). Called for every merge: must be fast and must not allocate.</summary>
    public abstract long NowTicks { get; }

    /// <summary>
    /// True when the clock follows the time in the data (a log, a replay) rather than real time. The coordinator's own hard deadline is off then,
    /// and local sessions decide.
    /// </summary>
    public abstract bool IsEventTime { get; }

    /// <summary>
    /// The wall clock of a time provider. That of <see cref="TimeProvider.System"/> moves with the system's tick, every 1 to 16 ms, because asking for
    /// more costs as much as a merge: a session may end that much late, never early.
    /// </summary>
    /// <param name="time">The provider.</param>
    public static SessionClock FromTimeProvider(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return ReferenceEquals(time, TimeProvider.System) ? TickedClock.OfProcess : new WallClock(time);
    }

    /// <summary>The system's wall clock, read once a tick of the system's coarse clock, which costs a fraction of it.</summary>
    private sealed class TickedClock : SessionClock
    {
        private long _tick = long.MinValue;
        private long _now;

        public static TickedClock OfProcess { get; } = new();

        public override long NowTicks
        {
            get
            {
                long tick = Environment.TickCount64;
                return tick == Volatile.Read(ref _tick) ? Volatile.Read(ref _now) : Read(tick);
            }
        }

        public override bool IsEventTime => false;

        // Threads that race here may leave the older of two times for the rest of the tick, which only delays deadlines. The time before the tick,
        // so that who sees the tick sees no time of an earlier one.
        private long Read(long tick)
        {
            long now = TimeProvider.System.GetUtcNow().UtcTicks;
            Volatile.Write(ref _now, now);
            Volatile.Write(ref _tick, tick);
            return now;
        }
    }

    private sealed class WallClock(TimeProvider time) : SessionClock
    {
        public override long NowTicks => time.GetUtcNow().UtcTicks;

        public override bool IsEventTime => false;
    }
}

/// <summary>An event-time clock: the running maximum of the timestamps that were shown to it.</summary>
public sealed class EventTimeClock : SessionClock
{
    private long _now;

    /// <inheritdoc/>
    public override long NowTicks => Volatile.Read(ref _now);

    /// <inheritdoc/>
    public override bool IsEventTime => true;

    /// <summary>Moves the clock to <paramref name="timestamp"/> unless it is already later. Any thread.</summary>
    /// <param name="timestamp">The timestamp of an event.</param>
    /// <returns>True when the clock moved.</returns>
    public bool AdvanceTo(DateTimeOffset timestamp)
    {
        long ticks = timestamp.UtcTicks;
        long now = Volatile.Read(ref _now);
        while (ticks > now)
        {
            long seen = Interlocked.CompareExchange(ref _now, ticks, now);
            if (seen == now)
                return true;
            now = seen;
        }

        return false;
    }
}
