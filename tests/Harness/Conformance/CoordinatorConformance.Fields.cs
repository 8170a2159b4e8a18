using System.Buffers;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Fields that can overflow, as a coordinator meets them: what does not fit is put aside, whatever the field is.</summary>
public abstract partial class CoordinatorConformance
{
    private static readonly AggregateSchema OverflowingFields = new(
        "conformance.fields",
        new FieldSchema("Revenue", "sum.dec", 2),
        new FieldSchema("Energy", "sum.f64"),
        new FieldSchema("Size", "average.i64"),
        new FieldSchema("Price", "average.dec", 2),
        new FieldSchema("BytesByStatus", "map.utf8.sum.i64", 5),
        new FieldSchema("RevenueByCountry", "map.utf8.sum.dec", 5, 2),
        new FieldSchema("FuelByCar", "map.utf8.sum.f64", 5),
        new FieldSchema("SizeByPage", "map.utf8.average.i64", 5),
        new FieldSchema("LatencyByPage", "map.utf8.histogram", 5, 6));

    public static TheoryData<string> FieldsThatOverflow => [.. OverflowingFields.Fields.Select(static declared => declared.Name)];

    // Prevents: a field whose overflow stops its lane, is merged with a part of it, or is dropped without a word; and two coordinators that differ in it.
    [Theory]
    [MemberData(nameof(FieldsThatOverflow))]
    public async Task A_field_that_would_overflow_becomes_a_dead_letter_with_its_delta_and_the_rest_applies(string name)
    {
        PartitionUnderTest partition = new(_server, _server.Namespace(OverflowingFields));
        int field = OverflowingFields.Fields.ToList().FindIndex(declared => declared.Name == name);
        byte[] full = Full(field), more = More(field), small = Field(0, 1);
        LaneUnderTest lane = await partition.NewLaneAsync();
        await lane.FlushAsync(Hold("a", full), Hold("b", full));

        FlushReply reply = await lane.FlushAsync(Hold("c", more), Hold("a", more), Hold("d", small));

        Assert.Equal((FlushStatus.Applied, 1), (reply.Status, reply.Refused.Length));
        Assert.Equal(new RefusedItem(1, ItemOutcome.Overflow), reply.Refused[0]);
        Assert.Equal(full, (await partition.PeekAsync("a")).Open.ToArray());
        Assert.Equal(full, (await partition.PeekAsync("b")).Open.ToArray());
        Assert.Equal(more, (await partition.PeekAsync("c")).Open.ToArray());
        Assert.Equal(small, (await partition.PeekAsync("d")).Open.ToArray());
        DeadLetterEntry letter = Assert.Single((await partition.DeadLettersAsync()).Letters);
        Assert.Equal((ResourceKey.Of("a"), DeadLetterKind.Item), (letter.Resource, letter.Kind));
        Assert.Equal(more, letter.Fields.ToArray());
        Assert.Equal(ReplayStatus.StillRefused, await partition.ReplayAsync(letter));

        static BatchItem Hold(string resource, byte[] delta) => new(ResourceKey.Of(resource), delta, Holds: true, Force: false, default);
    }

    /// <summary>A record of which one field is as full as it can be.</summary>
    private static byte[] Full(int field) => field == 8 ? Histograms((1L << 53) - 1) : Field(field, long.MaxValue);

    private static byte[] More(int field) => field == 8 ? Histograms(1) : Field(field, field is 1 or 6 ? long.MaxValue : 1);

    /// <summary>A record of one field with one contribution: of so many units, or, where it is of doubles, of that part of the greatest.</summary>
    private static byte[] Field(int field, long units)
    {
        ArrayBufferWriter<byte> output = new();
        long sequence = 0;
        MergeContext context = new(0, 1, ref sequence);
        double part = double.MaxValue * (units / (double)long.MaxValue);
        switch (field)
        {
            case 0:
                FixedPointSumState revenue = default;
                revenue.Merge(units / 100m, 2);
                revenue.Write(field, output);
                break;
            case 1:
                DoubleSumState energy = default;
                energy.Merge(part);
                energy.Write(field, output);
                break;
            case 2:
                AverageState size = default;
                size.Merge(units);
                size.Write(field, output);
                break;
            case 3:
                AverageState price = default;
                price.Merge(units / 100m, 2);
                price.Write(field, output);
                break;
            case 4:
                Map<SumState<long>, long, long>(field, units, 0, context, output);
                break;
            case 5:
                Map<FixedPointSumState, decimal, decimal>(field, units / 100m, 2, context, output);
                break;
            case 6:
                Map<DoubleSumState, double, double>(field, part, 0, context, output);
                break;
            default:
                Map<AverageState, long, AverageView>(field, units, 0, context, output);
                break;
        }

        return output.WrittenSpan.ToArray();
    }

    private static void Map<TEntry, T, TValue>(int field, T contribution, int parameter, scoped in MergeContext context, ArrayBufferWriter<byte> output)
        where TEntry : struct, IEntryState<T, TValue>
    {
        MapState<string, StringElement, TEntry, T, TValue> map = default;
        map.Merge("key", contribution, 5, parameter, in context);
        map.Write(field, output);
    }

    /// <summary>A map with a histogram of so many contributions for one key; nobody makes that many one by one.</summary>
    private static byte[] Histograms(long count)
    {
        Span<byte> bucket = stackalloc byte[16];
        int size = Aggregates.Wire.HistogramPayload.SizeOf(count);
        Aggregates.Wire.HistogramPayload.Write(bucket, 1, count);
        byte[] hash = BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(StringElement.Hash("key")));
        byte[] payload = [.. hash, 3, .. "key"u8, (byte)size, .. bucket[..size]];
        return [8, (byte)payload.Length, .. payload];
    }
}
