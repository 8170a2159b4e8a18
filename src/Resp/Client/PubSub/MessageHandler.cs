namespace Sluice.Resp.Client;

/// <summary>
/// Takes the messages of one name on the reader thread: for code of this product that does something short, allocates nothing and never waits. Code of users gets a
/// <see cref="RespSubscription"/>.
/// </summary>
/// <remarks>
/// Messages and gaps come one at a time, in the server's order, and only after the subscription was confirmed. One that is under way when the
/// subscription is given up may still end after that. What a handler throws ends its subscription.
/// </remarks>
internal abstract class MessageHandler
{
    /// <summary>A message came; its bytes are gone when the call returns.</summary>
    public abstract void OnMessage(ref PushedMessage message);

    /// <summary>Messages may be missing here; the subscription is confirmed again.</summary>
    public abstract void OnGap(RespGap gap);

    /// <summary>Nothing more will come: the server refuses the subscription, the handler threw, or the client was closed. Any thread.</summary>
    public abstract void OnEnded(Exception reason);
}
