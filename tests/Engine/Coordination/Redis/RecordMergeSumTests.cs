using System.Buffers.Binary;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// Sums where the numbers of a script stop being exact. Prevents: a total that is off by one from 2^53 on, a lost carry between the halves, an
/// overflow that wraps, and a zero that is stored.
/// </summary>
public sealed class RecordMergeSumTests(RecordMergeServer server) : IClassFixture<RecordMergeServer>
{
    private static readonly long[] Magnitudes =
    [
        1, 2, 255, 65536, (1L << 30) - 1, 1L << 30, int.MaxValue, 1L << 31, uint.MaxValue, 1L << 32, (1L << 51) - 1, 1L << 51, (1L << 52) - 1, 1L << 52, (1L << 52) + 1,
        (1L << 53) - 1, 1L << 53, (1L << 53) + 1, (1L << 53) + 2, (1L << 54) + 1, (1L << 62) - 1, 1L << 62, (1L << 62) + 1, long.MaxValue - 1, long.MaxValue,
    ];

    private static readonly long[] Edges = [.. Magnitudes, .. Magnitudes.Select(static value => -value), long.MinValue, 0];

    [Theory]
    [InlineData("sum.i64")]
    [InlineData("sum.i32")]
    public async Task Any_two_edges_add_exactly_or_are_refused(string kind)
    {
        AggregateSchema schema = Schema(kind);
        List<MergeCase> cases = [];
        foreach (long left in Edges)
            cases.AddRange(Edges.Select(right => new MergeCase(Record(left), [], Record(right))));

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.True(seen.ContainsKey(RecordMergeStatus.Merged) && seen.ContainsKey(RecordMergeStatus.Overflow));
        Assert.Equal(kind == "sum.i32", seen.ContainsKey(RecordMergeStatus.Malformed));
    }

    // Each width is another path through the unrolled loop; one field of each record is an edge, in every place.
    [Theory]
    [InlineData("sum.i64")]
    [InlineData("sum.i32")]
    public async Task An_edge_in_any_place_of_any_width_is_seen(string kind)
    {
        Random random = new(20260305);
        for (int width = 1; width <= 20; width++)
        {
            AggregateSchema schema = Schema([.. Enumerable.Repeat(kind, width)]);
            List<MergeCase> cases = [];
            for (int place = 0; place < width; place++)
            {
                foreach (long edge in Edges)
                {
                    long[] left = Small(random, width);
                    long[] right = Small(random, width);
                    (random.Next(2) == 0 ? left : right)[place] = edge;
                    cases.Add(new MergeCase(Record(left), [], Record(right)));
                }

                long[] one = Small(random, width);
                long[] opposite = Small(random, width);
                opposite[place] = -one[place];
                cases.Add(new MergeCase(Record(one), [], Record(opposite)));
                cases.Add(new MergeCase([], [], Record(one)));
                cases.Add(new MergeCase(Record(one), [], []));
            }

            await RecordMergeAssert.AgreeAsync(server, schema, cases);
        }
    }

    [Fact]
    public async Task A_mixture_of_widths_obeys_the_range_of_each()
    {
        AggregateSchema schema = Schema("sum.i64", "sum.i32", "sum.i64");
        List<MergeCase> cases = [];
        foreach (long edge in Edges)
        {
            cases.Add(new MergeCase(Record(5, 6, 7), [], Record(edge, 1, 1)));
            cases.Add(new MergeCase(Record(5, 6, 7), [], Record(1, edge, 1)));
            cases.Add(new MergeCase(Record(5, int.MaxValue, 7), [], Record(1, edge, long.MaxValue)));
            cases.Add(new MergeCase(Record(edge, 6, 7), [], Record(long.MaxValue, 1, 0)));
        }

        await RecordMergeAssert.AgreeAsync(server, schema, cases);
    }

    [Fact]
    public async Task Frames_that_are_damaged_or_too_many_are_malformed_on_the_fast_path_too()
    {
        Random random = new(20260306);
        for (int width = 1; width <= 18; width++)
        {
            AggregateSchema schema = Schema([.. Enumerable.Repeat("sum.i64", width)]);
            List<MergeCase> cases = [];
            for (int i = 0; i < 200; i++)
            {
                byte[] left = Record(Small(random, width + random.Next(3) / 2));
                byte[] right = Record(Small(random, width + random.Next(3) / 2));

                // The same damage on both sides keeps their frames equal.
                int at = random.Next(Math.Min(left.Length, right.Length) / 10 * 10);
                at = random.Next(2) == 0 ? at - (at % 10) + random.Next(2) : at;
                byte flip = (byte)(1 << random.Next(8));
                left[at] ^= flip;
                if (random.Next(2) == 0)
                    right[at] ^= flip;
                cases.Add(new MergeCase(left, [], right));
                cases.Add(new MergeCase(right, [], right));
                cases.Add(new MergeCase([], [], left));
            }

            await RecordMergeAssert.AgreeAsync(server, schema, cases);
        }
    }

    [Fact]
    public async Task A_long_chain_of_large_additions_is_exact()
    {
        Random random = new(20260307);
        Int128 total = 0;
        AggregateSchema schema = Schema("sum.i64");
        List<MergeCase> cases = [];
        List<long> totals = [];
        while (cases.Count < 3000)
        {
            long addend = random.NextInt64(-(1L << 60), 1L << 60);
            if (total + addend < long.MinValue || total + addend > long.MaxValue)
                continue;
            cases.Add(new MergeCase(Record((long)total), [], Record(addend)));
            total += addend;
            totals.Add((long)total);
        }

        MergedRecord[] merged = await server.MergeAsync(schema, cases, TestContext.Current.CancellationToken);
        Assert.Equal(totals, merged.Select(static one => one.Small.Length == 0 ? 0 : BinaryPrimitives.ReadInt64LittleEndian(one.Small.AsSpan(2))));
    }

    private static AggregateSchema Schema(params string[] kinds) => new("a", [.. kinds.Select(static (kind, i) => new FieldSchema($"F{i}", kind))]);

    private static long[] Small(Random random, int width) => [.. Enumerable.Range(0, width).Select(_ => random.NextInt64(1, 1000) * (random.Next(2) == 0 ? 1 : -1))];

    // Zero is left out, as a state does.
    private static byte[] Record(params long[] sums)
    {
        List<byte> record = [];
        for (int i = 0; i < sums.Length; i++)
        {
            if (sums[i] == 0)
                continue;
            byte[] payload = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(payload, sums[i]);
            record.AddRange([(byte)i, sizeof(long), .. payload]);
        }

        return [.. record];
    }
}
