using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Who holds and who waits: for people, for requests to let go, for reports.</summary>
internal static class ParticipantTransitions
{
    public static ParticipantsReply Participants(LockDraft draft, ParticipantsRequest request)
    {
        if (draft.Record(request.Resource) is not { } record)
            return new ParticipantsReply([], [], 0, draft.Now);
        ImmutableArray<ParticipantEntry> waiters = Waiters(draft, request.Resource, record);
        return new ParticipantsReply(Holders(draft, record), [.. waiters.Take(request.Limit)], waiters.Length, draft.Now);
    }

    public static RevokeReply Revoke(LockDraft draft, RevokeRequest request)
    {
        draft.Unsettle(request.Resource);
        draft.Settle();
        if (draft.Record(request.Resource) is not { } record)
            return new RevokeReply(0);
        int asked = 0;
        foreach (LockHolder holder in record.Holders)
        {
            if (holder.OutlivesSession)
                continue;
            draft.PutHolder(request.Resource, draft.Record(request.Resource)!, holder with { IsRevocationRequested = true });
            draft.Wake(LockWakeKind.RevocationRequested, holder.Handle, holder.Token);
            asked++;
        }

        return new RevokeReply(asked);
    }

    public static ForgetReply Forget(LockDraft draft, ForgetRequest request)
    {
        LockHolder[] signals = draft.Record(request.Resource) is { } record ? [.. record.Holders.Where(static holder => holder.OutlivesSession)] : [];
        foreach (LockHolder signal in signals)
            draft.EndSignal(request.Resource, signal);
        draft.Settle();
        return new ForgetReply(signals.Length);
    }

    public static SurveyReply Survey(LockDraft draft, SurveyRequest request)
    {
        ResourceKey[] waited =
        [
            .. draft.State.Records
                .Where(record => (record.Value.Upgrade is not null || !record.Value.Waiters.IsEmpty) && (request.After is null || record.Key.CompareTo(request.After) > 0))
                .Select(static record => record.Key)
                .Order()
                .Take(request.Limit + 1),
        ];
        return new SurveyReply(
            [
                .. waited.Take(request.Limit).Select(resource => (resource, record: draft.Record(resource)!)).Select(found =>
                    new SurveyedRecord(
                        found.resource, found.record.Policy, [.. Holders(draft, found.record).Take(request.Participants)],
                        [.. Waiters(draft, found.resource, found.record).Take(request.Participants)])),
            ],
            waited.Length > request.Limit);
    }

    private static ImmutableArray<ParticipantEntry> Holders(LockDraft draft, LockRecord record) =>
    [
        .. record.Holders
            .Where(holder => holder.Deadline > draft.Now && (holder.OutlivesSession || draft.IsAlive(holder.Handle.Session)))
            .Select(holder => new ParticipantEntry(
                holder.Handle, holder.Mode, holder.Token, holder.Since, holder.Owner, Description(draft, holder.Handle), holder.IsRevocationRequested)),
    ];

    private static ImmutableArray<ParticipantEntry> Waiters(LockDraft draft, ResourceKey resource, LockRecord record) =>
    [
        .. (record.Upgrade is { } upgrade ? record.Waiters.Values.Prepend(upgrade) : record.Waiters.Values)
            .Where(waiter => draft.IsAlive(waiter.Handle.Session))
            .Select(waiter => new ParticipantEntry(
                waiter.Handle, waiter.ClaimOn(resource).Mode, 0, waiter.Since, waiter.Owner, Description(draft, waiter.Handle), IsRevocationRequested: false)),
    ];

    private static string Description(LockDraft draft, LockHandleId handle) => draft.State.Sessions.GetValueOrDefault(handle.Session)?.Description ?? "";
}
