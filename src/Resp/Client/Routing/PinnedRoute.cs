using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>One connection and none after it: for what depends on the state that a connection has on the server.</summary>
internal sealed class PinnedRoute(SharedRoute client, RespLink link, RespConnection connection) : CommandRoute(client.ServerTags, ConnectionNeed.Blocks | ConnectionNeed.Watches)
{
    private bool _closed;

    /// <summary>Takes no more commands: the connection goes back to where others take it from.</summary>
    /// <returns>The way for the last ones.</returns>
    public PinnedRoute Close()
    {
        Volatile.Write(ref _closed, true);
        return new PinnedRoute(client, link, connection);
    }

    /// <inheritdoc/>
    public override Exception? Refusal(CancellationToken cancellation) =>
        client.Refusal(cancellation)
        ?? (Volatile.Read(ref _closed) ? new ObjectDisposedException(nameof(RespWatch)) : (Exception?)null)
        ?? (connection.Fault is { } fault ? new RespConnectionException($"The connection was lost, and with it what the server kept for it. {fault.Message}", CommandOutcome.NotSent, fault) : null);

    /// <inheritdoc/>
    public override ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms) => link.Rent(kind, Unwatched(terms));

    /// <inheritdoc/>
    public override void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot) => link.SendOn(connection, frame, slot);
}
