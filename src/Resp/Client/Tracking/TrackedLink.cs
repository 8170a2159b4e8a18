using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>A link whose connections ask to be told of changed keys, and what turns the server's pushes into calls of a listener.</summary>
/// <remarks>Pushes: the link's thread. <see cref="Link"/> is for any thread.</remarks>
internal sealed class TrackedLink : ILinkListener, IAsyncDisposable
{
    private readonly TrackingHandshake _handshake;
    private readonly TrackingListener _listener;
    private RespConnection? _connection;

    public TrackedLink(LinkTerms terms, RespTrackingOptions options, TrackingListener listener)
    {
        options.Validate();
        _listener = listener;
        _handshake = new TrackingHandshake(terms.Handshake, options);
        Link = new RespLink(terms with { Handshake = _handshake }, this);
    }

    /// <summary>Over which to read.</summary>
    public RespLink Link { get; }

    /// <summary>Pushes of a kind that is not known: dropped.</summary>
    public long UnknownPushes { get; private set; }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Link.DisposeAsync();

    void ILinkListener.OnOpened(RespLink link, RespConnection connection)
    {
        _connection = connection;
        _listener.OnOpened(connection, _handshake.Refusal);
    }

    void ILinkListener.OnClosed(RespLink link, Exception reason)
    {
        _connection = null;
        _listener.OnFlushed();
    }

    void ILinkListener.OnPush(RespLink link, ref RespReader push)
    {
        int count = push.Count;
        if (count == 0 || !push.MoveNext() || !push.IsString)
        {
            UnknownPushes++;
            return;
        }

        using PushedBytes word = new(push);
        if (word.Span.SequenceEqual("invalidate"u8))
        {
            Invalidate(ref push, count);
        }
        else if (word.Span.SequenceEqual("tracking-redir-broken"u8))
        {
            // The server tracks for a connection that is not there. Whatever was arranged is undone, a new connection arranges it again.
            _listener.OnFlushed();
            _connection?.Fail(new RespConnectionException("The server tells of changed keys no more."));
        }
        else
        {
            UnknownPushes++;
        }
    }

    private void Invalidate(ref RespReader push, int count)
    {
        // Null is FLUSHALL or FLUSHDB. What is neither null nor a list of strings means something, and the only safe thing that it can mean is: everything.
        if (count != 2 || !push.MoveNext() || !push.IsAggregate)
        {
            _listener.OnFlushed();
            return;
        }

        for (int left = push.Count; left > 0; left--)
        {
            if (!push.MoveNext() || !push.IsString)
            {
                _listener.OnFlushed();
                return;
            }

            using PushedBytes key = new(push);
            _listener.OnInvalidated(key.Span);
        }
    }
}
