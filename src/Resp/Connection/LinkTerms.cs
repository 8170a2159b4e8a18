namespace Sluice.Resp.Connection;

/// <summary>What a link keeps to. Immutable.</summary>
internal sealed record LinkTerms
{
    /// <summary>Where the server listens.</summary>
    public required RespEndpoint Endpoint { get; init; }

    /// <summary>What makes connections.</summary>
    public required IRespTransport Transport { get; init; }

    /// <summary>What each connection keeps to.</summary>
    public ConnectionTerms Connection { get; init; } = new();

    /// <summary>What a new connection does first.</summary>
    public required LinkHandshake Handshake { get; init; }

    /// <summary>How often may be dialled.</summary>
    public required DialBudget Dials { get; init; }

    /// <summary>The first wait after a lost connection.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The longest wait between two dials.</summary>
    public TimeSpan BackoffCap { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest time for one dial and its handshake.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a command may take unless it says otherwise; milliseconds, -1 = no limit.</summary>
    public int CommandTimeout { get; init; } = 5000;

    /// <summary>How many commands may wait for a connection or for room in it.</summary>
    public int BacklogCommands { get; init; } = 65_536;

    /// <summary>How many bytes those may have.</summary>
    public long BacklogBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Commands wait for a connection (true) or fail at once, not sent (false).</summary>
    public bool WaitsForConnection { get; init; } = true;

    /// <summary>Commands wait for room in a full ring (true) or fail at once, not sent (false).</summary>
    public bool WaitsForRoom { get; init; } = true;

    /// <summary>Seeds the jitter.</summary>
    public int Seed { get; init; }

    /// <summary>Starts the link's thread, without the execution context of whoever happens to call; throws when the system gives none.</summary>
    public Action<Thread> StartThread { get; init; } = static thread => thread.UnsafeStart();

    /// <summary>Is told how long a connection took that became ready, from the dial to the last reply of the handshake; null: nobody measures. On the link's thread; it must not throw.</summary>
    public Action<TimeSpan>? OnReady { get; init; }

    /// <summary>For the thread's name.</summary>
    public string Name { get; init; } = "";
}
