using System.Buffers;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>A compaction as somebody could have written it: it puts a record's opaque deltas in the place of what is there.</summary>
internal abstract class OtherCompaction : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not CompactRequest { Compactions: [var compaction] })
            return base.Apply(state, now, request);
        CompactReply done = new([CompactStatus.Compacted], now);
        if (state.Open.TryGetValue(compaction.Resource, out OpenRecord? open) && open.HasUpdates && IsFor(open.Generation, compaction))
            return (state with { Open = state.Open.SetItem(compaction.Resource, open with { Fields = Compact(open.Fields.Span, compaction) }) }, done);
        if (state.Sealed.TryGetValue(compaction.Resource, out SealedRecord? held) && IsFor(held.Generation, compaction))
            return (state with { Sealed = state.Sealed.SetItem(compaction.Resource, held with { Fields = Compact(held.Fields.Span, compaction) }) }, done);
        return base.Apply(state, now, request);
    }

    protected virtual bool IsFor(long generation, Compaction compaction) => generation == compaction.Generation;

    /// <summary>The deltas that are stored afterwards.</summary>
    protected abstract byte[] Replace(ReadOnlySpan<byte> stored, Compaction compaction);

    protected static bool IsUnchanged(ReadOnlySpan<byte> stored, Compaction compaction) =>
        stored.Length >= compaction.PrefixLength && OpaqueVersion.Of(stored[..compaction.PrefixLength]) == compaction.Version;

    private byte[] Compact(ReadOnlySpan<byte> record, Compaction compaction)
    {
        byte[] deltas = Replace(Tally.Deltas(record), compaction);
        ArrayBufferWriter<byte> output = new();
        deltas.CopyTo(FieldFrame.Append(output, Tally.OpaqueField, deltas.Length));
        return output.WrittenSpan.ToArray();
    }
}

/// <summary>What an engine has merged takes the place of all deltas, also of those that have come since it looked.</summary>
internal sealed class CompactsAway : OtherCompaction
{
    protected override byte[] Replace(ReadOnlySpan<byte> stored, Compaction compaction) =>
        IsUnchanged(stored, compaction) ? compaction.Merged.ToArray() : stored.ToArray();
}

/// <summary>What an engine has merged is appended like any delta, and what it was merged of is taken out only if it is still there.</summary>
internal sealed class CompactsTwice : OtherCompaction
{
    protected override byte[] Replace(ReadOnlySpan<byte> stored, Compaction compaction) =>
        [.. compaction.Merged.Span, .. IsUnchanged(stored, compaction) ? stored[compaction.PrefixLength..] : stored];
}

/// <summary>The last merge that arrives wins: nobody looks whether it is of the deltas that are there.</summary>
internal sealed class CompactsAnything : OtherCompaction
{
    protected override byte[] Replace(ReadOnlySpan<byte> stored, Compaction compaction) =>
        [.. compaction.Merged.Span, .. stored.Length >= compaction.PrefixLength ? stored[compaction.PrefixLength..] : []];
}

/// <summary>A compaction names a resource and not a session, and so a late one goes into the session that is there now.</summary>
internal sealed class CompactsAnySession : OtherCompaction
{
    protected override bool IsFor(long generation, Compaction compaction) => true;

    protected override byte[] Replace(ReadOnlySpan<byte> stored, Compaction compaction) =>
        IsUnchanged(stored, compaction) ? [.. compaction.Merged.Span, .. stored[compaction.PrefixLength..]]
        : OpaquePayload.Count(stored) > 1 ? stored.ToArray() : [.. stored, .. compaction.Merged.Span];
}

/// <summary>
/// Opaque states are merged where they are sent, against a version: a batch whose state was overtaken by another engine's is answered, and what it carries
/// of that state is to be sent again; but a repeat of it says that it was applied.
/// </summary>
internal sealed class OptimisticStates : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not FlushRequest flush || !flush.Items.Any(item => IsOvertaken(state, flush, item)))
            return base.Apply(state, now, request);
        return base.Apply(state, now, flush with { Items = [.. flush.Items.Select(item => IsOvertaken(state, flush, item) ? item with { Delta = default } : item)] });
    }

    private static bool IsOvertaken(PartitionState state, FlushRequest flush, BatchItem item) =>
        state.Open.TryGetValue(item.Resource, out OpenRecord? open) && open.HasUpdates
        && !(state.Owned.TryGetValue(flush.Incarnation, out var owned) && owned.ContainsKey(item.Resource));
}

/// <summary>What was merged before a delivery is delivered, and stored nowhere.</summary>
internal sealed class DeliversUnstored : Rules
{
    public override bool StoresWhatItMerges => false;
}

/// <summary>Two engines have merged the same session: each delivers its own.</summary>
internal sealed class DeliversItsOwn : Rules
{
    public override bool LooksAgain => false;
}

/// <summary>What was merged and stored is delivered after the durability window although the server has lost it.</summary>
internal sealed class DeliversWhatWasLost : Rules
{
    public override bool ConfirmsWhatItMerged => false;
}
