using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Harness.Conformance;

/// <summary>Items of batches over an aggregate of one 64-bit sum: the rules of the protocol don't depend on what is merged.</summary>
internal static class Item
{
    public static AggregateSchema Schema { get; } = new("conformance", new FieldSchema("Hits", "sum.i64"));

    /// <summary>The resource is held after the batch.</summary>
    public static BatchItem Hold(string resource, long hits = 0) => new(ResourceKey.Of(resource), Delta(hits), Holds: true, Force: false, default);

    /// <summary>The resource is not held after the batch.</summary>
    public static BatchItem Drop(string resource, long hits = 0, CompletionReason reason = CompletionReason.Expired) =>
        new(ResourceKey.Of(resource), Delta(hits), Holds: false, Force: false, reason);

    /// <summary>The session ends now, whoever holds it.</summary>
    public static BatchItem Force(string resource, long hits = 0, bool holds = true) =>
        new(ResourceKey.Of(resource), Delta(hits), holds, Force: true, CompletionReason.Forced);

    /// <summary>A delta that is not of the schema.</summary>
    public static BatchItem Malformed(string resource, bool holds = false) =>
        new(ResourceKey.Of(resource), new byte[] { 0xFF, 1, 2 }, holds, Force: false, CompletionReason.Expired);

    public static byte[] Delta(long hits)
    {
        if (hits == 0)
            return [];
        ArrayBufferWriter<byte> record = new();
        BinaryPrimitives.WriteInt64LittleEndian(FieldFrame.Append(record, 0, sizeof(long)), hits);
        return record.WrittenSpan.ToArray();
    }

    public static long Hits(ReadOnlyMemory<byte> record) => record.IsEmpty ? 0 : BinaryPrimitives.ReadInt64LittleEndian(record.Span[^sizeof(long)..]);
}
