using Sluice.Resp.Client;

namespace Sluice.Resp;

/// <summary>
/// A subscription as a stream: <c>await foreach (RespMessage message in subscription)</c>. It was confirmed by the server when the caller got it, and it lives until it is disposed:
/// a lost connection is made again, and the stream says with a gap (<see cref="RespMessage.IsGap"/>) that messages may be missing.
/// </summary>
/// <remarks>
/// <para>To miss nothing: subscribe, look at the state that the messages are about, then read the stream; at a gap look again. From the confirmation on every message is
/// in the stream, or a gap is in its place.</para>
/// <para>A bounded buffer lies between the connection and the reader of the stream. When it is full, the oldest messages are dropped and a gap stands in their place: a slow reader never
/// holds up the connection or other subscribers.</para>
/// <para>One reader at a time. <see cref="DisposeAsync"/> may be called by any thread, and ends the stream behind what it holds. The stream throws, behind what it holds, a
/// <see cref="RespServerException"/> if the server refuses to restore the subscription, and a <see cref="RespConnectionException"/> if the client is closed.</para>
/// </remarks>
public sealed class RespSubscription : IAsyncEnumerable<RespMessage>, IAsyncDisposable
{
    private readonly SubscriptionReconciler _reconciler;
    private readonly MessageBuffer _buffer;
    private Subscriber? _subscriber;

    private RespSubscription(SubscriptionReconciler reconciler, RespSubscriptionKind kind, string name, RespSubscriptionOptions options, TimeProvider time)
    {
        _reconciler = reconciler;
        Kind = kind;
        Name = name;
        _buffer = new MessageBuffer(name, options.BufferedMessages, options.BufferedBytes, time);
    }

    /// <summary>Channel, pattern or shard channel.</summary>
    public RespSubscriptionKind Kind { get; }

    /// <summary>What was subscribed to.</summary>
    public string Name { get; }

    /// <summary>Items that wait to be read.</summary>
    public int Buffered => _buffer.Count;

    /// <summary>Messages that were dropped since the start because the reader was too slow.</summary>
    public long Dropped => _buffer.Dropped;

    internal static async ValueTask<RespSubscription> CreateAsync(
        SubscriptionReconciler reconciler, RespSubscriptionKind kind, string name, RespSubscriptionOptions? options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(name);
        options ??= RespSubscriptionOptions.Default;
        options.Validate();
        byte[] bytes = ByteStrings.Utf8.GetBytes(name);
        RespSubscription subscription = new(reconciler, kind, name, options, time);
        subscription._subscriber = await reconciler.SubscribeAsync(kind, bytes, new Sink(subscription._buffer, name), cancellationToken).ConfigureAwait(false);
        return subscription;
    }

    /// <summary>Takes the next item if there is one. One reader at a time.</summary>
    public bool TryRead(out RespMessage message) => _buffer.TryTake(out message);

    /// <summary>Ends when there is an item to read (true), or there will never be one again (false). One reader at a time; does not allocate.</summary>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="RespException">The subscription ended, and not by <see cref="DisposeAsync"/>.</exception>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) => _buffer.WaitAsync(cancellationToken);

    /// <summary>The stream; ends when the subscription is disposed. May be enumerated again, one at a time: what was read is gone.</summary>
    public async IAsyncEnumerator<RespMessage> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (await _buffer.WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            while (_buffer.TryTake(out RespMessage message))
                yield return message;
        }
    }

    /// <summary>Ends the subscription and returns at once; the server is told when no other subscriber of this client wants the name. Any number of times.</summary>
    public ValueTask DisposeAsync()
    {
        if (_subscriber is { } subscriber)
            _reconciler.Unsubscribe(subscriber);
        _buffer.End(null);
        return ValueTask.CompletedTask;
    }

    private sealed class Sink(MessageBuffer buffer, string name) : MessageHandler
    {
        public override void OnMessage(ref PushedMessage message) => buffer.Add(message.Keep());

        public override void OnGap(RespGap gap) => buffer.Add(new RespMessage(name, gap));

        public override void OnEnded(Exception reason) => buffer.End(reason);
    }
}
