using Sluice.Resp.Connection;
using Sluice.Resp.Diagnostics;

namespace Sluice.Resp.Client;

/// <summary>The client's connections for commands: the same key, the same connection.</summary>
/// <param name="links">A power of two of them.</param>
internal sealed class SharedRoute(RespLink[] links, ServerTags tags) : CommandRoute(tags, ConnectionNeed.None)
{
    private readonly int _mask = links.Length - 1;
    private bool _closed;

    /// <summary>For the client's other routes.</summary>
    public ServerTags ServerTags => Tags;

    /// <summary>Takes no more commands.</summary>
    public void Close() => Volatile.Write(ref _closed, true);

    /// <summary>Where a key's commands go; without a key the hash is 0.</summary>
    public RespLink LinkFor(uint hash) => links[(int)hash & _mask];

    /// <inheritdoc/>
    public override Exception? Refusal(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return new OperationCanceledException(cancellation);
        return Volatile.Read(ref _closed) ? new RespConnectionException("The client was closed.", CommandOutcome.NotSent) : null;
    }

    /// <inheritdoc/>
    public override ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms) => LinkFor(hash).Rent(kind, Unwatched(terms));

    /// <inheritdoc/>
    public override void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot) => LinkFor(hash).Send(frame, slot);
}
