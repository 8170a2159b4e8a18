namespace Sluice.Resp;

/// <summary>What a subscription keeps for a subscriber that is slower than its messages. Immutable.</summary>
public sealed record RespSubscriptionOptions
{
    /// <summary>What holds where nothing else is said.</summary>
    public static RespSubscriptionOptions Default { get; } = new();

    /// <summary>Messages that wait for the subscriber, 1 to 16,777,216; when one more comes, the oldest is dropped. 4,096 by default.</summary>
    public int BufferedMessages { get; init; } = 4096;

    /// <summary>Bytes of payload that wait for the subscriber, at least 1; above that, the oldest messages are dropped, but never the last one that came. 16 MiB by default.</summary>
    public long BufferedBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Throws if a value is out of its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the property.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferedMessages, 1, nameof(BufferedMessages));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BufferedMessages, 1 << 24, nameof(BufferedMessages));
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferedBytes, 1, nameof(BufferedBytes));
    }
}
