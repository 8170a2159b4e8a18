using System.Buffers;
using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;

namespace Sluice.Coordination;

/// <summary>
/// Compact: stores what an engine merged opaque deltas into, in their place. Nothing else of a session changes, and nobody needs a claim for it: whichever
/// merge is stored first is what every delivery of the generation shows from then on.
/// </summary>
internal static class CompactTransition
{
    public static (PartitionState State, CompactReply Reply) Apply(PartitionState state, long now, RecordMerger merger, CompactRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ImmutableArray<CompactStatus>.Builder statuses = ImmutableArray.CreateBuilder<CompactStatus>(request.Compactions.Length);
        foreach (Compaction compaction in request.Compactions)
            statuses.Add(Apply(draft, merger, compaction));
        return (draft.Commit(), new CompactReply(statuses.MoveToImmutable(), now));
    }

    private static CompactStatus Apply(PartitionDraft draft, RecordMerger merger, Compaction compaction)
    {
        if (draft.Open.TryGetValue(compaction.Resource, out OpenRecord? open) && open.HasUpdates && open.Generation == compaction.Generation)
        {
            CompactStatus status = Compact(merger, open.Fields.Span, compaction, out byte[] fields);
            if (status == CompactStatus.Compacted)
                draft.Put(compaction.Resource, open, open with { Fields = fields });
            return status;
        }

        if (draft.Sealed.TryGetValue(compaction.Resource, out SealedRecord? done) && done.Generation == compaction.Generation)
        {
            CompactStatus status = Compact(merger, done.Fields.Span, compaction, out byte[] fields);
            if (status == CompactStatus.Compacted)
                draft.Put(compaction.Resource, done, done with { Fields = fields });
            return status;
        }

        return CompactStatus.Gone;
    }

    private static CompactStatus Compact(RecordMerger merger, ReadOnlySpan<byte> record, Compaction compaction, out byte[] result)
    {
        ArrayBufferWriter<byte> compacted = new();
        bool isFound = false;
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            ReadOnlySpan<byte> payload = cursor.Payload;
            if (cursor.Field == compaction.Field && merger.IsOpaque(cursor.Field))
            {
                if (payload.Length < compaction.PrefixLength || OpaqueVersion.Of(payload[..compaction.PrefixLength]) != compaction.Version)
                    break;
                isFound = true;
                ReadOnlySpan<byte> rest = payload[compaction.PrefixLength..];
                Span<byte> destination = FieldFrame.Append(compacted, cursor.Field, compaction.Merged.Length + rest.Length);
                compaction.Merged.Span.CopyTo(destination);
                rest.CopyTo(destination[compaction.Merged.Length..]);
            }
            else
            {
                payload.CopyTo(FieldFrame.Append(compacted, cursor.Field, payload.Length));
            }
        }

        result = compacted.WrittenSpan.ToArray();
        if (!isFound)
            return CompactStatus.Superseded;

        // What is stored is a record of the schema, whatever was sent.
        bool isRecord = OpaquePayload.IsCanonical(compaction.Merged.Span, out int items) && items == 1
            && merger.TryMerge(result, [], new ArrayBufferWriter<byte>(), out _) == RecordMergeStatus.Merged;
        return isRecord ? CompactStatus.Compacted : CompactStatus.Refused;
    }
}
