namespace Sluice.Resp.Connection;

/// <summary>What became of a command that was offered to a connection.</summary>
internal enum EnqueueOutcome
{
    /// <summary>It has its place in the ring, its bytes are behind those of the one before.</summary>
    Enqueued,

    /// <summary>As many as may be in flight are; nothing happened.</summary>
    Full,

    /// <summary>The connection is dead; nothing happened.</summary>
    Closed,
}
