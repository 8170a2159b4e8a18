using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>A transition of one partition of the locks, as docs/locks-protocol.md describes it. Immutable: a retry sends the same object.</summary>
/// <typeparam name="TReply">Its answer.</typeparam>
internal abstract record LockRequest<TReply>
{
    /// <summary>The highest clock that the engine has seen in the partition: floors the partition's clock, so tokens grow though the server lost writes.</summary>
    public long Seen { get; init; }
}

/// <summary>What a handle wants to do with a resource.</summary>
internal enum LockMode
{
    /// <summary>Nobody else holds.</summary>
    Exclusive,

    /// <summary>With others that share, and one that may become a writer.</summary>
    Shared,

    /// <summary>As <see cref="Shared"/>; one at a time, which may become exclusive.</summary>
    Upgradeable,

    /// <summary>One of as many as the claim's capacity.</summary>
    Permit,

    /// <summary>Is granted together with the others, when as many as the claim's capacity wait.</summary>
    Rendezvous,

    /// <summary>Counts for <see cref="Await"/>; outlives its session, until its bound.</summary>
    Signal,

    /// <summary>Is granted when there are as many signals as the claim's capacity.</summary>
    Await,
}

/// <summary>Who may overtake whom. The request that finds no record decides it for the record's life.</summary>
internal enum LockPolicy
{
    /// <summary>Readers wait while a writer waits.</summary>
    WritersFirst,

    /// <summary>Nobody overtakes.</summary>
    FirstInFirstOut,

    /// <summary>Who fits is granted.</summary>
    Overtaking,
}

/// <summary>What the sessions of one engine have in common, in all partitions: 96 random bits. Where its pushes go.</summary>
internal readonly record struct LockEngineId(uint High, ulong Low)
{
    public static LockEngineId Of(IncarnationId session) => new(session.High, session.Low);
}

/// <summary>One engine's handle in one partition.</summary>
/// <param name="Session">The session that it belongs to.</param>
/// <param name="Number">Grows within the session and is never used again.</param>
internal readonly record struct LockHandleId(IncarnationId Session, long Number) : IComparable<LockHandleId>
{
    public int CompareTo(LockHandleId other)
    {
        int order = Session.CompareTo(other.Session);
        return order != 0 ? order : Number.CompareTo(other.Number);
    }

    public override string ToString() => $"{Session}/{Number}";
}

/// <param name="Capacity">With <see cref="LockMode.Permit"/>, <see cref="LockMode.Rendezvous"/> and <see cref="LockMode.Await"/>: at least 1.</param>
internal sealed record LockClaim(ResourceKey Resource, LockMode Mode, int Capacity = 1)
{
    /// <summary>Equal for claims that fit, or do not fit, alike.</summary>
    public (LockMode Mode, int Capacity) Kind => (Mode, Mode is LockMode.Permit or LockMode.Rendezvous or LockMode.Await ? Capacity : 0);
}

/// <summary>Begins a session. The server issues its identity, so a late copy makes a session that nobody knows, which runs out.</summary>
/// <param name="Engine">Becomes part of the identity.</param>
/// <param name="Lease">In microseconds of server time; <see cref="Durations.Never"/> only where engine and coordinator share a process.</param>
/// <param name="Description">For people: machine and process.</param>
internal sealed record OpenSessionRequest(LockEngineId Engine, long Lease, string Description) : LockRequest<OpenSessionReply>;

internal sealed record OpenSessionReply(IncarnationId Session, long Now, long Clock);

/// <summary>A sign of life for everything that the session has in the partition; looks up handles; sweeps.</summary>
/// <param name="LookUp">Numbers of handles.</param>
/// <param name="Limit">How many sessions, handles and bounds the sweep may take back.</param>
internal sealed record RenewRequest(IncarnationId Session, long Lease, ImmutableArray<long> LookUp, int Limit) : LockRequest<RenewReply>
{
    /// <summary>Count the session's handles with numbers up to this. 0: don't.</summary>
    public long CountTo { get; init; }
}

internal enum HandleStanding
{
    /// <summary>The partition knows nothing of it: it was released, its bound has passed, or the server lost it.</summary>
    Unknown,

    Waiting,

    Held,
}

/// <param name="Token">Of a held one.</param>
/// <param name="Since">When it was granted, or began to wait.</param>
/// <param name="IsUpgrading">Held, and waits to become exclusive.</param>
internal readonly record struct HandleReport(
    long Number, HandleStanding Standing, LockMode Mode, long Token, long Since, bool IsUpgrading, bool IsRevocationRequested);

/// <param name="IsAlive">False: the session is dead, nothing was done for it.</param>
/// <param name="Handles">One per number that was asked for.</param>
/// <param name="NextExpiry">When the next lease or bound of the partition runs out, or <see cref="Durations.Never"/>.</param>
/// <param name="IsSweepUnfinished">The limit was reached: come again.</param>
internal sealed record RenewReply(
    bool IsAlive, ImmutableArray<HandleReport> Handles, long NextExpiry, bool IsSweepUnfinished, long Now, long Clock)
{
    /// <summary>How many handles hold or wait, of those that were to be counted.</summary>
    public long Counted { get; init; }
}

