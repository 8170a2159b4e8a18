namespace Sluice.Testing;

/// <summary>
/// A clock that stands still until a test moves it. <see cref="Advance"/> fires the timers that fall due, each at exactly its due time, in the order
/// of their due times (and of their arming, where those are equal), on the thread that called it. Nothing ever fires at another moment.
/// </summary>
/// <remarks>
/// The wall clock and the monotonic clock are two: <see cref="SetUtcNow"/> steps the first, backwards too, as an administrator or NTP would, while
/// timestamps and timers go on as if nothing had happened. All members may be called by any thread, but only one may advance at a time.
/// </remarks>
public class HandDrivenClock : TimeProvider
{
    private readonly object _gate = new();
    private readonly PriorityQueue<HandDrivenTimer, (long Due, long Order)> _armed = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _waiters = [];
    private long _elapsed;
    private long _wallOffset;
    private long _order;
    private int _armedCount;
    private bool _advancing;
    private Thread? _advancedBy;

    /// <summary>A clock that starts at 2030-01-01 00:00 UTC.</summary>
    public HandDrivenClock()
        : this(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    /// <summary>A clock that starts at <paramref name="start"/>.</summary>
    public HandDrivenClock(DateTimeOffset start) => _wallOffset = start.UtcTicks;

    /// <summary>Always UTC.</summary>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>One timestamp unit is one tick of 100 ns.</summary>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many timers are armed: waiting for their (next) due time.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (_gate)
                return _armedCount;
        }
    }

    /// <summary>How far <see cref="Advance"/> must go for the next timer to fire, or null when none is armed.</summary>
    public TimeSpan? UntilNextTimer
    {
        get
        {
            lock (_gate)
                return PeekArmed() is { } timer ? TimeSpan.FromTicks(timer.Due - _elapsed) : null;
        }
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return new DateTimeOffset(_wallOffset + _elapsed, TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_gate)
            return _elapsed;
    }

    /// <summary>Steps the wall clock, forwards or backwards. Timestamps and timers do not notice.</summary>
    public void SetUtcNow(DateTimeOffset now)
    {
        lock (_gate)
            _wallOffset = now.UtcTicks - _elapsed;
    }

    /// <summary>
    /// Moves time forward and fires what falls due, including timers that callbacks arm within the span and every period of periodic ones.
    /// With <see cref="TimeSpan.Zero"/> it fires only what is due already. An exception of a callback ends the advance at that timer's due time.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="by"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">A timer's callback advances the time. An advance on another thread is waited for.</exception>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        long target;
        lock (_gate)
        {
            if (_advancing && _advancedBy == Thread.CurrentThread)
                throw new InvalidOperationException("Time is being advanced already; a timer's callback must not advance it too.");

            // Another thread's advance ends first: then this one begins where that one has led to.
            while (_advancing)
                Monitor.Wait(_gate);
            (_advancing, _advancedBy) = (true, Thread.CurrentThread);
            target = _elapsed + by.Ticks;
        }

        try
        {
            while (TakeDue(target) is { } timer)
                timer.Fire();
        }
        finally
        {
            lock (_gate)
            {
                (_advancing, _advancedBy) = (false, null);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>
    /// Moves time forward at once, and then fires what fell due meanwhile: what a process sees that was paused, or a machine that slept. No timer
    /// fires at a moment in between, so nothing can be kept alive through the gap.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="by"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">An advance is under way.</exception>
    public void Leap(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        lock (_gate)
        {
            if (!_advancing)
                _elapsed += by.Ticks;
        }

        Advance(TimeSpan.Zero);
    }

    /// <summary>Advances to the next timer's due time and fires what is due then. False when no timer is armed.</summary>
    public bool AdvanceToNextTimer()
    {
        if (UntilNextTimer is not { } span)
            return false;
        Advance(span);
        return true;
    }

    /// <summary>
    /// Completes when at least <paramref name="count"/> timers are armed: how a test waits, without sleeping, until the code that it drives has gone
    /// back to waiting.
    /// </summary>
    public Task WhenArmedAsync(int count)
    {
        lock (_gate)
        {
            if (_armedCount >= count)
                return Task.CompletedTask;
            TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((count, reached));
            return reached.Task;
        }
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        HandDrivenTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    internal bool Arm(HandDrivenTimer timer, TimeSpan dueTime, TimeSpan period)
    {
        CheckSpan(dueTime, nameof(dueTime));
        CheckSpan(period, nameof(period));
        lock (_gate)
        {
            if (timer.IsDisposed)
                return false;
            Disarm(timer);
            timer.Period = period == Timeout.InfiniteTimeSpan ? 0 : period.Ticks;
            if (dueTime != Timeout.InfiniteTimeSpan)
                Enqueue(timer, _elapsed + dueTime.Ticks);
            return true;
        }
    }

    internal void Retire(HandDrivenTimer timer)
    {
        lock (_gate)
        {
            Disarm(timer);
            timer.IsDisposed = true;
        }
    }

    private static void CheckSpan(TimeSpan span, string name)
    {
        if (span < TimeSpan.Zero && span != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(name, span, "A timer takes a span of 0 or more, or Timeout.InfiniteTimeSpan.");
    }

    private void Enqueue(HandDrivenTimer timer, long due)
    {
        timer.Due = due;
        timer.Order = ++_order;
        _armed.Enqueue(timer, (due, timer.Order));
        _armedCount++;
        for (int i = _waiters.Count - 1; i >= 0; i--)
        {
            if (_armedCount < _waiters[i].Count)
                continue;
            _waiters[i].Reached.SetResult();
            _waiters.RemoveAt(i);
        }
    }

    private void Disarm(HandDrivenTimer timer)
    {
        if (timer.Order == 0)
            return;

        // The queue keeps the stale element; its order no longer equals the timer's, so it is passed over.
        timer.Order = 0;
        _armedCount--;
    }

    private HandDrivenTimer? PeekArmed()
    {
        while (_armed.TryPeek(out HandDrivenTimer? timer, out (long Due, long Order) place))
        {
            if (timer.Order == place.Order)
                return timer;
            _armed.Dequeue();
        }

        return null;
    }

    private HandDrivenTimer? TakeDue(long target)
    {
        lock (_gate)
        {
            if (PeekArmed() is not { } timer || timer.Due > target)
            {
                _elapsed = target;
                return null;
            }

            _armed.Dequeue();
            Disarm(timer);
            _elapsed = Math.Max(_elapsed, timer.Due);
            if (timer.Period > 0)
                Enqueue(timer, timer.Due + timer.Period > _elapsed ? timer.Due + timer.Period : _elapsed + timer.Period); // after a leap once, as the runtime's do
            return timer;
        }
    }
}

internal sealed class HandDrivenTimer(HandDrivenClock clock, TimerCallback callback, object? state) : ITimer
{
    // As the runtime's timers do: the callback sees the async-locals of whoever created the timer, not of whoever moves the clock.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    /// <summary>Guarded by the clock, as are the next three.</summary>
    public long Due { get; set; }

    /// <summary>0 = fires once.</summary>
    public long Period { get; set; }

    /// <summary>0 = not armed.</summary>
    public long Order { get; set; }

    public bool IsDisposed { get; set; }

    public bool Change(TimeSpan dueTime, TimeSpan period) => clock.Arm(this, dueTime, period);

    public void Dispose() => clock.Retire(this);

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    public void Fire()
    {
        if (_context is null)
            callback(state);
        else
            ExecutionContext.Run(_context, static timer => ((HandDrivenTimer)timer!).Invoke(), this);
    }

    private void Invoke() => callback(state);
}
