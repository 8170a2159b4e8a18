namespace Sluice.Resp.Client;

/// <summary>One who wants the messages of a name: what it is given back to unsubscribe.</summary>
internal sealed class Subscriber(SubscribedName name, MessageHandler handler)
{
    /// <summary>The name; shared with other subscribers.</summary>
    public SubscribedName Name { get; } = name;

    /// <summary>Who takes the messages.</summary>
    public MessageHandler Handler { get; } = handler;

    /// <summary>Ends with the server's confirmation, or its refusal. Continuations run on the thread pool, never on the reader thread.</summary>
    public TaskCompletionSource Confirmed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
