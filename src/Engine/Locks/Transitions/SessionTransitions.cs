using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Sessions: open, renew, close.</summary>
internal static class SessionTransitions
{
    public static OpenSessionReply Open(LockDraft draft, OpenSessionRequest request)
    {
        IncarnationId session = new(draft.Tick(), request.Engine.High, request.Engine.Low);
        draft.PutSession(session, new LockSession(Durations.After(draft.Now, request.Lease), request.Lease, request.Description));
        return new OpenSessionReply(session, draft.Now, draft.Clock);
    }

    public static RenewReply Renew(LockDraft draft, RenewRequest request)
    {
        if (draft.IsClockSetBack)
            draft.BringBackDeadlines();
        LockSession? session = draft.Living(request.Session);
        if (session is not null)
            draft.PutSession(request.Session, session with { LeaseDeadline = Durations.After(draft.Now, request.Lease), Lease = request.Lease });
        draft.Sweep(request.Limit);
        ImmutableArray<HandleReport> handles = session is null
            ? []
            : [.. request.LookUp.Select(number => LookUp(draft, new LockHandleId(request.Session, number)))];
        return new RenewReply(session is not null, handles, draft.NextExpiry, draft.IsSweepUnfinished, draft.Now, draft.Clock)
        {
            Counted = draft.State.Sessions.GetValueOrDefault(request.Session)?.Handles.Keys.Count(number => number <= request.CountTo) ?? 0,
        };
    }

    public static HandlesReply Handles(LockDraft draft, HandlesRequest request)
    {
        if (!draft.IsAlive(request.Session))
            return new HandlesReply([], IsUnfinished: false);
        ImmutableArray<long> numbers = [.. draft.State.Sessions[request.Session].Handles.Keys.Where(number => number > request.After).Take(request.Limit + 1)];
        return new HandlesReply([.. numbers.Take(request.Limit)], numbers.Length > request.Limit);
    }

    public static CloseSessionReply Close(LockDraft draft, CloseSessionRequest request)
    {
        bool wasAlive = draft.Living(request.Session) is not null;
        draft.EndSession(request.Session);
        for (int i = 0; i < request.Limit && First(draft, request.Session) is { } handle; i++)
            draft.EndHandle(handle, draft.EntryOf(handle)!);
        draft.Settle();
        return new CloseSessionReply(wasAlive, draft.State.Ending.TryGetValue(request.Session, out var left) ? left.Count : 0);
    }

    private static LockHandleId? First(LockDraft draft, IncarnationId session) =>
        draft.State.Ending.TryGetValue(session, out var handles) ? new LockHandleId(session, handles.Keys.First()) : null;

    private static HandleReport LookUp(LockDraft draft, LockHandleId handle)
    {
        if (draft.EntryOf(handle) is not { } entry)
            return new HandleReport(handle.Number, HandleStanding.Unknown, default, 0, 0, IsUpgrading: false, IsRevocationRequested: false);
        LockRecord record = draft.Record(entry.Resources[0])!;
        if (entry.Place != 0)
        {
            LockWaiter waiter = record.Waiters[entry.Place];
            return new HandleReport(handle.Number, HandleStanding.Waiting, waiter.Claims[0].Mode, 0, waiter.Since, IsUpgrading: false, IsRevocationRequested: false);
        }

        LockHolder holder = record.HolderOf(handle)!;
        return new HandleReport(
            handle.Number, HandleStanding.Held, holder.Mode, holder.Token, holder.Since, record.Upgrade?.Handle == handle,
            entry.Resources.Any(resource => draft.Record(resource)!.HolderOf(handle)!.IsRevocationRequested));
    }
}
