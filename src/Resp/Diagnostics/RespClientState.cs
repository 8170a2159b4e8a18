namespace Sluice.Resp;

/// <summary>One look at a client, for health checks, logs and messages. Immutable.</summary>
public sealed record RespClientState
{
    /// <summary>True when every connection for commands is open.</summary>
    public bool IsConnected { get; init; }

    /// <summary>The connections for commands, and the one for messages when there is one.</summary>
    public IReadOnlyList<RespLinkState> Links { get; init; } = [];

    /// <summary>Connections that blocking commands and watches have now.</summary>
    public int BlockingInUse { get; init; }

    /// <summary>Connections that are kept for those.</summary>
    public int BlockingIdle { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{(IsConnected ? "connected" : "not connected")}, {BlockingInUse} blocking; {string.Join("; ", Links)}";
}

/// <summary>One look at one connection of a client, over all its lives. Immutable.</summary>
public sealed record RespLinkState
{
    /// <summary>What it is for: <c>commands 0</c>, <c>messages</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary>True when it is open now.</summary>
    public bool IsOpen { get; init; }

    /// <summary>How often it became ready: more than once means that it was lost.</summary>
    public long Openings { get; init; }

    /// <summary>2 or 3; 0 before the first handshake.</summary>
    public int Protocol { get; init; }

    /// <summary>The server's version; null when it did not say.</summary>
    public string? ServerVersion { get; init; }

    /// <summary>Why it was lost the last time, or could not be made; null at first.</summary>
    public Exception? LastFault { get; init; }

    /// <summary>What goes on in it.</summary>
    public ConnectionSnapshot Connection { get; init; } = new();

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {(IsOpen ? "open" : "closed")} ({Openings} openings{(LastFault is null ? "" : $", last fault: {LastFault.Message}")}): {Connection}";
}
