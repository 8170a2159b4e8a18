using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>A transition that an engine asks a coordinator for. Immutable: a retry sends the same object.</summary>
/// <typeparam name="TReply">Its answer.</typeparam>
internal abstract record CoordinatorRequest<TReply>
{
    /// <summary>The highest generation or token that the engine has seen in the partition: floors the partition's clock.</summary>
    public long Seen { get; init; }
}

/// <summary>One resource's part of a batch. A resource occurs at most once in a batch.</summary>
/// <param name="Resource">The resource.</param>
/// <param name="Delta">Canonical record bytes; empty = nothing to merge.</param>
/// <param name="Holds">Whether the incarnation holds the resource after the batch.</param>
/// <param name="Force">Seal now, although others may hold the resource. The delta belongs to the forced generation.</param>
/// <param name="Reason">Why the local session ended, when it did.</param>
internal readonly record struct BatchItem(ResourceKey Resource, ReadOnlyMemory<byte> Delta, bool Holds, bool Force, CompletionReason Reason);

/// <summary>The durations that a flush applies, in microseconds of server time; <see cref="long.MaxValue"/> = never.</summary>
/// <param name="Lease">How long the incarnation lives without a sign.</param>
/// <param name="Linger">How long a resource without holders waits for a newcomer.</param>
/// <param name="Hard">How long after its first update a session is sealed although it is held.</param>
/// <param name="Inactivity">With sessions that end by inactivity: the gap. Otherwise 0.</param>
/// <param name="TombstoneLife">How long a fenced incarnation is remembered.</param>
/// <param name="OpenLimit">Open resources beyond which a newcomer is due at once.</param>
/// <param name="DeadLetterLimit">Dead letters of a partition beyond which completions park and items are handed back.</param>
internal sealed record FlushTerms(long Lease, long Linger, long Hard, long Inactivity, long TombstoneLife, int OpenLimit, int DeadLetterLimit)
{
    /// <summary>Of a namespace of references; null: of an aggregate, whose sessions begin with updates and are claimed by those who ask.</summary>
    public ReferenceTerms? References { get; init; }
}

/// <summary>What a flush does beyond an aggregate's: a reference alone opens a generation, and whoever lets go last gets the claim in the reply.</summary>
/// <param name="ClaimLease">How long such a claim lasts without a sign.</param>
/// <param name="Holder">Who the engine is, for people: kept with each reference.</param>
internal sealed record ReferenceTerms(long ClaimLease, string Holder)
{
    /// <summary>The most bytes of <see cref="Holder"/> in UTF-8.</summary>
    public const int MaxHolderBytes = 256;
}

/// <summary>Applies batch <paramref name="Number"/> of an incarnation's lane, once.</summary>
internal sealed record FlushRequest(
    ulong Layout, IncarnationId Incarnation, long Number, ulong Hash, ImmutableArray<BatchItem> Items, FlushTerms Terms) : CoordinatorRequest<FlushReply>;

internal enum FlushStatus
{
    /// <summary>Applied now.</summary>
    Applied,

    /// <summary>Applied before; the outcomes are the ones of then.</summary>
    Duplicate,

    /// <summary>The incarnation is dead. <see cref="FlushReply.Last"/> is the last number that was applied.</summary>
    Fenced,

    /// <summary>The server knows the incarnation but lost batches after <see cref="FlushReply.Last"/>.</summary>
    Gap,

    /// <summary>The server doesn't know the incarnation, and it is not a new one.</summary>
    Unknown,

    /// <summary>This number was applied with other bytes: two engines share an identity.</summary>
    Conflict,

    /// <summary>The partition was written with another layout.</summary>
    LayoutMismatch,
}

internal enum ItemOutcome
{
    /// <summary>The delta would overflow a field; it was put aside as a dead letter.</summary>
    Overflow,

    /// <summary>The delta is not of the schema; it was put aside as a dead letter.</summary>
    Malformed,

    /// <summary>As <see cref="Overflow"/>, but the partition's dead letters are full: the engine has to keep it.</summary>
    OverflowNotKept,

    /// <summary>As <see cref="Malformed"/>, but the partition's dead letters are full: the engine has to keep it.</summary>
    MalformedNotKept,
}

/// <summary>An item whose delta was not merged. Items that are not listed were.</summary>
internal readonly record struct RefusedItem(int Index, ItemOutcome Outcome);

/// <summary>An item that let go of a resource last: kept with the batch, so that a copy of it is answered as the batch was.</summary>
/// <param name="Index">Which item.</param>
/// <param name="Generation">The generation that ended with it.</param>
/// <param name="Token">Of the claim; 0: none, because the generation before is still being completed, and this one's turn comes after it.</param>
internal readonly record struct ReleasedItem(int Index, long Generation, long Token);

