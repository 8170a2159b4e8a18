using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>What an engine merged opaque deltas into: a request to store it, and the deltas that it stands for.</summary>
/// <param name="Compaction">What is asked for.</param>
/// <param name="Deltas">What was merged.</param>
/// <param name="Folded">The record of the session that was looked at, merged.</param>
internal sealed record OpaqueMerge(Compaction Compaction, ReadOnlyMemory<byte> Deltas, ReadOnlyMemory<byte> Folded)
{
    private const int ContentBytes = 2 * sizeof(ulong);

    /// <summary>What is asked of the server.</summary>
    public CompactRequest Request(long seen) => new([Compaction]) { Seen = seen };

    /// <summary>Merges all deltas of a record. No two merges write the same bytes: each has a mark of its own.</summary>
    public static OpaqueMerge Of(ResourceKey resource, long generation, ReadOnlyMemory<byte> record, long mark)
    {
        byte[] deltas = Tally.Deltas(record.Span).ToArray();
        OpaqueCursor cursor = new(deltas);
        OpaqueItem last = default;
        while (cursor.MoveNext())
            last = cursor.Item;
        byte[] merged = Item(last.Origin, last.Sequence, Tally.Counts(record.Span), mark);
        ArrayBufferWriter<byte> folded = new();
        merged.CopyTo(FieldFrame.Append(folded, Tally.OpaqueField, merged.Length));
        return new OpaqueMerge(new Compaction(resource, generation, Tally.OpaqueField, deltas.Length, OpaqueVersion.Of(deltas), merged), deltas, folded.WrittenSpan.ToArray());
    }

    /// <summary>True when a record's deltas have to be merged before it may be delivered.</summary>
    public static bool IsDue(ReadOnlySpan<byte> record) => OpaquePayload.Count(Tally.Deltas(record)) > 1;

    /// <summary>Who has merged a record; 0 for a sum and for a delta as it was sent, -1 where several deltas are side by side.</summary>
    public static long MarkOf(ReadOnlySpan<byte> record)
    {
        if (IsDue(record))
            return -1;
        OpaqueCursor cursor = new(Tally.Deltas(record));
        return cursor.MoveNext() ? MarkOfContent(cursor.Content) : 0;
    }

    public static byte[] Item(ulong origin, long sequence, ulong counts, long mark)
    {
        byte[] content = new byte[ContentBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(content, counts);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(sizeof(ulong)), mark);
        byte[] item = new byte[OpaquePayload.SizeOf(content.Length)];
        OpaquePayload.Write(item, new OpaqueItem(origin, sequence, content));
        return item;
    }

    public static ulong CountsOf(ReadOnlySpan<byte> content) => BinaryPrimitives.ReadUInt64LittleEndian(content);

    public static long MarkOfContent(ReadOnlySpan<byte> content) => BinaryPrimitives.ReadInt64LittleEndian(content[sizeof(ulong)..]);
}
