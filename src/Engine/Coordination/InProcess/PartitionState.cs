using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>
/// Everything that a coordinator keeps for one partition: an immutable value, so that transitions are pure functions that a search, a property test
/// and the in-process coordinator call alike, and so that a test can take a server back to an earlier point.
/// </summary>
internal sealed record PartitionState
{
    public static PartitionState Empty { get; } = new();

    /// <summary>The layout that the partition was written with; 0 = not written yet.</summary>
    public ulong Layout { get; init; }

    /// <summary>The hybrid clock that generations and tokens are drawn from: max(last + 1, now, seen + 1). Never goes back.</summary>
    public long Clock { get; init; }

    /// <summary>
    /// The latest server time at which anything was written, since the last beat that found the clock set back: how a beat finds that.
    /// </summary>
    public long LastWrite { get; init; }

    public ImmutableDictionary<IncarnationId, Member> Members { get; init; } = ImmutableDictionary<IncarnationId, Member>.Empty;

    public ImmutableSortedSet<(long Deadline, IncarnationId Incarnation)> Leases { get; init; } = [];

    /// <summary>Dead incarnations, so that a late copy of their batches changes nothing.</summary>
    public ImmutableDictionary<IncarnationId, Tombstone> Tombstones { get; init; } = ImmutableDictionary<IncarnationId, Tombstone>.Empty;

    public ImmutableSortedSet<(long PurgeAt, IncarnationId Incarnation)> TombstoneQueue { get; init; } = [];

    /// <summary>
    /// Per incarnation the resources that it holds: the truth of membership and the recovery index. Incarnations without resources have no entry.
    /// </summary>
    public ImmutableDictionary<IncarnationId, ImmutableDictionary<ResourceKey, Holding>> Owned { get; init; } =
        ImmutableDictionary<IncarnationId, ImmutableDictionary<ResourceKey, Holding>>.Empty;

    public ImmutableDictionary<ResourceKey, OpenRecord> Open { get; init; } = ImmutableDictionary<ResourceKey, OpenRecord>.Empty;

    /// <summary>When open records may be sealed. A record that waits for its predecessor's completion is not in here.</summary>
    public ImmutableSortedSet<(long Due, ResourceKey Resource)> Due { get; init; } = [];

    /// <summary>The sealed session of each resource that has one: at most one, so that completions of a resource are in order.</summary>
    public ImmutableDictionary<ResourceKey, SealedRecord> Sealed { get; init; } = ImmutableDictionary<ResourceKey, SealedRecord>.Empty;

    /// <summary>When claims may be taken over. A parked session is not in here.</summary>
    public ImmutableSortedSet<(long Deadline, ResourceKey Resource)> Claims { get; init; } = [];

    public ImmutableSortedDictionary<(ResourceKey Resource, long Id), DeadLetterEntry> DeadLetters { get; init; } =
        ImmutableSortedDictionary<(ResourceKey Resource, long Id), DeadLetterEntry>.Empty;

    public long NextDue => Due.IsEmpty ? long.MaxValue : Due.Min.Due;

    public long NextClaimExpiry => Claims.IsEmpty ? long.MaxValue : Claims.Min.Deadline;
}

/// <summary>A living incarnation.</summary>
/// <param name="Applied">The last batch that was applied.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="Refused">Its refused items, so that a duplicate is answered as the first was.</param>
/// <param name="LeaseDeadline">When it counts as dead.</param>
/// <param name="Lease">The duration behind the deadline.</param>
internal sealed record Member(long Applied, ulong Hash, ImmutableArray<RefusedItem> Refused, long LeaseDeadline, long Lease)
{
    /// <summary>Its items that let go last.</summary>
    public ImmutableArray<ReleasedItem> Released { get; init; } = [];
}

