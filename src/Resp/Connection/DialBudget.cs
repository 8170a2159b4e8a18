namespace Sluice.Resp.Connection;

/// <summary>
/// Bounds how often all links of a client dial together: so many at once after a quiet time, and a steady rate from then on.
/// </summary>
/// <remarks>
/// Any thread. A token bucket in the clock's milliseconds. Who takes a token dials: its debt is bounded by <see cref="LongestDebtSeconds"/> (or one token, if that takes longer), so that
/// links that came and went leave no wait behind for those that stay. Where more links than that queue up, the rest shares the last place.
/// </remarks>
internal sealed class DialBudget(int burst, double perSecond)
{
    private const double LongestDebtSeconds = 5;

    // A wait that fits whatever waits.
    private const double LongestWaitSeconds = 24 * 60 * 60;

    private readonly Lock _gate = new();
    private double _tokens = burst;
    private long _filledAt = RespClock.Now;

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
}