/// <param name="Status">What happened.</param>
/// <param name="Last">The last number applied.</param>
/// <param name="Refused">The refused items of batch <paramref name="Last"/>.</param>
/// <param name="Now">Server time.</param>
/// <param name="Clock">The partition's hybrid clock.</param>
/// <param name="NextDue">When the next session is due, or <see cref="long.MaxValue"/>.</param>
internal sealed record FlushReply(FlushStatus Status, long Last, ImmutableArray<RefusedItem> Refused, long Now, long Clock, long NextDue)
{
    /// <summary>Of a batch that was applied now: the items whose resources have so many opaque deltas that an engine should compact them.</summary>
    public ImmutableArray<int> Crowded { get; init; } = [];

    /// <summary>The items of batch <see cref="Last"/> that let go last; only in a namespace of references, and only if the request was that batch.</summary>
    public ImmutableArray<ReleasedItem> Released { get; init; } = [];

    /// <summary>The claims among <see cref="Released"/> that are still the asker's, in the same order.</summary>
    public ImmutableArray<ClaimedSession> Claims { get; init; } = [];
}

/// <summary>Seals due sessions and takes over abandoned ones, up to <paramref name="Limit"/>.</summary>
internal sealed record ClaimRequest(int Limit, long Lease) : CoordinatorRequest<ClaimReply>;

/// <summary>A sealed session that the claimant may complete.</summary>
internal sealed record ClaimedSession(
    ResourceKey Resource, long Generation, long Token, int Attempt, ReadOnlyMemory<byte> Fields, long TimesModified, long CreatedAt, long SealedAt,
    CompletionReason Reason, bool OutOfOrder);

internal sealed record ClaimReply(ImmutableArray<ClaimedSession> Claims, long Now, long Clock, long NextDue, long NextClaimExpiry);

/// <summary>The right to complete one sealed generation, as the claimant knows it.</summary>
internal readonly record struct ClaimTicket(ResourceKey Resource, long Generation, long Token);

/// <summary>Ends sealed sessions whose sink has them.</summary>
internal sealed record AcknowledgeRequest(ImmutableArray<ClaimTicket> Tickets) : CoordinatorRequest<AcknowledgeReply>;

/// <param name="Accepted">One per ticket: false = the ticket was stale and nothing happened.</param>
internal sealed record AcknowledgeReply(ImmutableArray<bool> Accepted, long Now, long NextDue);

/// <summary>Keeps claims while their completions run.</summary>
internal sealed record ExtendRequest(ImmutableArray<ClaimTicket> Tickets, long Lease) : CoordinatorRequest<ExtendReply>;

/// <param name="Held">One per ticket: false = the claim was lost.</param>
internal sealed record ExtendReply(ImmutableArray<bool> Held, long Now);

/// <summary>What becomes of a resource whose completion failed for the last time.</summary>
internal enum PoisonRule
{
    Park,
    Skip,
}

/// <summary>Gives a claim back: it may be claimed again after <paramref name="Backoff"/>, or becomes a dead letter after the last try.</summary>
internal sealed record AbandonRequest(ClaimTicket Ticket, long Backoff, int MaxAttempts, string Error, PoisonRule Poison, int DeadLetterLimit)
    : CoordinatorRequest<AbandonReply>;

internal enum AbandonStatus
{
    Stale,
    WillRetry,
    DeadLettered,
}

internal sealed record AbandonReply(AbandonStatus Status, long Now, long NextDue);

/// <summary>A sign of life; finds the dead and what is due; purges old tombstones and clamps deadlines after the clock was set back.</summary>
internal sealed record BeatRequest(IncarnationId Incarnation, long Lease, int Limit) : CoordinatorRequest<BeatReply>;

internal enum BeatStatus
{
    Alive,
    Fenced,
    Unknown,
}

internal sealed record BeatReply(BeatStatus Status, long Last, ImmutableArray<IncarnationId> Expired, long Now, long NextDue, long NextClaimExpiry);

/// <summary>A look at a partition that changes nothing; also tells the server's time to an engine that wants an identity.</summary>
internal sealed record PokeRequest(int Limit) : CoordinatorRequest<PokeReply>;

internal sealed record PokeReply(
    long Now, long Clock, ImmutableArray<IncarnationId> Expired, long NextDue, long NextClaimExpiry, int Open, int Held, int Sealed, int Parked, int Members);

/// <summary>Fences an expired incarnation and takes back up to <paramref name="Limit"/> of its references.</summary>
internal sealed record ReapRequest(IncarnationId Incarnation, int Limit, long Linger, long TombstoneLife) : CoordinatorRequest<ReapReply>;

/// <param name="WasExpired">False: the incarnation lives, nothing happened.</param>
/// <param name="Remaining">References that are still to be taken back.</param>
internal sealed record ReapReply(bool WasExpired, int Remaining, long Now, long NextDue);

