namespace Sluice.Resp.Connection;

/// <summary>What a connection keeps to. Immutable.</summary>
internal sealed record ConnectionTerms
{
    /// <summary>Commands that may await their reply at once; a power of two.</summary>
    public int RingSize { get; init; } = 4096;

    /// <summary>Bytes that may wait for the writer; with more, commands wait in the backlog.</summary>
    public long MaxUnsentBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>What a server may send.</summary>
    public RespLimits Limits { get; init; } = RespLimits.Default;

    /// <summary>Silence after which the server is asked whether it is there; milliseconds, 0 = never.</summary>
    public int PingAfter { get; init; } = 1000;

    /// <summary>Silence after which the peer is gone although something awaits a reply; milliseconds, 0 = never.</summary>
    public int PeerTimeout { get; init; } = 5000;

    /// <summary>A RESP2 connection that subscribes gets its messages as arrays.</summary>
    public bool ArraysArePushes { get; init; }

    /// <summary>
    /// The connection is for subscriptions. On any other one the confirmation of a subscription ends the connection: it came in place of a reply, and all later replies
    /// would reach the wrong callers.
    /// </summary>
    public bool TakesSubscriptions { get; init; }
}
