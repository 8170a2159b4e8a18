namespace Sluice.LockFaults;

/// <summary>What happens in the middle of a round.</summary>
public enum LockFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A worker gets SIGKILL.</summary>
    Kill,

    /// <summary>A worker is stopped for longer than its lease, and goes on.</summary>
    Pause,

    /// <summary>A worker's connection carries nothing for longer than its lease, and is then reset.</summary>
    Silence,

    /// <summary>What the server answers is lost, to all: requests arrive, and the connections are reset.</summary>
    LostReplies,

    /// <summary>The server gets SIGKILL and starts again.</summary>
    Restart,

    /// <summary>The server forgets its scripts.</summary>
    ScriptFlush,

    /// <summary>The thread pool of a worker is full of blocking work for longer than its lease.</summary>
    Starvation,

    /// <summary>A worker collects a large heap, several times.</summary>
    Collection,
}
