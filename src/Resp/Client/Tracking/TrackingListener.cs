using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>
/// Who keeps what a tracked connection has read. All calls come from the link's thread, the same that takes the replies of that connection, in the order in which the server
/// sent both: short, no waiting, no user code.
/// </summary>
/// <remarks>
/// A value that a <see cref="ReplyCollector"/> keeps is therefore never older than an invalidation that was told before, and every change after it will be told. Who keeps what
/// came over another connection must remember the key before it sends the read, and keep nothing if an invalidation or a flush came meanwhile.
/// </remarks>
internal abstract class TrackingListener
{
    /// <summary>A connection is about to be used.</summary>
    /// <param name="connection">It; what it has read is worth nothing when it has a fault.</param>
    /// <param name="refusal">Null = it is tracked; else why it is not, and nothing may be kept.</param>
    public abstract void OnOpened(RespConnection connection, RespServerException? refusal);

    /// <summary>A key has changed, or is forgotten by the server: what was read of it is worth nothing.</summary>
    public abstract void OnInvalidated(ReadOnlySpan<byte> key);

    /// <summary>Nothing that was read is worth anything: the connection is gone, the database was flushed, or what the server said could not be read.</summary>
    public abstract void OnFlushed();
}
