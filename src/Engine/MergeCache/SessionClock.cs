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
    /// The wall clock of a time provider. That of <see cref="TimeProvider.System"/> moves every 5 ms, because asking for more costs as much as a merge: a
    /// merge may count as 5 ms earlier than it is (and by as much more as the thread pool is late), so a session may end that much late, never early.
    /// </summary>
    /// <param name="time">The provider.</param>
    public static SessionClock FromTimeProvider(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return ReferenceEquals(time, TimeProvider.System) ? CoarseClock.OfProcess : new WallClock(time);
    }

    /// <summary>Now, as exact as the clock can tell: for what happens once a session, a batch or a sweep. Moves <see cref="NowTicks"/> along.</summary>
    internal virtual long ReadExactTicks() => NowTicks;

    private sealed class WallClock(TimeProvider time) : SessionClock
    {
        public override long NowTicks => time.GetUtcNow().UtcTicks;

        public override bool IsEventTime => false;
    }
}

/// <summary>An event-time clock: the running maximum of the timestamps that were shown to it.</summary>
/// <remarks>Thread-safe; it never goes backwards.</remarks>
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
