using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>What one connection has of a batch: its frames as one, and its replies.</summary>
internal sealed class BatchPart : IDisposable
{
    /// <summary>The frames.</summary>
    public ByteStore Frames { get; } = new();

    /// <summary>The replies.</summary>
    public ReplyRecorder Replies { get; } = new();

    /// <summary>How many commands.</summary>
    public int Count { get; set; }

    /// <summary>Why replies are missing; null when none is.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Sends all as one.</summary>
    /// <param name="operation">What measurements call it.</param>
    public ValueTask SendAsync(CommandRoute route, uint hash, string operation, in SendTerms terms)
    {
        Replies.Begin(Count);
        ReplySlot slot = route.Rent(hash, ReplyKind.Collected, terms);
        slot.SetCollector(Replies);
        ValueTask task = new(slot, slot.Token);
        route.Observe(slot, operation, batchSize: Count);
        CommandRoute.Watch(slot, terms.Cancellation);
        route.Send(hash, Frames.Span, slot);
        return task;
    }

    public void Clear()
    {
        Frames.Clear();
        Replies.Begin(0);
        Count = 0;
        Failure = null;
    }

    public void Dispose()
    {
        Frames.Dispose();
        Replies.Dispose();
    }
}
