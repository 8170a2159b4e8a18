using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>One connection and none after it: for what depends on the state that a connection has on the server.</summary>
internal sealed class PinnedRoute(SharedRoute client, RespLink link, RespConnection connection) : CommandRoute(client.ServerTags)
{
    /// <inheritdoc/>
    public override Exception? Refusal(CancellationToken cancellation) =>
        client.Refusal(cancellation) ?? (connection.Fault is { } fault ? new RespConnectionException($"The connection was lost, and with it what the server kept for it. {fault.Message}", CommandOutcome.NotSent, fault) : null);

    /// <inheritdoc/>
    public override ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms) => link.Rent(kind, terms);

    /// <inheritdoc/>
    public override void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot) => link.SendOn(connection, frame, slot);
}