/// <summary>A dead incarnation.</summary>
internal sealed record Tombstone(long Applied, ulong Hash, ImmutableArray<RefusedItem> Refused, long PurgeAt)
{
    /// <summary>As <see cref="Member.Released"/>.</summary>
    public ImmutableArray<ReleasedItem> Released { get; init; } = [];
}

/// <summary>What an owned set says of a resource.</summary>
/// <param name="ContributedTo">The last generation that the incarnation contributed to, or 0.</param>
/// <param name="Since">Of a reference: when it was taken; otherwise 0.</param>
/// <param name="Holder">Of a reference: who the engine is, for people; otherwise empty.</param>
internal readonly record struct Holding(long ContributedTo, long Since, string Holder)
{
    /// <summary>Of an aggregate's resource.</summary>
    public static Holding Of(long contributedTo) => new(contributedTo, 0, "");
}

/// <summary>The open generation of a resource, or a resource that is held without updates (generation 0).</summary>
internal sealed record OpenRecord
{
    public static OpenRecord Empty { get; } = new();

    /// <summary>How many owned sets hold the resource (I3): changes only together with one of them.</summary>
    public int Holders { get; init; }

    /// <summary>Memberships that contributed to this generation.</summary>
    public long TimesModified { get; init; }

    /// <summary>0 until the first update.</summary>
    public long Generation { get; init; }

    public long CreatedAt { get; init; }

    public ReadOnlyMemory<byte> Fields { get; init; }

    /// <summary>Sealed at the latest then, although held.</summary>
    public long HardDue { get; init; } = long.MaxValue;

    /// <summary>May be sealed from then on; <see cref="long.MaxValue"/> = not yet.</summary>
    public long Due { get; init; } = long.MaxValue;

    /// <summary>The duration behind <see cref="Due"/>.</summary>
    public long DueAfter { get; init; }

    public bool Forced { get; init; }

    /// <summary>A reference alone is a generation: what is held never stands without one, also when a forced one was sealed under its holders.</summary>
    public bool CountsReferences { get; init; }

    /// <summary>Due, but the predecessor is still being completed; the due time is kept here and not in the queue.</summary>
    public bool Waiting { get; init; }

    public CompletionReason Reason { get; init; }

    public bool HasUpdates => Generation != 0;
}

/// <summary>A generation that nothing can change any more, on its way to the sink.</summary>
internal sealed record SealedRecord
{
    public required long Generation { get; init; }

    public required ReadOnlyMemory<byte> Fields { get; init; }

    public required long TimesModified { get; init; }

    public required long CreatedAt { get; init; }

    public required long SealedAt { get; init; }

    public required CompletionReason Reason { get; init; }

    /// <summary>The fencing token of the current claim; a new one at every hand-over.</summary>
    public long Token { get; init; }

    public int Attempt { get; init; }

    public long LeaseDeadline { get; init; }

    /// <summary>The duration behind <see cref="LeaseDeadline"/>.</summary>
    public long Lease { get; init; }

    /// <summary>Failed too often: waits for a person, and later generations with it.</summary>
    public bool Parked { get; init; }

    /// <summary>Replayed after later generations were completed.</summary>
    public bool OutOfOrder { get; init; }

    public string? LastError { get; init; }

    /// <summary>As its claimant gets it.</summary>
    public ClaimedSession ToClaim(ResourceKey resource) =>
        new(resource, Generation, Token, Attempt, Fields, TimesModified, CreatedAt, SealedAt, Reason, OutOfOrder);

    /// <summary>As it is listed.</summary>
    public SealedEntry ToEntry(ResourceKey resource) => new(resource, Generation, Token, Attempt, LeaseDeadline, Parked, LastError);

    /// <summary>As a dead letter.</summary>
    public DeadLetterEntry ToLetter(ResourceKey resource, string error, long at) => new(resource, Generation, DeadLetterKind.Completion, Fields, Attempt, error, at)
    {
        TimesModified = TimesModified,
        CreatedAt = CreatedAt,
        SealedAt = SealedAt,
        Reason = Reason,
    };
}
