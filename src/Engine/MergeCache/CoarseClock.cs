namespace Sluice;

/// <summary>
/// The system's wall clock for those who ask millions of times a second: it is read at most once in <see cref="Resolution"/>, by the first who asks
/// after a timer has said that what was read is old. Asking costs two loads of a line that every core keeps.
/// </summary>
/// <remarks>
/// One for the process, with one timer that stops when nobody asks. When the thread pool has no thread for the timer, the time stands still for those who
/// ask for <see cref="NowTicks"/>; every new session, batch of events and sweep reads the time exactly and moves it on for all. Like every clock that
/// lags this only delays deadlines. Threads that read at the same time may leave the older of two times until the next tick, which is the same.
/// </remarks>
internal sealed class CoarseClock : SessionClock
{
    /// <summary>How old the time can be while the timer is on time.</summary>
    public static readonly TimeSpan Resolution = TimeSpan.FromMilliseconds(5);

    /// <summary>Ticks of the timer without anybody asking after which it stops: a second.</summary>
    private const int TicksUntilIdle = 200;

    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private bool _isTicking;
    private int _ticksSinceRead = 1;
    private long _now;

    internal CoarseClock(TimeProvider time)
    {
        _time = time;

        // Whatever the first one who asks has in its execution context must not live as long as the process.
        using (ExecutionContext.SuppressFlow())
            _timer = time.CreateTimer(static clock => ((CoarseClock)clock!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The one of the process.</summary>
    public static CoarseClock OfProcess { get; } = new(TimeProvider.System);

    public override long NowTicks => Volatile.Read(ref _ticksSinceRead) == 0 ? Volatile.Read(ref _now) : ReadExactTicks();

    public override bool IsEventTime => false;

    /// <summary>Whether the timer runs: for tests.</summary>
    internal bool IsTicking => Volatile.Read(ref _isTicking);

    internal override long ReadExactTicks()
    {
        long now = _time.GetUtcNow().UtcTicks;
        Volatile.Write(ref _now, now);

        // After the time: who sees the 0 sees a time that was read after the tick. A tick that comes in between is lost, which leaves the time two
        // ticks old at most.
        if (Interlocked.Exchange(ref _ticksSinceRead, 0) != 0 && !IsTicking)
            Start();
        return now;
    }

    private void Start()
    {
        lock (_gate)
        {
            if (_isTicking)
                return;
            _timer.Change(Resolution, Resolution);
            Volatile.Write(ref _isTicking, true);
        }
    }

    private void Tick()
    {
        if (Interlocked.Increment(ref _ticksSinceRead) < TicksUntilIdle)
            return;
        lock (_gate)
        {
            // Under the gate a reader that has just reset the ticks either found the timer running and keeps it so here, or starts it after this.
            if (Volatile.Read(ref _ticksSinceRead) < TicksUntilIdle)
                return;
            Volatile.Write(ref _isTicking, false);
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