/// <summary>Leaves a partition where the incarnation holds nothing.</summary>
internal sealed record LeaveRequest(IncarnationId Incarnation, long TombstoneLife) : CoordinatorRequest<LeaveReply>;

internal sealed record LeaveReply(bool HasLeft, int StillHeld);

/// <summary>Ends every open session of the partition now; those that are held get <paramref name="Reason"/>.</summary>
internal sealed record EndRequest(CompletionReason Reason) : CoordinatorRequest<EndReply>;

internal sealed record EndReply(int Ended, long Now, long NextDue);

/// <summary>Reads live values.</summary>
internal sealed record PeekRequest(ImmutableArray<ResourceKey> Resources) : CoordinatorRequest<PeekReply>;

/// <param name="Open">The open generation's record; empty when it has no updates.</param>
/// <param name="Sealed">The record that is being completed, or empty.</param>
internal sealed record PeekedResource(
    ReadOnlyMemory<byte> Open, int Holders, long TimesModified, long Generation, ReadOnlyMemory<byte> Sealed, long SealedGeneration)
{
    public static PeekedResource Of(OpenRecord open, SealedRecord? done) =>
        new(open.Fields, open.Holders, open.TimesModified, open.Generation, done?.Fields ?? default, done?.Generation ?? 0);
}

internal sealed record PeekReply(ImmutableArray<PeekedResource> Resources, long Now);

/// <summary>Who holds a resource.</summary>
internal sealed record HoldersRequest(ResourceKey Resource) : CoordinatorRequest<HoldersReply>;

internal sealed record HoldersReply(ImmutableArray<IncarnationId> Holders)
{
    /// <summary>In the same order: what is known of each. Empty strings and zeros for an aggregate's holders.</summary>
    public ImmutableArray<HolderEntry> Entries { get; init; } = [];
}

/// <param name="Since">Server time at which the reference was taken.</param>
/// <param name="LastSeen">Server time of the last sign of life; 0: the incarnation is dead, and its reference is about to be taken back.</param>
/// <param name="Holder">Who it is, as it said itself.</param>
internal readonly record struct HolderEntry(IncarnationId Incarnation, long Since, long LastSeen, string Holder);

/// <summary>Lists the members of a partition.</summary>
internal sealed record MembersRequest : CoordinatorRequest<MembersReply>;

internal sealed record MemberEntry(IncarnationId Incarnation, long Applied, long LeaseDeadline, int Held, bool IsFenced)
{
    /// <summary>Server time of the last sign of life of a member; 0 of the dead.</summary>
    public long LastSeen { get; init; }
}

internal sealed record MembersReply(ImmutableArray<MemberEntry> Members, long Now);

/// <summary>Lists sealed sessions.</summary>
internal sealed record ClaimsRequest(int Limit) : CoordinatorRequest<ClaimsReply>;

internal sealed record SealedEntry(ResourceKey Resource, long Generation, long Token, int Attempt, long LeaseDeadline, bool IsParked, string? LastError);

internal sealed record ClaimsReply(ImmutableArray<SealedEntry> Sessions, long Now);

internal enum DeadLetterKind
{
    /// <summary>A sealed session whose completion failed too often.</summary>
    Completion,

    /// <summary>A delta that could not be merged.</summary>
    Item,
}

/// <param name="Id">The generation of a completion; for an item a number from the partition's clock.</param>
internal sealed record DeadLetterEntry(ResourceKey Resource, long Id, DeadLetterKind Kind, ReadOnlyMemory<byte> Fields, int Attempts, string Error, long At)
{
    /// <summary>Of a completion, as are the next three: a replay delivers exactly what was delivered before (I4).</summary>
    public long TimesModified { get; init; }

    public long CreatedAt { get; init; }

    public long SealedAt { get; init; }

    public CompletionReason Reason { get; init; }
}

internal sealed record DeadLettersRequest(int Limit) : CoordinatorRequest<DeadLettersReply>;

internal sealed record DeadLettersReply(ImmutableArray<DeadLetterEntry> Letters, int Total);

/// <summary>Gives a dead letter another life.</summary>
internal sealed record ReplayRequest(ResourceKey Resource, long Id, long Linger) : CoordinatorRequest<ReplayReply>;

internal enum ReplayStatus
{
    NotFound,
    Replayed,

    /// <summary>The resource has a sealed session that must end first.</summary>
    Busy,

    /// <summary>The delta still cannot be merged.</summary>
    StillRefused,
}

internal sealed record ReplayReply(ReplayStatus Status, long Now, long NextDue);

/// <summary>Deletes a dead letter for good.</summary>
internal sealed record PurgeRequest(ResourceKey Resource, long Id) : CoordinatorRequest<PurgeReply>;

internal sealed record PurgeReply(bool Purged, long Now, long NextDue);
