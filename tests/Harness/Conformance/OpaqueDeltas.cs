using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Harness.Conformance;

/// <summary>
/// Records of an aggregate with a sum and an opaque field whose states are numbers that are added, each with a mark that tells who wrote it: no two merges
/// of the same deltas write the same bytes.
/// </summary>
internal static class OpaqueDeltas
{
    public const int Field = 1;

    private static long _marks;

    public static AggregateSchema Schema { get; } = new("conformance.opaque", new FieldSchema("Hits", "sum.i64"), new FieldSchema("State", "opaque", 1));

    /// <summary>A delta of so many hits in the sum, and as many in the state, in one opaque delta for each sequence.</summary>
    public static byte[] Delta(long hits, ulong origin, params ReadOnlySpan<long> sequences)
    {
        if (hits == 0)
            return [];
        ArrayBufferWriter<byte> record = new();
        BinaryPrimitives.WriteInt64LittleEndian(FieldFrame.Append(record, 0, sizeof(long)), hits);
        byte[] payload = [];
        for (int i = 0; i < sequences.Length; i++)
            payload = [.. payload, .. Payload(origin, sequences[i], State(i == 0 ? hits : 0))];
        payload.CopyTo(FieldFrame.Append(record, Field, payload.Length));
        return record.WrittenSpan.ToArray();
    }

    public static BatchItem Hold(string resource, long hits, params ReadOnlySpan<long> sequences) =>
        new(ResourceKey.Of(resource), Delta(hits, 1, sequences), Holds: true, Force: false, default);

    public static BatchItem Drop(string resource, long hits, params ReadOnlySpan<long> sequences) =>
        new(ResourceKey.Of(resource), Delta(hits, 1, sequences), Holds: false, Force: false, CompletionReason.Expired);

    /// <summary>The deltas of a record's opaque field, as they are stored.</summary>
    public static byte[] PayloadOf(ReadOnlyMemory<byte> record)
    {
        FieldCursor cursor = new(record.Span);
        while (cursor.MoveNext())
        {
            if (cursor.Field == Field)
                return cursor.Payload.ToArray();
        }

        return [];
    }

    /// <summary>How many opaque deltas a record has.</summary>
    public static int Count(ReadOnlyMemory<byte> record) => OpaquePayload.Count(PayloadOf(record));

    /// <summary>What the states of a record add up to.</summary>
    public static Int128 Total(ReadOnlyMemory<byte> record)
    {
        Int128 total = 0;
        OpaqueCursor cursor = new(PayloadOf(record));
        while (cursor.MoveNext())
            total += BinaryPrimitives.ReadInt64LittleEndian(cursor.Content);
        return total;
    }

    /// <summary>What an engine asks for that merges the first deltas of a record; all of them when no number is given.</summary>
    public static Compaction Compact(ResourceKey resource, long generation, ReadOnlyMemory<byte> record, int items = int.MaxValue)
    {
        byte[] payload = PayloadOf(record);
        Int128 total = 0;
        int end = 0;
        OpaqueItem last = default;
        OpaqueCursor cursor = new(payload);
        for (; items > 0 && cursor.MoveNext(); items--)
        {
            total += BinaryPrimitives.ReadInt64LittleEndian(cursor.Content);
            last = cursor.Item;
            end = cursor.Start + cursor.Bytes.Length;
        }

        byte[] merged = Payload(last.Origin, last.Sequence, State((long)total));
        return new Compaction(resource, generation, Field, end, OpaqueVersion.Of(payload.AsSpan(0, end)), merged);
    }

    /// <summary>One delta as a payload of its own.</summary>
    public static byte[] Payload(ulong origin, long sequence, byte[] content)
    {
        byte[] payload = new byte[OpaquePayload.SizeOf(content.Length)];
        OpaquePayload.Write(payload, new OpaqueItem(origin, sequence, content));
        return payload;
    }

    private static byte[] State(long hits)
    {
        byte[] state = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(state, hits);
        BinaryPrimitives.WriteInt64LittleEndian(state.AsSpan(8), Interlocked.Increment(ref _marks));
        return state;
    }
}
