using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private static readonly RespCommandPrefix PublishToShardCommand = new("SPUBLISH", 2);

    private SubscriptionReconciler? _subscriptions;

    /// <summary>Subscribes to a channel (<c>SUBSCRIBE</c>).</summary>
    /// <returns>A subscription that the server has confirmed: every message that is published from here on is in its stream, or a gap in its place. Dispose it.</returns>
    /// <exception cref="RespServerException">The server refuses it.</exception>
    /// <exception cref="RespTimeoutException">Not confirmed within <see cref="RespClientOptions.CommandTimeout"/>, a connection that has to be made included.</exception>
    /// <exception cref="RespConnectionException">The client was closed.</exception>
    /// <exception cref="System.Text.EncoderFallbackException">Half a surrogate pair: not text.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled; nothing is left of the subscription.</exception>
    public ValueTask<RespSubscription> SubscribeAsync(string channel, CancellationToken cancellationToken = default) =>
        SubscribeAsync(RespSubscriptionKind.Channel, channel, null, cancellationToken);

    /// <summary>Subscribes to all channels that match a glob pattern (<c>PSUBSCRIBE</c>).</summary>
    /// <inheritdoc cref="SubscribeAsync(string, CancellationToken)"/>
    public ValueTask<RespSubscription> SubscribePatternAsync(string pattern, CancellationToken cancellationToken = default) =>
        SubscribeAsync(RespSubscriptionKind.Pattern, pattern, null, cancellationToken);

    /// <summary>Subscribes to a shard channel (<c>SSUBSCRIBE</c>).</summary>
    /// <inheritdoc cref="SubscribeAsync(string, CancellationToken)"/>
    public ValueTask<RespSubscription> SubscribeShardAsync(string channel, CancellationToken cancellationToken = default) =>
        SubscribeAsync(RespSubscriptionKind.Shard, channel, null, cancellationToken);

    /// <summary>Subscribes to a name of any kind.</summary>
    /// <param name="kind">What the name means.</param>
    /// <param name="name">In UTF-8. Subscribers of the same name share one subscription at the server.</param>
    /// <param name="options">How much is kept for a slow reader; null = the default.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <inheritdoc cref="SubscribeAsync(string, CancellationToken)"/>
    public ValueTask<RespSubscription> SubscribeAsync(
        RespSubscriptionKind kind, string name, RespSubscriptionOptions? options, CancellationToken cancellationToken = default) =>
        RespSubscription.CreateAsync(Subscriptions, kind, name, options, TimeProvider.System, cancellationToken);

    /// <summary>SPUBLISH: a message for those who have subscribed to the shard channel.</summary>
    /// <returns>How many subscribers of this server got it.</returns>
    public ValueTask<long> PublishToShardAsync(RespArgument channel, RespArgument message, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(PublishToShardCommand).Key(channel).Write(message).ToInt64Async(timeout, cancellationToken);

    /// <summary>
    /// Subscribes with a handler that runs on the connection's reader thread, for code of this product: no copy, no queue, no allocation. See <see cref="MessageHandler"/>
    /// for what it may do. <see cref="Unsubscribe"/> ends it.
    /// </summary>
    /// <inheritdoc cref="SubscribeAsync(string, CancellationToken)"/>
    internal ValueTask<Subscriber> SubscribeAsync(RespSubscriptionKind kind, ReadOnlyMemory<byte> name, MessageHandler handler, CancellationToken cancellationToken) =>
        Subscriptions.SubscribeAsync(kind, name, handler, cancellationToken);

    /// <summary>Ends what a handler subscribed to. Any number of times.</summary>
    internal void Unsubscribe(Subscriber subscriber) => _subscriptions!.Unsubscribe(subscriber);

    /// <summary>All subscriptions of this client, over the connection for messages; made when it is first asked for.</summary>
    internal SubscriptionReconciler Subscriptions
    {
        get
        {
            lock (_gate)
            {
                if (_closed)
                    throw new RespConnectionException("The client was closed.", CommandOutcome.NotSent);
                if (_subscriptions is null)
                {
                    ClientLink messages = MessagesLink;
                    _subscriptions = new SubscriptionReconciler(messages.Link, messages.Listeners, CommandTime.Milliseconds(Options.CommandTimeout), TimeProvider.System);
                }

                return _subscriptions;
            }
        }
    }
}
