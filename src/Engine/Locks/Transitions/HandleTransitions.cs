using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What becomes of handles: acquire, convert, release.</summary>
internal static class HandleTransitions
{
    public static AcquireReply Acquire(LockDraft draft, AcquireRequest request)
    {
        LockHandleId handle = new(request.Session, request.Number);
        if (draft.Living(request.Session) is not { } session)
            return Answer(draft, AcquireStatus.SessionLost);
        if (session.Handles.TryGetValue(request.Number, out LockHandleEntry? entry))
            return Look(draft, handle, entry);
        LockClaim first = request.Claims[0];
        bool isSignal = first.Mode == LockMode.Signal;
        if (isSignal && draft.Record(first.Resource)?.HolderOf(handle) is { } signal)
            return Granted(draft, signal);
        if (session.IsFinished(request.Number))
            return Answer(draft, AcquireStatus.Finished);
        if (isSignal && request.MaxHold == Durations.Never)
            return Answer(draft, AcquireStatus.Refused); // nothing would ever end it

        foreach (LockClaim claim in request.Claims)
            draft.Unsettle(claim.Resource);
        draft.Settle();
        long maxHold = isSignal ? Math.Max(request.MaxHold, MakeRoom(draft, first)) : request.MaxHold;
        bool isFree = IsFree(draft, request);
        if (!isFree && !request.Waits)
            return Answer(draft, AcquireStatus.Busy);
        LockWaiter newcomer = new(handle, draft.Tick(), draft.Now, request.Claims, request.Policy, maxHold, request.Owner, IsUpgrade: false);
        if (isFree && first.Mode != LockMode.Rendezvous)
        {
            draft.Grant(newcomer, newcomer.Place);
            draft.Settle();
            return Answer(draft, AcquireStatus.Granted, newcomer.Place, draft.Now);
        }

        // A rendezvous is always in the queue when it is granted: all who met are granted alike.
        draft.Enqueue(newcomer);
        foreach (LockClaim claim in request.Claims)
            draft.Unsettle(claim.Resource);
        draft.Settle();
        return Standing(draft, handle, draft.EntryOf(handle)!);
    }

    public static AcquireReply Convert(LockDraft draft, ConvertRequest request)
    {
        LockHandleId handle = new(request.Session, request.Number);
        if (draft.Living(request.Session) is not { } session)
            return Answer(draft, AcquireStatus.SessionLost);
        if (!session.Handles.TryGetValue(request.Number, out LockHandleEntry? entry) || entry is not { Place: 0, Resources: [{ } resource] })
            return Answer(draft, AcquireStatus.Refused);
        draft.Unsettle(resource);
        draft.Settle();
        if (draft.Record(resource)?.HolderOf(handle) is not { } holder || request.Step < holder.Step)
            return Answer(draft, AcquireStatus.Refused);
        LockRecord record = draft.Record(resource)!;
        bool isUpgrading = record.Upgrade?.Handle == handle;
        if (request.Step == holder.Step)
            return isUpgrading ? Answer(draft, AcquireStatus.Waiting, 0, record.Upgrade!.Since) : Granted(draft, holder);

        holder = holder with { Step = request.Step };
        switch (holder.Mode, request.Mode)
        {
            case (LockMode.Upgradeable, LockMode.Exclusive) when record.Holders.Length > 1:
                if (!request.Waits)
                    return Answer(draft, AcquireStatus.Busy);
                LockWaiter upgrade = new(
                    handle, draft.Tick(), draft.Now, [new LockClaim(resource, LockMode.Exclusive)], record.Policy, holder.MaxHold, holder.Owner, IsUpgrade: true);
                draft.PutHolder(resource, record with { Upgrade = upgrade }, holder);
                return Answer(draft, AcquireStatus.Waiting, 0, upgrade.Since);
            case (LockMode.Upgradeable, LockMode.Exclusive):
                holder = holder with { Mode = LockMode.Exclusive, Token = draft.Tick() };
                break;
            case (LockMode.Exclusive, LockMode.Shared or LockMode.Upgradeable) or (LockMode.Upgradeable, LockMode.Shared):
                holder = holder with { Mode = request.Mode };
                break;
            case var (held, wanted) when held == wanted:
                break;
            default:
                return Answer(draft, AcquireStatus.Refused);
        }

        draft.PutHolder(resource, record with { Upgrade = isUpgrading ? null : record.Upgrade }, holder);
        draft.Unsettle(resource);
        draft.Settle();
        return Granted(draft, holder);
    }

