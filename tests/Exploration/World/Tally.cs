using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>
/// Events that can be told apart after they were merged: event i of a resource adds 1 to the i-th group of four bits of one sum, so that a record says for
/// each event how often it was counted. Where updates are opaque, each is a delta with that sum in it, and a number of who has merged it.
/// </summary>
internal static class Tally
{
    /// <summary>How many events a resource can have, so that events of all resources fit into one set of 64 bits.</summary>
    public const int PerResource = 8;

    /// <summary>The index of the opaque field.</summary>
    public const int OpaqueField = 1;

    /// <summary>A delta that no server can merge.</summary>
    public static byte[] Poison { get; } = [0xFF, 0];

    public static AggregateSchema Schema { get; } = new("explored", new FieldSchema("Events", "sum.i64"), new FieldSchema("State", OpaquePayload.Kind, 1));

    public static CoordinationNamespace Space { get; } = new("exploration", Schema, 1);

    public static byte[] Encode(ulong counts)
    {
        byte[] record = [0, SumMerger.PayloadBytes, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(2), counts);
        return record;
    }

    /// <summary>The update of a resource as an opaque delta that nobody has merged.</summary>
    public static byte[] Opaque(int index)
    {
        ArrayBufferWriter<byte> record = new();
        byte[] payload = OpaqueMerge.Item(1, index + 1, One(index), mark: 0);
        payload.CopyTo(FieldFrame.Append(record, OpaqueField, payload.Length));
        return record.WrittenSpan.ToArray();
    }

    /// <summary>A record's opaque deltas; empty where it has a sum.</summary>
    public static ReadOnlySpan<byte> Deltas(ReadOnlySpan<byte> record)
    {
        FieldCursor cursor = new(record);
        return record.Length > Poison.Length && record[0] == OpaqueField && cursor.MoveNext() ? cursor.Payload : default;
    }

    /// <summary>How often each event is counted: four bits each.</summary>
    public static ulong Counts(ReadOnlySpan<byte> record)
    {
        if (record.Length < 10)
            return 0;
        if (record[0] != OpaqueField)
            return BinaryPrimitives.ReadUInt64LittleEndian(record[2..]);
        ulong counts = 0;
        OpaqueCursor cursor = new(Deltas(record));
        while (cursor.MoveNext())
            counts += OpaqueMerge.CountsOf(cursor.Content);
        return counts;
    }

    /// <summary>The events that are counted, as a set with one bit each.</summary>
    public static ulong EventsOf(ReadOnlySpan<byte> record)
    {
        ulong counts = Counts(record), events = 0;
        for (int i = 0; i < PerResource; i++)
            events |= ((counts >> (4 * i)) & 0xF) != 0 ? 1UL << i : 0;
        return events;
    }

    public static ulong One(int index) => 1UL << (4 * index);
}
