namespace Sluice.Resp.Connection;

/// <summary>
/// Bounds how often all links of a client dial together: so many at once after a quiet time, and a steady rate from then on. The first connection that becomes ready after failures ends the
/// waiting of all: a server that takes one takes the others, and to dial it with the rate for dead ones would make the last of many links wait for seconds.
/// </summary>
/// <remarks>
/// <para>Any thread. A token bucket in the clock's milliseconds. Who takes a token dials: its debt is bounded by <see cref="LongestDebtSeconds"/> (or one token, if that takes longer), so that
/// links that came and went leave no wait behind for those that stay. Where more links than that queue up, the rest shares the last place.</para>
/// <para>Only links whose last dial brought nothing are woken. Those whose connections were ready and died wait out their own back-off: so a server that greets and hangs up is dialled by each
/// link as often as by one alone, and wakes nobody into a loop.</para>
/// </remarks>
internal sealed class DialBudget(int burst, double perSecond)
{
    private const double LongestDebtSeconds = 5;

    // A wait that fits whatever waits.
    private const double LongestWaitSeconds = 24 * 60 * 60;

    // A monitor's, not a Lock's: links wait on it.
    private readonly object _gate = new();
    private double _tokens = burst;
    private long _filledAt = RespClock.Now;
    private bool _fails;
    private long _recoveries;

    /// <summary>How often a connection became ready after dials that brought none.</summary>
    public long Recoveries
    {
        get
        {
            lock (_gate)
                return _recoveries;
        }
    }

    /// <summary>Takes one dial from the budget.</summary>
    /// <returns>How long to wait before it; zero = now.</returns>
    public TimeSpan Take()
    {
        lock (_gate)
        {
            long now = RespClock.Now;
            _tokens = Math.Min(burst, _tokens + ((now - _filledAt) * perSecond / 1000));
            _filledAt = now;
            // Below zero it is a queue: everyone waits for the token that is its own.
            _tokens = Math.Max(_tokens - 1, -Math.Max(1, LongestDebtSeconds * perSecond));
            return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(LongestWaitSeconds, -_tokens / perSecond));
        }
    }

    /// <summary>A dial brought no connection that was ready.</summary>
    public void Failed()
    {
        lock (_gate)
            _fails = true;
    }

    /// <summary>A connection became ready.</summary>
    public void Succeeded()
    {
        lock (_gate)
        {
            if (!_fails)
                return;
            _fails = false;
            _recoveries++;
            _tokens = burst;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits, on the link's thread, until the time is over, the server has come back, or the link is closed.</summary>
    /// <param name="wait">The longest wait.</param>
    /// <param name="recoveries">What <see cref="Recoveries"/> was when that which is waited out began; null: the whole time, whoever comes back.</param>
    /// <param name="closing">Ends the waiting.</param>
    public void Wait(TimeSpan wait, long? recoveries, CancellationToken closing)
    {
        if (wait <= TimeSpan.Zero)
            return;
        // More milliseconds than a wait takes would throw, and end the link's thread.
        long until = RespClock.Now + (long)Math.Min(int.MaxValue, Math.Ceiling(wait.TotalMilliseconds));
        using CancellationTokenRegistration wakes = closing.UnsafeRegister(static gate =>
        {
            lock (gate!)
                Monitor.PulseAll(gate);
        }, _gate);
        lock (_gate)
        {
            while (!closing.IsCancellationRequested && (recoveries is null || recoveries == _recoveries) && until - RespClock.Now is > 0 and var left)
                Monitor.Wait(_gate, (int)left);
        }
    }
}