/// <summary>Lists the numbers of a living session's handles in ascending order: what the partition believes that the session holds and waits for.</summary>
/// <param name="After">Continues behind this number.</param>
internal sealed record HandlesRequest(IncarnationId Session, long After, int Limit) : LockRequest<HandlesReply>;

/// <param name="IsUnfinished">The limit was reached: ask again behind the last one.</param>
internal sealed record HandlesReply(ImmutableArray<long> Numbers, bool IsUnfinished);

/// <summary>Takes all claims or none.</summary>
/// <param name="Claims">At least one, of different resources of the partition.</param>
/// <param name="Policy">For records that do not exist yet.</param>
/// <param name="Waits">Whether to wait when it does not fit.</param>
/// <param name="MaxHold">How long after the grant the hold ends whatever its session does; needed for <see cref="LockMode.Signal"/>.</param>
/// <param name="Owner">Who is behind the handle, for reports of deadlocks; empty = only itself.</param>
internal sealed record AcquireRequest(
    IncarnationId Session, long Number, ImmutableArray<LockClaim> Claims, LockPolicy Policy, bool Waits, long MaxHold, string Owner)
    : LockRequest<AcquireReply>;

internal enum AcquireStatus
{
    Granted,

    /// <summary>It waits; a wake will tell.</summary>
    Waiting,

    /// <summary>It does not fit, and was not to wait: nothing is left of it.</summary>
    Busy,

    /// <summary>The number has been released with doubt, or its bound has passed: nothing changed.</summary>
    Finished,

    /// <summary>The handle does not hold, can't be converted so, or a later step has been taken: nothing changed.</summary>
    Refused,

    /// <summary>The session is dead: nothing changed for it.</summary>
    SessionLost,
}

/// <param name="Token">Of a granted one.</param>
/// <param name="Since">When it was granted, or began to wait.</param>
/// <param name="NextExpiry">As in <see cref="RenewReply"/>: for who waits.</param>
internal sealed record AcquireReply(AcquireStatus Status, long Token, long Since, long NextExpiry, long Now, long Clock);

/// <summary>Gives a held handle with one claim another mode. To the mode that it has: takes back an upgrade that waits.</summary>
/// <param name="Step">Grows with every conversion of the handle: a copy of an earlier one is refused.</param>
internal sealed record ConvertRequest(IncarnationId Session, long Number, long Step, LockMode Mode, bool Waits) : LockRequest<AcquireReply>;

/// <summary>Ends a handle that holds or waits.</summary>
/// <param name="IsDoubtful">A copy of something that was sent for the handle may still be under way: remember the number.</param>
internal sealed record ReleaseRequest(IncarnationId Session, long Number, bool IsDoubtful) : LockRequest<ReleaseReply>;

internal enum ReleaseStatus
{
    /// <summary>It held.</summary>
    Released,

    /// <summary>It waited.</summary>
    GaveUp,

    /// <summary>There was nothing of it.</summary>
    NotFound,

    SessionLost,
}

internal sealed record ReleaseReply(ReleaseStatus Status, long Now, long Clock);

/// <summary>Ends a session and takes back up to <paramref name="Limit"/> of its handles.</summary>
internal sealed record CloseSessionRequest(IncarnationId Session, int Limit) : LockRequest<CloseSessionReply>;

/// <param name="WasAlive">False: there was no such session, or it was dead.</param>
/// <param name="Remaining">Handles that are still to be taken back: by asking again, or by sweeps.</param>
internal sealed record CloseSessionReply(bool WasAlive, int Remaining);

/// <summary>Lists who holds and who waits, without the dead.</summary>
/// <param name="Limit">The most waiters to list.</param>
internal sealed record ParticipantsRequest(ResourceKey Resource, int Limit) : LockRequest<ParticipantsReply>;

/// <param name="Token">0 while it waits.</param>
/// <param name="Since">When it was granted, or began to wait.</param>
internal sealed record ParticipantEntry(
    LockHandleId Handle, LockMode Mode, long Token, long Since, string Owner, string Description, bool IsRevocationRequested);

/// <param name="Waiters">In the order in which they came; an upgrade first.</param>
/// <param name="Waiting">How many wait, listed or not.</param>
internal sealed record ParticipantsReply(ImmutableArray<ParticipantEntry> Holders, ImmutableArray<ParticipantEntry> Waiters, int Waiting, long Now);

/// <summary>Asks the holders of a resource to let go.</summary>
internal sealed record RevokeRequest(ResourceKey Resource) : LockRequest<RevokeReply>;

internal sealed record RevokeReply(int Asked);

/// <summary>Ends the signals of a resource: it counts from 0 again.</summary>
internal sealed record ForgetRequest(ResourceKey Resource) : LockRequest<ForgetReply>;

internal sealed record ForgetReply(int Forgotten);

/// <summary>Lists records in which somebody waits, by resource.</summary>
/// <param name="After">Continues behind this resource; null = begins.</param>
/// <param name="Participants">The most holders, and the most waiters, that are listed of a record.</param>
internal sealed record SurveyRequest(ResourceKey? After, int Limit, int Participants) : LockRequest<SurveyReply>;

internal sealed record SurveyedRecord(ResourceKey Resource, LockPolicy Policy, ImmutableArray<ParticipantEntry> Holders, ImmutableArray<ParticipantEntry> Waiters);

internal sealed record SurveyReply(ImmutableArray<SurveyedRecord> Records, bool IsUnfinished);
