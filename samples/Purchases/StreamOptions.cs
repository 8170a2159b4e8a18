namespace Sluice.Samples.Purchases;

/// <summary>The section <c>Stream</c>.</summary>
public sealed class StreamOptions
{
    /// <summary>Where the stream is; it need not be the server that coordinates.</summary>
    public string Server { get; set; } = "redis://localhost";

    /// <summary>The stream's key.</summary>
    public string Stream { get; set; } = "purchases";

    /// <summary>The group: its consumers share the entries.</summary>
    public string Group { get; set; } = "spending";

    /// <summary>This consumer's name in the group. Processes that live at the same time need different ones.</summary>
    public string Consumer { get; set; } = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>How many entries may be merged or read, and not acknowledged: what bounds memory, and what a crash delivers again.</summary>
    public int MaxInFlight { get; set; } = 10_000;

    /// <summary>How long to wait for new entries before looking at the watermark again.</summary>
    public TimeSpan AcknowledgeEvery { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>After which time without an acknowledgement an entry is taken over. Longer than the flush interval and the pauses of healthy processes; being too early costs work, not exactness.</summary>
    public TimeSpan ClaimAfter { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>The section <c>Queue</c>.</summary>
public sealed class QueueOptions
{
    /// <summary>The broker, as <c>amqp://user:password@host:port/vhost</c>.</summary>
    public Uri Server { get; set; } = new("amqp://localhost");

    /// <summary>The queue. It has one active consumer at a time; the others stand by.</summary>
    public string Queue { get; set; } = "purchases";

    /// <summary>How many messages may be here and not acknowledged: what bounds memory, and what a crash delivers again.</summary>
    public ushort Prefetch { get; set; } = 10_000;

    /// <summary>How many messages the publisher sends at most before the first of them is confirmed. It repeats what is not confirmed, so these may come later than newer ones.</summary>
    public int PublisherWindow { get; set; } = 10_000;

    /// <summary>How long to wait for messages before looking at the watermark again.</summary>
    public TimeSpan AcknowledgeEvery { get; set; } = TimeSpan.FromMilliseconds(250);
}
