namespace Sluice;

/// <summary>
/// A finished session: the global aggregate of one generation of one resource, handed to exactly one process at a time.
/// </summary>
/// <remarks>
/// It is delivered at least once, always with the same content. It takes effect once if the sink ignores an <see cref="IdempotencyKey"/> that it has
/// seen, or a <see cref="FencingToken"/> that is not higher than the last one it saw for the resource. An immutable snapshot except for
/// <see cref="Fail"/>; never pooled.
/// </remarks>
/// <typeparam name="TValue">The aggregate.</typeparam>
public sealed class Completion<TValue>
    where TValue : class
{
    internal Completion(string aggregate, string resource, TValue value, Coordination.ClaimedSession session)
    {
        Aggregate = aggregate;
        Resource = resource;
        Value = value;
        Generation = session.Generation;
        FencingToken = session.Token;
        Attempt = session.Attempt;
        Reason = session.Reason;
        TimesModified = session.TimesModified;
        IsOutOfOrder = session.OutOfOrder;
        CreatedAt = DateTimeOffset.UnixEpoch.AddTicks(session.CreatedAt * TimeSpan.TicksPerMicrosecond);
        SealedAt = DateTimeOffset.UnixEpoch.AddTicks(session.SealedAt * TimeSpan.TicksPerMicrosecond);
        IdempotencyKey = $"{aggregate}/{resource}@{session.Generation}";
    }

    /// <summary>The aggregate's stored name.</summary>
    public string Aggregate { get; }

    /// <summary>The resource's key as text.</summary>
    public string Resource { get; }

    /// <summary>The global aggregate: all contributions of all processes to this generation.</summary>
    public TValue Value { get; }

    /// <summary>The session's number: grows per resource and is never used again.</summary>
    public long Generation { get; }

    /// <summary>Grows with every hand-over and every generation of the partition: a sink that rejects lower ones is safe from stale processes.</summary>
    public long FencingToken { get; }

    /// <summary>1 for the first delivery.</summary>
    public int Attempt { get; }

    /// <summary>Aggregate, resource and generation: the same for every delivery of this session, and for no other session.</summary>
    public string IdempotencyKey { get; }

    /// <summary>Why the session ended.</summary>
    public CompletionReason Reason { get; }

    /// <summary>How many memberships (an engine's local session) contributed.</summary>
    public long TimesModified { get; }

    /// <summary>When the coordinator received the first contribution, by its clock.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>When the session was sealed, by the coordinator's clock.</summary>
    public DateTimeOffset SealedAt { get; }

    /// <summary>True for a dead letter that is replayed although later sessions of the resource may have been completed.</summary>
    public bool IsOutOfOrder { get; }

    internal string? Failure { get; private set; }

    /// <summary>
    /// Says that the sink did not take this session: it is delivered again after a back-off, and the others of its batch are acknowledged.
    /// </summary>
    /// <param name="reason">What the dead letter will say if it never succeeds.</param>
    public void Fail(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        Failure = reason;
    }
}
