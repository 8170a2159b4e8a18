using System.Buffers;
using System.Collections.Immutable;
using Sluice.Aggregates;

namespace Sluice.Coordination;

/// <summary>
/// Flush: applies a numbered batch of an incarnation's lane, once.
/// </summary>
/// <remarks>
/// <para>Which batch is new is decided before anything else, from the incarnation, the number and the hash alone:</para>
/// <code>
/// member?  number = applied + 1            apply
///          number = applied, same hash     DUPLICATE, answered as then     number = applied, other hash   CONFLICT
///          number &lt; applied                DUPLICATE                       number &gt; applied + 1           GAP
/// fenced?  number = applied, other hash    CONFLICT                        otherwise                      FENCED with the last number applied
/// neither? number = 1 and issued recently  a new member                    otherwise                      UNKNOWN
/// </code>
/// <para>An item that cannot be merged is put aside and the rest applies: a lane must never stop behind one bad item. Its membership part
/// always applies, or the engine and the partition would disagree about who holds what.</para>
/// <para>In a namespace of references what is held has a generation, and the item that lets go last seals it and gets the claim: see <see cref="LastReleases"/>.</para>
/// </remarks>
internal static class FlushTransition
{
    public static (PartitionState State, FlushReply Reply) Apply(PartitionState state, long now, RecordMerger merger, FlushRequest request)
    {
        if (state.Layout != 0 && state.Layout != request.Layout)
            return (state, Reply(state, now, FlushStatus.LayoutMismatch, 0, []));
        Member? member = state.Members.GetValueOrDefault(request.Incarnation);
        if (member is null)
        {
            if (state.Tombstones.TryGetValue(request.Incarnation, out Tombstone? tombstone))
            {
                // Also the dead may have had a double, which must not take the batch that was applied for its own.
                bool isOther = request.Number == tombstone.Applied && request.Hash != tombstone.Hash;
                return (state, Reply(state, now, isOther ? FlushStatus.Conflict : FlushStatus.Fenced, tombstone.Applied, tombstone.Refused).Again(state, request, tombstone.Hash, tombstone.Released));
            }

            // A copy of batch 1 that outlived the tombstone of its incarnation must not be taken for a newcomer.
            if (request.Number != 1 || now - request.Incarnation.IssuedAt > request.Terms.TombstoneLife / 2)
                return (state, Reply(state, now, FlushStatus.Unknown, 0, []));
        }
        else if (request.Number <= member.Applied)
        {
            bool isConflict = request.Number == member.Applied && request.Hash != member.Hash;
            return (state, Reply(state, now, isConflict ? FlushStatus.Conflict : FlushStatus.Duplicate, member.Applied, member.Refused).Again(state, request, member.Hash, member.Released));
        }
        else if (request.Number != member.Applied + 1)
        {
            return (state, Reply(state, now, FlushStatus.Gap, member.Applied, []));
        }

        PartitionDraft draft = new(state, now, request.Seen) { Layout = request.Layout };
        LastReleases? last = request.Terms.References is null ? null : new LastReleases(request.Terms.References.ClaimLease);
        ImmutableArray<RefusedItem> refused = ApplyItems(draft, merger, request, last, out ImmutableArray<int> crowded);
        Member after = new(request.Number, request.Hash, refused, Durations.After(now, request.Terms.Lease), request.Terms.Lease) { Released = last?.Items ?? [] };
        draft.PutMember(request.Incarnation, member, after);
        PartitionState result = draft.Commit();
        FlushReply reply = Reply(result, now, FlushStatus.Applied, request.Number, refused) with { Crowded = crowded, Released = after.Released, Claims = last?.Claims ?? [] };
        return (result, reply);
    }

    private static FlushReply Reply(PartitionState state, long now, FlushStatus status, long last, ImmutableArray<RefusedItem> refused) =>
        new(status, last, refused, now, state.Clock, state.NextDue);

    private static ImmutableArray<RefusedItem> ApplyItems(
        PartitionDraft draft, RecordMerger merger, FlushRequest request, LastReleases? last, out ImmutableArray<int> crowded)
    {
        crowded = [];
        ImmutableArray<RefusedItem>.Builder? refused = null;
        ArrayBufferWriter<byte> merged = new();
        HashSet<ResourceKey> seen = new(request.Items.Length);
        ImmutableDictionary<ResourceKey, Holding>.Builder owned = draft.OwnedBy(request.Incarnation);
        for (int i = 0; i < request.Items.Length; i++)
        {
            BatchItem item = request.Items[i];
            if (!seen.Add(item.Resource))
                throw new CoordinatorException(RequestOutcome.NotApplied, $"Batch {request.Number} names the resource '{item.Resource}' twice.");
            bool mayBeLast = last is not null && !item.Holds && owned.ContainsKey(item.Resource);
            ItemOutcome? refusal = ApplyItem(draft, merger, merged, owned, item, request.Terms);
            if (mayBeLast && draft.Open.TryGetValue(item.Resource, out OpenRecord? left) && left.Holders == 0)
                last!.Add(draft, i, item.Resource, left);
            if (refusal is { } outcome)
                (refused ??= ImmutableArray.CreateBuilder<RefusedItem>()).Add(new RefusedItem(i, outcome));
            else if (!item.Delta.IsEmpty && draft.Open.TryGetValue(item.Resource, out OpenRecord? record) && merger.IsCrowded(record.Fields.Span))
                crowded = crowded.Add(i);
        }

        return refused?.ToImmutable() ?? [];
    }

