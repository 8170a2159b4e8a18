namespace Sluice.Resp;

/// <summary>Why messages may be missing; several at once where gaps were joined.</summary>
[Flags]
public enum RespGapReasons
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The connection was lost and made again.</summary>
    ConnectionLost = 1,

    /// <summary>The server ended the subscription without being asked (a shard channel's slot moved), and it was made again.</summary>
    Unsubscribed = 2,

    /// <summary>The subscriber was slower than its messages: the oldest of its buffer were dropped.</summary>
    Overflow = 4,
}

/// <summary>
/// A stretch of time in which a subscriber may have missed messages. Immutable. It is told when the subscription is confirmed again, so that whoever
/// now looks at what the messages are about misses nothing: what happens from here on is published to it.
/// </summary>
public sealed record RespGap
{
    /// <summary>Why.</summary>
    public required RespGapReasons Reasons { get; init; }

    /// <summary>
    /// From when on: for a lost connection when the last byte came over it, which is earlier than the loss was noticed.
    /// </summary>
    public required DateTimeOffset From { get; init; }

    /// <summary>Until when: the confirmation of the new subscription, or the last message that was dropped.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>Messages that were dropped here; those that never came are not in it.</summary>
    public long Dropped { get; init; }

    /// <summary>One gap for two.</summary>
    internal RespGap Join(RespGap other) => new()
    {
        Reasons = Reasons | other.Reasons,
        From = From < other.From ? From : other.From,
        Until = Until > other.Until ? Until : other.Until,
        Dropped = Dropped + other.Dropped,
    };
}
