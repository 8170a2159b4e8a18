using System.Buffers;
using System.Collections.Immutable;
using Sluice.Aggregates;

namespace Sluice.Coordination;

/// <summary>Peek, holders, members, claims and dead letters: for live reads, for people and for tools.</summary>
internal static class InspectionTransitions
{
    public static PeekReply Peek(PartitionState state, long now, PeekRequest request) => new(
        [.. request.Resources.Select(resource => PeekedResource.Of(state.Open.GetValueOrDefault(resource) ?? OpenRecord.Empty, state.Sealed.GetValueOrDefault(resource)))],
        now);

    public static HoldersReply Holders(PartitionState state, HoldersRequest request)
    {
        HolderEntry[] entries = [.. state.Owned.Where(owned => owned.Value.ContainsKey(request.Resource)).OrderBy(static owned => owned.Key).Select(owned =>
        {
            Holding holding = owned.Value[request.Resource];
            return new HolderEntry(owned.Key, holding.Since, LastSeen(state.Members.GetValueOrDefault(owned.Key)), holding.Holder);
        })];
        return new HoldersReply([.. entries.Select(static entry => entry.Incarnation)]) { Entries = [.. entries] };
    }

    public static MembersReply Members(PartitionState state, long now) => new(
        [.. state.Members.Select(member => new MemberEntry(
                member.Key, member.Value.Applied, member.Value.LeaseDeadline, state.Owned.GetValueOrDefault(member.Key)?.Count ?? 0, IsFenced: false) { LastSeen = LastSeen(member.Value) })
            .Concat(state.Tombstones.Select(dead => new MemberEntry(
                dead.Key, dead.Value.Applied, 0, state.Owned.GetValueOrDefault(dead.Key)?.Count ?? 0, IsFenced: true)))
            .OrderBy(static member => member.Incarnation)],
        now);

    private static long LastSeen(Member? member) => member is null || member.LeaseDeadline == Durations.Never ? 0 : member.LeaseDeadline - member.Lease;

    public static ClaimsReply Claims(PartitionState state, long now, ClaimsRequest request) => new(
        [.. state.Sealed.OrderBy(static entry => entry.Key).Take(request.Limit).Select(static entry => entry.Value.ToEntry(entry.Key))],
        now);

    public static DeadLettersReply DeadLetters(PartitionState state, DeadLettersRequest request)
    {
        DeadLetterEntry[] parked =
        [
            .. state.Sealed.Where(static entry => entry.Value.Parked).OrderBy(static entry => entry.Key)
                .Select(static entry => entry.Value.ToLetter(entry.Key, entry.Value.LastError ?? "", entry.Value.SealedAt)),
        ];
        return new DeadLettersReply([.. parked.Concat(state.DeadLetters.Values).Take(request.Limit)], parked.Length + state.DeadLetters.Count);
    }

    public static (PartitionState State, ReplayReply Reply) Replay(PartitionState state, long now, RecordMerger merger, ReplayRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ReplayStatus status = Replay(draft, merger, request);
        PartitionState result = status == ReplayStatus.Replayed ? draft.Commit() : state;
        return (result, new ReplayReply(status, now, Math.Min(result.NextDue, result.NextClaimExpiry)));
    }

    public static (PartitionState State, PurgeReply Reply) Purge(PartitionState state, long now, PurgeRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        bool purged = draft.DeadLetters.Remove((request.Resource, request.Id));
        if (!purged && draft.Sealed.TryGetValue(request.Resource, out SealedRecord? parked) && parked.Parked && parked.Generation == request.Id)
        {
            draft.Unseal(request.Resource, parked);
            purged = true;
        }

        PartitionState result = purged ? draft.Commit() : state;
        return (result, new PurgeReply(purged, now, result.NextDue));
    }

    private static ReplayStatus Replay(PartitionDraft draft, RecordMerger merger, ReplayRequest request)
    {
        ResourceKey resource = request.Resource;
        draft.Sealed.TryGetValue(resource, out SealedRecord? occupant);
        if (occupant is { Parked: true } && occupant.Generation == request.Id)
        {
            draft.Put(resource, occupant, occupant with { Parked = false, Attempt = 0, LeaseDeadline = draft.Now, Lease = 0 });
            return ReplayStatus.Replayed;
        }

        if (!draft.DeadLetters.TryGetValue((resource, request.Id), out DeadLetterEntry? letter))
            return ReplayStatus.NotFound;
        if (letter.Kind == DeadLetterKind.Completion)
        {
            if (occupant is not null)
                return ReplayStatus.Busy;
            draft.Put(resource, null, new SealedRecord
            {
                Generation = letter.Id,
                Fields = letter.Fields,
                TimesModified = letter.TimesModified,
                CreatedAt = letter.CreatedAt,
                SealedAt = letter.SealedAt,
                Reason = letter.Reason,

                // Nobody knows this token: only a claim, which draws the next one, leads to an acknowledgement.
                Token = draft.Tick(),
                LeaseDeadline = draft.Now,
                OutOfOrder = true,
                LastError = letter.Error,
            });
        }
        else if (!MergeItem(draft, merger, letter, request.Linger))
        {
            return ReplayStatus.StillRefused;
        }

        draft.DeadLetters.Remove((resource, request.Id));
        return ReplayStatus.Replayed;
    }

    private static bool MergeItem(PartitionDraft draft, RecordMerger merger, DeadLetterEntry letter, long linger)
    {
        OpenRecord before = draft.Open.GetValueOrDefault(letter.Resource) ?? OpenRecord.Empty;
        ArrayBufferWriter<byte> merged = new();
        if (merger.TryMerge(before.Fields.Span, letter.Fields.Span, merged, out _) != RecordMergeStatus.Merged)
            return false;
        OpenRecord record = before with { Fields = merged.WrittenSpan.ToArray(), TimesModified = before.TimesModified + 1 };
        if (!record.HasUpdates)
            record = record with { Generation = draft.Tick(), CreatedAt = draft.Now };
        if (record.Due == Durations.Never && record.Holders == 0)
        {
            record = record with
            {
                Due = Math.Min(Durations.After(draft.Now, linger), record.HardDue),
                DueAfter = linger,
                Reason = CompletionReason.Recovered,
            };
        }

        draft.Put(letter.Resource, before, record);
        return true;
    }
}
