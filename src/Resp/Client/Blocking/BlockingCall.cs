using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>The way of one blocking command: a connection for itself, given back when the reply is there and closed when nobody waits for it any more.</summary>
internal sealed class BlockingCall : CommandRoute
{
    private readonly SharedRoute _client;
    private readonly BlockingLinks _links;
    private readonly int _most;
    private RespLink? _link;

    public BlockingCall(SharedRoute client, BlockingLinks links, int most)
        : base(client.ServerTags, ConnectionNeed.Blocks)
    {
        _client = client;
        _links = links;
        _most = most;
    }

    /// <inheritdoc/>
    public override Exception? Refusal(CancellationToken cancellation)
    {
        if (_client.Refusal(cancellation) is { } refusal)
            return refusal;
        if (_link is not null)
            return new InvalidOperationException("A command is sent once.");
        _link = _links.TryTake();
        return _link is null ? new RespOverloadException($"{_most} blocking commands run, as many as {nameof(RespClientOptions)}.{nameof(RespClientOptions.BlockingConnections)} allows.") : null;
    }

    /// <inheritdoc/>
    public override ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms)
    {
        // How long it blocks stands in the command; the client's own limit is for those that answer at once.
        SendTerms unwatched = Unwatched(terms);
        ReplySlot slot = _link!.Rent(kind, unwatched.TimeoutMilliseconds == 0 ? unwatched with { TimeoutMilliseconds = SendTerms.NoLimit } : unwatched);
        slot.Observer = new LinkReturn(_links, _link);
        return slot;
    }

    /// <inheritdoc/>
    public override void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot) => _link!.Send(frame, slot);

    private sealed class LinkReturn(BlockingLinks links, RespLink link) : SlotObserver
    {
        public override void OnEnded(Exception? failure)
        {
            if (failure is RespTimeoutException or OperationCanceledException)
                links.Discard(link);
            else
                links.GiveBack(link);
        }
    }
}
