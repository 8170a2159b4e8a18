using System.Buffers;
using System.Text;
using Sluice.Aggregates.Distinct;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Sluice.Hashing;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: registers that other programs cannot merge, an estimate outside its promised error, and two forms of one sketch.</summary>
public sealed class DistinctTests
{
    // Register and rank were read from Redis 7 (PFADD, then PFDEBUG GETREG); the hash is what leads there.
    public static TheoryData<string, ulong, int, int> Places => new()
    {
        { "", 0xd8dfea6585bc9732, 5938, 2 },
        { "a", 0x53d2470a9b43b1a7, 12711, 2 },
        { "abc", 0x77ec90aeb374e502, 9474, 1 },
        { "foo", 0xe64609b8b0141cb4, 7348, 5 },
        { "12345678", 0x95ebb86389132953, 10579, 3 },
        { "/index.html", 0x4c597a53fe7bfcf8, 15608, 1 },
        { "hello world, this is a longer element of 43 ", 0xd724bf3cbfe4717a, 12666, 1 },
        { new string('x', 600), 0x65ab95ab16f566c6, 9926, 1 },
        { new string('€', 700), 0xa1480d15bdc6ab0e, 11022, 2 },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void A_text_raises_the_register_that_it_raises_in_Redis(string text, ulong hash, int register, int rank)
    {
        Assert.Equal(hash, MurmurHash64A.Hash(Encoding.UTF8.GetBytes(text)));
        Assert.Equal(hash, MurmurHash64A.HashUtf8(text));
        Assert.Equal((register, rank), HyperLogLog.Place(hash));
        Assert.Equal([(byte)(register >> 10), (byte)(register >> 2), (byte)((register << 6) | rank)], Payload(Of([text])));
    }

    // The XxHash64 of the registers that Redis 7 has after PFADD of "element-0", "element-1", ..., in the form of docs/wire.md, and its PFCOUNT.
    [Theory]
    [InlineData(100, 300, 0xc9919780f28361dd, 100)]
    [InlineData(3000, 8199, 0xd644883b7b402fc7, 2991)]
    [InlineData(10_000, DistinctPayload.DenseBytes, 0xf8947b85f8fcefe6, 10_016)]
    [InlineData(200_000, DistinctPayload.DenseBytes, 0xe08fbe0e6b2430eb, 203_596)]
    public void Many_texts_give_the_registers_and_the_count_of_Redis(int values, int bytes, ulong hash, long count)
    {
        DistinctState state = Of(Enumerable.Range(0, values).Select(static i => $"element-{i}"));
        byte[] payload = Payload(state);

        Assert.Equal(bytes, payload.Length);
        Assert.Equal(hash, XxHash64.Hash(payload));
        Assert.Equal(count, state.View.Count);
    }

    [Fact]
    public void Every_length_of_text_hashes_as_its_bytes_do()
    {
        Random random = new(11);
        string[] alphabet = ["a", "é", "€", "😀", "\uD800"];
        for (int length = 0; length < 700; length++)
        {
            string text = string.Concat(Enumerable.Range(0, length).Select(_ => alphabet[random.Next(alphabet.Length)]));
            Assert.Equal(MurmurHash64A.Hash(Encoding.UTF8.GetBytes(text)), MurmurHash64A.HashUtf8(text));
        }
    }

    [Fact]
    public void Numbers_and_guids_count_by_their_bytes()
    {
        DistinctState state = default;
        state.Merge(0x3837363534333231L); // "12345678"
        Assert.Equal(Of(["12345678"]).View, state.View);

        state = default;
        state.Merge(new Guid("61626364-6566-6768-696a-6b6c6d6e6f70"));
        Assert.Equal(Of(["abcdefghijklmnop"]).View, state.View);
    }

    // 0.81 % is the standard error of the sketch (1.04 / sqrt(16384)); within four of them lie all but 6 of 100,000 estimates.
    [Theory]
    [InlineData(1_000)]
    [InlineData(5_000)]
    [InlineData(16_384)]
    [InlineData(40_000)]
    [InlineData(100_000)]
    [InlineData(200_000)]
    public void The_estimate_is_within_four_standard_errors_for_every_seed(int values)
    {
        const double StandardError = 0.0081;
        for (int seed = 0; seed < 10; seed++)
        {
            DistinctState state = default;
            Random random = new(seed);
            for (int i = 0; i < values; i++)
                state.Merge(random.NextInt64());
            Assert.InRange(state.View.Count, values * (1 - (4 * StandardError)), values * (1 + (4 * StandardError)));
        }
    }

    [Fact]
    public void The_estimator_answers_for_empty_full_and_saturated_sketches()
    {
        int[] ranks = new int[HyperLogLog.MaxRank + 1];
        ranks[0] = HyperLogLog.Registers;
        Assert.Equal(0, HyperLogLog.Estimate(ranks));

        ranks[0] = HyperLogLog.Registers - 1;
        ranks[1] = 1;
        Assert.Equal(1, HyperLogLog.Estimate(ranks));

        ranks = new int[HyperLogLog.MaxRank + 1];
        ranks[HyperLogLog.MaxRank] = HyperLogLog.Registers;
        Assert.Equal(long.MaxValue, HyperLogLog.Estimate(ranks));
    }

    // Around both borders: from the list to the registers in memory, and from the sparse to the dense form on the wire.
    [Theory]
    [InlineData(DistinctState.SparseCapacity)]
    [InlineData(DistinctPayload.MaxSparse)]
    public void The_form_depends_on_the_registers_alone(int border)
    {
        for (int registers = border - 1; registers <= border + 2; registers++)
        {
            int[] entries = [.. Enumerable.Range(0, registers).Select(static i => ((i * 3) << 6) | (1 + (i % HyperLogLog.MaxRank)))];
            byte[] expected = Canonical(entries);

            DistinctState read = default;
            read.Read(expected);
            Assert.Equal(expected, Payload(read));

            // The same registers, come to by merging halves that overlap, in both orders.
            byte[] left = Canonical(entries[..(registers * 2 / 3)]);
            byte[] right = Canonical(entries[(registers / 3)..]);
            Assert.Equal(expected, Merge(left, right));
            Assert.Equal(expected, Merge(right, left));
            Assert.Equal(expected, Merge(expected, left));
        }
    }

    // Eight registers at a time, against one at a time: every pair of ranks, in every place.
    [Fact]
    public void Each_register_becomes_the_higher_of_two()
    {
        for (int a = 0; a < 64; a++)
        {
            for (int b = 0; b < 64; b++)
            {
                for (int place = 0; place < DistinctPayload.Lanes; place++)
                {
                    // The neighbours hold the extremes, crosswise, so that a borrow would show.
                    ulong left = Spread(0x3F, 0, place, a);
                    ulong right = Spread(0, 0x3F, place, b);
                    Assert.Equal(Spread(0x3F, 0x3F, place, Math.Max(a, b)), DistinctPayload.MaxOfEight(left, right));
                }
            }
        }

        static ulong Spread(int even, int odd, int place, int rank)
        {
            ulong eight = 0;
            for (int i = 0; i < DistinctPayload.Lanes; i++)
                eight |= (ulong)(i == place ? rank : i % 2 == 0 ? even : odd) << (6 * i);
            return eight;
        }
    }

    [Fact]
    public void A_dense_form_is_canonical_with_every_possible_rank_and_with_no_other()
    {
        byte[] dense = Canonical([.. Enumerable.Range(0, 4096).Select(static i => ((i * 4) << 6) | 1)]);
        Assert.True(DistinctPayload.IsCanonical(dense));
        for (int register = 4 * 100; register < (4 * 100) + DistinctPayload.Lanes; register++)
        {
            int first = register - (register % DistinctPayload.Lanes);
            ulong before = DistinctPayload.ReadEight(dense, first);
            for (int rank = 0; rank < 64; rank++)
            {
                int shift = (register - first) * 6;
                DistinctPayload.WriteEight(dense, first, (before & ~(63UL << shift)) | ((ulong)rank << shift));
                bool removesOne = register % 4 == 0 && rank == 0;
                Assert.Equal(rank <= HyperLogLog.MaxRank && !removesOne, DistinctPayload.IsCanonical(dense));
            }

            DistinctPayload.WriteEight(dense, first, before);
        }
    }

    [Fact]
    public void A_reset_sketch_of_many_values_counts_few_again()
    {
        DistinctState state = Of(Enumerable.Range(0, 20_000).Select(static i => $"{i}"));
        state.Reset();
        Assert.True(state.IsEmpty);
        state.Merge("one");

        Assert.Equal(Of(["one"]).View, state.View);
        Assert.Equal(1, state.View.Count);
    }

    [Fact]
    public void Views_are_equal_when_the_same_values_were_counted()
    {
        DistinctView view = Of(["a", "b", "c"]).View;

        Assert.Equal(view, Of(["c", "a", "b", "a", "c"]).View);
        Assert.Equal(view.GetHashCode(), Of(["c", "b", "a"]).View.GetHashCode());
        Assert.NotEqual(view, Of(["a", "b", "d"]).View);
        Assert.Equal(3, view.Count);
        Assert.Equal("3", view.ToString());
        Assert.Same(DistinctView.Empty, Of([]).View);
    }

    private static DistinctState Of(IEnumerable<string> values)
    {
        DistinctState state = default;
        foreach (string value in values)
            state.Merge(value);
        return state;
    }

    private static byte[] Payload(DistinctState state)
    {
        ArrayBufferWriter<byte> output = new();
        state.Write(3, output);
        FieldCursor cursor = new(output.WrittenSpan);
        Assert.True(cursor.MoveNext());
        return cursor.Payload.ToArray();
    }

    private static byte[] Merge(byte[] left, byte[] right)
    {
        byte[] destination = new byte[left.Length + right.Length];
        Assert.True(DistinctMerger.Instance.TryMerge(left, right, HyperLogLog.Precision, destination, out int written));
        return destination[..written];
    }

    // Written from docs/wire.md, apart from the code under test.
    private static byte[] Canonical(int[] entries)
    {
        if (entries.Length < 4096)
            return [.. entries.SelectMany(static entry => new[] { (byte)(entry >> 16), (byte)(entry >> 8), (byte)entry })];
        byte[] dense = new byte[12_288];
        foreach (int entry in entries)
        {
            for (int bit = 0; bit < 6; bit++)
            {
                int at = ((entry >> 6) * 6) + bit;
                dense[at / 8] |= (byte)(((entry >> bit) & 1) << (at % 8));
            }
        }

        return dense;
    }
}
