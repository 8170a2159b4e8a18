using Sluice.Coordination;

namespace Sluice;

/// <summary>Why a generation of references ended.</summary>
public enum LastReleaseReason
{
    /// <summary>The last reference was released.</summary>
    Released = 0,

    /// <summary>The engine that held the last reference was stopped.</summary>
    Stopped = 1,

    /// <summary>The engine that held the last reference died or was cut off; it was taken back when its lease had run out.</summary>
    Recovered = 2,

    /// <summary><see cref="IReferenceSet.ExpireAsync"/>, although others may hold the resource.</summary>
    Forced = 3,
}

/// <summary>
/// The end of one generation of references to one resource, handed to exactly one engine at a time until its callback has succeeded.
/// </summary>
/// <remarks>
/// Delivered at least once, always with the same content except for token and attempt. It takes effect once if the callback ignores an <see cref="IdempotencyKey"/> that it
/// has seen, or what it writes rejects a <see cref="FencingToken"/> that is not higher than the last one of the resource. Immutable.
/// </remarks>
public sealed class LastRelease
{
    internal LastRelease(string set, string key, ClaimedSession session)
    {
        Set = set;
        Key = key;
        Generation = session.Generation;
        FencingToken = session.Token;
        Attempt = session.Attempt;
        Reason = session.Reason switch
        {
            CompletionReason.Shutdown => LastReleaseReason.Stopped,
            CompletionReason.Recovered => LastReleaseReason.Recovered,
            CompletionReason.Forced => LastReleaseReason.Forced,
            _ => LastReleaseReason.Released,
        };
        TimesModified = session.TimesModified;
        IsOutOfOrder = session.OutOfOrder;
        FirstAcquiredAt = MomentOf(session.CreatedAt);
        LastReleasedAt = MomentOf(session.SealedAt);
        IdempotencyKey = $"{set}/{key}@{session.Generation}";
    }

    /// <summary>The name of the set.</summary>
    public string Set { get; }

    /// <summary>The resource.</summary>
    public string Key { get; }

    /// <summary>Grows per resource, and is never used again.</summary>
    public long Generation { get; }

    /// <summary>Grows with every attempt that another engine takes over, and over generations.</summary>
    public long FencingToken { get; }

    /// <summary>1 for the first.</summary>
    public int Attempt { get; }

    /// <summary>Set, resource and generation: the same for every delivery of this end, and for no other.</summary>
    public string IdempotencyKey { get; }

    /// <summary>Why the generation ended.</summary>
    public LastReleaseReason Reason { get; }

    /// <summary>How many memberships (an engine that held the resource) have called <see cref="Reference.MarkModifiedAsync"/>.</summary>
    public long TimesModified { get; }

    /// <summary>When the first reference of the generation was taken, by the coordinator's clock.</summary>
    public DateTimeOffset FirstAcquiredAt { get; }

    /// <summary>When the generation ended, by the coordinator's clock.</summary>
    public DateTimeOffset LastReleasedAt { get; }

    /// <summary>True for a dead letter that is replayed although later generations may have ended.</summary>
    public bool IsOutOfOrder { get; }

    internal static DateTimeOffset MomentOf(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);
}