    private static ItemOutcome? ApplyItem(
        PartitionDraft draft, RecordMerger merger, ArrayBufferWriter<byte> merged, ImmutableDictionary<ResourceKey, Holding>.Builder owned, BatchItem item,
        FlushTerms terms)
    {
        bool isKnown = draft.Open.TryGetValue(item.Resource, out OpenRecord? before);
        before ??= OpenRecord.Empty;
        OpenRecord record = before;
        bool holds = item.Holds && terms.Inactivity == 0;
        bool wasHolding = owned.TryGetValue(item.Resource, out Holding holding);
        long contributedTo = holding.ContributedTo;
        ItemOutcome? outcome = null;
        bool isMerged = false;

        // Only a reference begins a generation of references: what somebody who was fenced says of a resource that nobody holds is of one that has ended.
        bool isOfNobody = terms.References is not null && !holds && !record.HasUpdates;
        if (!item.Delta.IsEmpty && !isOfNobody)
        {
            merged.ResetWrittenCount();
            RecordMergeStatus status = merger.TryMerge(record.Fields.Span, item.Delta.Span, merged, out _);
            if (status == RecordMergeStatus.Merged)
            {
                if (!record.HasUpdates)
                    record = record with { Generation = draft.Tick(), CreatedAt = draft.Now };

                // Not only with the first update: a replayed dead letter, which knows no hard period, may have been that.
                if (record.HardDue == Durations.Never)
                    record = record with { HardDue = Durations.After(record.CreatedAt, terms.Hard) };
                bool isFirstOfMembership = contributedTo != record.Generation;
                contributedTo = record.Generation;
                record = record with { Fields = merged.WrittenSpan.ToArray(), TimesModified = record.TimesModified + (isFirstOfMembership ? 1 : 0) };
                isMerged = true;
            }
            else
            {
                outcome = PutAside(draft, item, status, terms);
            }
        }

        // A drop of what is not held, or a second reference: somebody else's due time and reason are not this item's business.
        if (!isMerged && holds == wasHolding && !(item.Force && record.HasUpdates))
            return outcome;
        if (holds != wasHolding)
            record = record with { Holders = record.Holders + (holds ? 1 : -1) };
        if (holds && terms.References is not null)
            record = Reference(draft, record, terms);
        if (holds)
            owned[item.Resource] = wasHolding ? holding with { ContributedTo = contributedTo } : HoldingOf(contributedTo, draft.Now, terms);
        else if (wasHolding)
            owned.Remove(item.Resource);
        if (!holds && !record.Forced)
            record = record with { Reason = item.Reason };
        if (item.Force && record.HasUpdates)
            record = record with { Forced = true, Reason = CompletionReason.Forced };

        // Too many open resources make the partition slow for everybody: a newcomer beyond the limit is completed at once instead of being refused.
        if (!isKnown && record.HasUpdates && !record.Forced && terms.References is null && draft.Open.Count >= terms.OpenLimit)
            record = record with { Forced = true, Reason = CompletionReason.Evicted };
        draft.Put(item.Resource, before, Schedule(record, draft.Now, terms));
        return outcome;
    }

    /// <summary>A reference alone opens a generation.</summary>
    private static OpenRecord Reference(PartitionDraft draft, OpenRecord record, FlushTerms terms)
    {
        if (!record.HasUpdates)
            record = record with { Generation = draft.Tick(), CreatedAt = draft.Now, HardDue = Durations.After(draft.Now, terms.Hard) };
        return record with { CountsReferences = true };
    }

    private static Holding HoldingOf(long contributedTo, long now, FlushTerms terms) =>
        terms.References is { } references ? new Holding(contributedTo, now, references.Holder) : Holding.Of(contributedTo);

    private static OpenRecord Schedule(OpenRecord record, long now, FlushTerms terms)
    {
        if (!record.HasUpdates)
            return record with { Due = Durations.Never };
        if (record.Forced)
            return record with { Due = Math.Min(record.Due, now), DueAfter = 0 };
        if (terms.Inactivity != 0)
        {
            long idle = Durations.After(now, terms.Inactivity);
            return idle <= record.HardDue
                ? record with { Due = idle, DueAfter = terms.Inactivity, Reason = CompletionReason.Idle }
                : record with { Due = record.HardDue, DueAfter = terms.Hard, Reason = CompletionReason.HardDeadline };
        }

        return record.Holders == 0
            ? record with { Due = Math.Min(Durations.After(now, terms.Linger), record.HardDue), DueAfter = terms.Linger }
            : record with { Due = record.HardDue, DueAfter = terms.Hard };
    }

    private static ItemOutcome PutAside(PartitionDraft draft, BatchItem item, RecordMergeStatus status, FlushTerms terms)
    {
        bool isOverflow = status == RecordMergeStatus.Overflow;
        if (draft.DeadLetters.Count >= terms.DeadLetterLimit)
            return isOverflow ? ItemOutcome.OverflowNotKept : ItemOutcome.MalformedNotKept;
        long id = draft.Tick();
        string error = isOverflow ? "A field would overflow." : "The delta is not of this aggregate's schema.";
        draft.DeadLetters.Add((item.Resource, id), new DeadLetterEntry(item.Resource, id, DeadLetterKind.Item, item.Delta.ToArray(), 0, error, draft.Now));
        return isOverflow ? ItemOutcome.Overflow : ItemOutcome.Malformed;
    }
}
