namespace Sluice.Resp.Connection;

/// <summary>
/// How long to wait before the next dial: doubling from <paramref name="first"/> to <paramref name="cap"/>, each time a random part between half and all of it, so that
/// clients that lost a server together don't come back together.
/// </summary>
/// <remarks>Not thread-safe: the link's thread.</remarks>
internal sealed class Backoff(TimeSpan first, TimeSpan cap, Random random)
{
    private int _failures;

    /// <summary>The wait after one more failure.</summary>
    public TimeSpan Next()
    {
        // 2^30 times the first is beyond every cap.
        double whole = Math.Min(cap.TotalMilliseconds, first.TotalMilliseconds * (1L << Math.Min(_failures, 30)));
        _failures++;
        return TimeSpan.FromMilliseconds(whole * (0.5 + (random.NextDouble() / 2)));
    }

    /// <summary>A connection lived: the next failure is the first again.</summary>
    public void Reset() => _failures = 0;
}