    public static ReleaseReply Release(LockDraft draft, ReleaseRequest request)
    {
        if (draft.Living(request.Session) is not { } session)
            return new ReleaseReply(ReleaseStatus.SessionLost, draft.Now, draft.Clock);
        LockHandleId handle = new(request.Session, request.Number);
        ReleaseStatus status = ReleaseStatus.NotFound;
        if (session.Handles.TryGetValue(request.Number, out LockHandleEntry? entry))
        {
            status = entry.Place == 0 ? ReleaseStatus.Released : ReleaseStatus.GaveUp;
            if (status == ReleaseStatus.Released && draft.Record(entry.Resources[0])?.HolderOf(handle) is { } holder && holder.Deadline <= draft.Now)
                status = ReleaseStatus.NotFound; // ended by its bound, as if somebody had looked a moment before
            draft.EndHandle(handle, entry);
            draft.Settle();
        }

        bool isRemembered = session.Finished.Contains(request.Number);
        if (draft.Living(request.Session) is { } after && request.IsDoubtful != isRemembered)
            draft.PutSession(request.Session, request.IsDoubtful ? after.Finish(request.Number) : after with { Finished = after.Finished.Remove(request.Number) });
        return new ReleaseReply(status, draft.Now, draft.Clock);
    }

    /// <summary>A handle that is known is asked for again: who waits looks.</summary>
    private static AcquireReply Look(LockDraft draft, LockHandleId handle, LockHandleEntry entry)
    {
        foreach (ResourceKey resource in entry.Resources)
            draft.Unsettle(resource);
        draft.Settle();
        return draft.EntryOf(handle) is { } still ? Standing(draft, handle, still) : Answer(draft, AcquireStatus.Finished);
    }

    private static AcquireReply Standing(LockDraft draft, LockHandleId handle, LockHandleEntry entry)
    {
        LockRecord record = draft.Record(entry.Resources[0])!;
        return entry.Place == 0
            ? Granted(draft, record.HolderOf(handle)!)
            : Answer(draft, AcquireStatus.Waiting, 0, record.Waiters[entry.Place].Since);
    }

    /// <summary>
    /// More signals than anybody counts would be kept for nothing: those that end first make room, and who takes the place of one stays for as long as that would
    /// have. So whether as many as counted are there is the same at every moment as if all were kept.
    /// </summary>
    /// <returns>How long the newcomer stays at least.</returns>
    private static long MakeRoom(LockDraft draft, LockClaim claim)
    {
        long left = 0;
        while (draft.Record(claim.Resource) is { } record)
        {
            LockHolder[] signals = [.. record.Holders.Where(static holder => holder.OutlivesSession)];
            if (signals.Length < claim.Capacity)
                break;
            LockHolder first = signals.MinBy(static signal => signal.Deadline)!;
            draft.EndSignal(claim.Resource, first);
            left = first.Deadline - draft.Now;
        }

        return left;
    }

    private static bool IsFree(LockDraft draft, AcquireRequest request)
    {
        foreach (LockClaim claim in request.Claims)
        {
            LockRecord? record = draft.Record(claim.Resource);
            if (!GrantRules.Fits(record, claim, waits: false) || GrantRules.IsKeptBack(record, claim.Mode, request.Claims.Length, long.MaxValue))
                return false;
        }

        return true;
    }

    private static AcquireReply Granted(LockDraft draft, LockHolder holder) => Answer(draft, AcquireStatus.Granted, holder.Token, holder.Since);

    private static AcquireReply Answer(LockDraft draft, AcquireStatus status, long token = 0, long since = 0) =>
        new(status, token, since, draft.NextExpiry, draft.Now, draft.Clock);
}
