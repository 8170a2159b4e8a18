using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;

namespace Sluice.Tests.Simulation;

/// <summary>
/// Events that can be told apart after they were merged: event i of a resource adds 1 to the i-th group of four bits, so that a merged record says for
/// each event how often it was counted. A sum of numbers would hide a loss behind a double count.
/// </summary>
internal static class EventTally
{
    /// <summary>Fifteen groups of four bits: the sixteenth would reach the sign.</summary>
    private const int PerField = 15;
    private const int Fields = 4;

    /// <summary>How many events a resource can have.</summary>
    public const int PerResource = PerField * Fields;

    public static AggregateSchema Schema { get; } = new("simulated", [.. Enumerable.Range(0, Fields).Select(i => new FieldSchema($"Events{i}", "sum.i64"))]);

    public static byte[] Encode(IEnumerable<int> events)
    {
        Span<long> sums = stackalloc long[Fields];
        foreach (int index in events)
            sums[index / PerField] += 1L << (index % PerField * 4);
        using MemoryStream record = new();
        Span<byte> payload = stackalloc byte[sizeof(long)];
        for (int field = 0; field < Fields; field++)
        {
            if (sums[field] == 0)
                continue;
            record.WriteByte((byte)field);
            record.WriteByte(SumMerger.PayloadBytes);
            BinaryPrimitives.WriteInt64LittleEndian(payload, sums[field]);
            record.Write(payload);
        }

        return record.ToArray();
    }

    /// <summary>Adds what the record counts to <paramref name="counts"/>, one place per event of the resource.</summary>
    public static void Count(ReadOnlySpan<byte> record, Span<int> counts)
    {
        RecordReader reader = new(record);
        while (reader.Read())
        {
            long sum = BinaryPrimitives.ReadInt64LittleEndian(reader.Payload);
            for (int i = 0; i < PerField; i++)
                counts[(reader.Field * PerField) + i] += (int)((sum >> (i * 4)) & 0xF);
        }
    }

    public static IEnumerable<int> EventsOf(ReadOnlySpan<byte> record)
    {
        int[] counts = new int[PerResource];
        Count(record, counts);
        return Enumerable.Range(0, PerResource).Where(i => counts[i] != 0);
    }
}
