using System.Globalization;

namespace Sluice.Resp;

/// <summary>One look at a connection, for messages, logs and health checks. Immutable; the parts were read one after the other.</summary>
public sealed record ConnectionSnapshot
{
    /// <summary>Commands that await their reply, the unsent ones too.</summary>
    public int InFlight { get; init; }

    /// <summary>Commands of those that the writer has not taken.</summary>
    public int Unsent { get; init; }

    /// <summary>The bytes of those.</summary>
    public long UnsentBytes { get; init; }

    /// <summary>Commands that wait for a connection, or for room on it.</summary>
    public int Backlog { get; init; }

    /// <summary>Milliseconds since the last byte came.</summary>
    public long SilenceMilliseconds { get; init; }

    /// <summary>Replies that came and whose callers have not run: the thread pool is behind, or a continuation blocks.</summary>
    public int UndispatchedReplies { get; init; }

    /// <summary>How often a thread had to be lent to continuations since the start.</summary>
    public long Rescues { get; init; }

    /// <summary>Threads of the thread pool.</summary>
    public int PoolThreads { get; init; }

    /// <summary>Work items that wait for a thread of the thread pool.</summary>
    public long PoolPending { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"In flight {InFlight} ({Unsent} unsent, {UnsentBytes} bytes), backlog {Backlog}, last byte {SilenceMilliseconds} ms ago, {UndispatchedReplies} replies not dispatched, thread pool {PoolThreads} threads with {PoolPending} pending, {Rescues} rescues.");
}
