using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>
/// Events that can be told apart after they were merged: event i of a resource adds 1 to the i-th group of four bits of one sum, so that a record says for
/// each event how often it was counted.
/// </summary>
internal static class Tally
{
    /// <summary>How many events a resource can have, so that events of all resources fit into one set of 64 bits.</summary>
    public const int PerResource = 8;

    /// <summary>A delta that no server can merge.</summary>
    public static byte[] Poison { get; } = [0xFF, 0];

    public static AggregateSchema Schema { get; } = new("explored", new FieldSchema("Events", "sum.i64"));

    public static CoordinationNamespace Space { get; } = new("exploration", Schema, 1);

    public static byte[] Encode(ulong counts)
    {
        byte[] record = [0, SumMerger.PayloadBytes, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(2), counts);
        return record;
    }

    /// <summary>How often each event is counted: four bits each.</summary>
    public static ulong Counts(ReadOnlySpan<byte> record) => record.Length < 10 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(record[2..]);

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
