using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>A caller's time limit in the connection's terms.</summary>
internal static class CommandTime
{
    /// <returns>Milliseconds, rounded up; 0 = the client's default, -1 = no limit.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Not more than zero, or more than 24 days.</exception>
    public static int Milliseconds(TimeSpan? timeout)
    {
        if (timeout is not { } span)
            return 0;
        if (span == Timeout.InfiniteTimeSpan)
            return SendTerms.NoLimit;
        if (span <= TimeSpan.Zero || span > TimeSpan.FromDays(24))
            throw new ArgumentOutOfRangeException(nameof(timeout), span, "A command's time limit is more than zero and at most 24 days, or infinite.");
        return (int)Math.Ceiling(span.TotalMilliseconds);
    }
}
