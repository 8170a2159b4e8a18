using System.Buffers;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: quantiles that are off by more than the error they state, and histograms that depend on who counted what.</summary>
public sealed class HistogramTests
{
    public static TheoryData<int> Precisions => [.. Enumerable.Range(HistogramBuckets.MinPrecision, HistogramBuckets.MaxPrecision - HistogramBuckets.MinPrecision + 1)];

    [Theory]
    [MemberData(nameof(Precisions))]
    public void Every_quantile_is_within_the_stated_error_of_the_contribution_for_every_seed(int precision)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            double[] values = [.. Enumerable.Range(0, 2000).Select(_ => Value(random, seed % 4))];
            HistogramState state = default;
            foreach (double value in values)
                state.Merge(value, precision);
            HistogramView view = state.View(precision);
            Array.Sort(values);

            Assert.Equal(values.Length, view.Count);
            Assert.Equal(Math.ScaleB(1, -(precision + 1)), view.RelativeError);
            for (int rank = 1; rank <= values.Length; rank++)
                Assert.InRange(view.Quantile((rank - 0.5) / values.Length)!.Value, values[rank - 1] * (1 - view.RelativeError), values[rank - 1] * (1 + view.RelativeError));
        }

        // Evenly spread, exponential, over many magnitudes, and few different values.
        static double Value(Random random, int distribution) => distribution switch
        {
            0 => 1 + (random.NextDouble() * 1000),
            1 => -Math.Log(1 - random.NextDouble()) + 1e-6,
            2 => Math.Pow(10, (random.NextDouble() * 26) - 8),
            _ => 1 << random.Next(20),
        };
    }

    [Theory]
    [MemberData(nameof(Precisions))]
    public void Every_number_lies_in_the_bucket_that_it_is_counted_in(int precision)
    {
        Random random = new(precision);
        int last = HistogramBuckets.CountOf(precision) - 1;
        Assert.InRange(last, 1, ushort.MaxValue);
        Assert.Equal(HistogramBuckets.End, HistogramBuckets.LowerOf(last + 1, precision));
        for (int index = 0; index <= last; index += 1 + random.Next(50))
        {
            double lower = HistogramBuckets.LowerOf(index, precision);
            double upper = HistogramBuckets.LowerOf(index + 1, precision);
            Assert.Equal(index, HistogramBuckets.IndexOf(lower, precision));
            Assert.Equal(index, HistogramBuckets.IndexOf(Math.BitDecrement(upper), precision));
            Assert.True(index == 0 || (upper - lower) / 2 / lower <= HistogramBuckets.RelativeErrorOf(precision));
        }

        Assert.Equal(0, HistogramBuckets.IndexOf(-0.0, precision));
        Assert.Equal(0, HistogramBuckets.IndexOf(double.Epsilon, precision));
        Assert.Equal(last, HistogramBuckets.IndexOf(Math.BitDecrement(HistogramBuckets.End), precision));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-1e-300)]
    [InlineData(9.3e18)]
    [InlineData(double.PositiveInfinity)]
    public void A_number_without_a_bucket_is_refused_where_the_event_is_made(double value)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new Outer.EveryKind.Event { Histogram = value });
        Assert.Contains("'Histogram' is", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantiles_go_from_the_smallest_contribution_to_the_greatest()
    {
        HistogramView view = Fold(0, 1, 2, 4, 1e-12);

        Assert.Equal(0, view.Quantile(0));
        Assert.Equal(0, view.Quantile(0.4));
        Assert.Equal(1 + (1 / 128.0), view.Quantile(0.41));
        Assert.Equal(4 + (4 / 128.0), view.Quantile(1));
        Assert.Equal([2L, 1, 1, 1], view.Buckets.Select(static bucket => bucket.Count));
        Assert.Throws<ArgumentOutOfRangeException>(() => view.Quantile(1.01));
        Assert.Throws<ArgumentOutOfRangeException>(() => view.Quantile(double.NaN));
        Assert.Null(Fold().Quantile(0.5));
    }

    [Fact]
    public void Views_are_equal_when_their_buckets_are()
    {
        Assert.Equal(Fold(1, 2, 3), Fold(3, 1, 2));
        Assert.Equal(Fold(1, 2, 3).GetHashCode(), Fold(3, 1, 2).GetHashCode());
        Assert.False(Fold(1, 2).Equals(Fold(1, 2, 2)));
    }

    // Beyond 2^53 the numbers of a script are not exact.
    [Fact]
    public void A_histogram_counts_up_to_2_to_the_53rd_and_refuses_the_next()
    {
        AggregateSchema schema = new("a", new FieldSchema("F", "histogram", 6));
        RecordMerger merger = RecordMerger.For(schema);
        byte[] full = Framed(5, HistogramPayload.MaxCount - 1);

        ArrayBufferWriter<byte> merged = new();
        Assert.Equal(RecordMergeStatus.Merged, merger.TryMerge(full, Framed(7, 1), merged, out _));
        Assert.Equal(RecordMergeStatus.Overflow, merger.TryMerge(full, Framed(7, 2), new ArrayBufferWriter<byte>(), out int field));
        Assert.Equal(0, field);
        Assert.Equal(RecordMergeStatus.Malformed, merger.TryMerge(default, Framed(5, HistogramPayload.MaxCount + 1), new ArrayBufferWriter<byte>(), out _));

        HistogramState state = default;
        state.Read(merged.WrittenSpan[2..], 6);
        Assert.False(state.CanAdd(1.0));
        Assert.True(state.CanAdd(null));

        static byte[] Framed(int index, long count)
        {
            byte[] payload = new byte[HistogramPayload.SizeOf(count)];
            HistogramPayload.Write(payload, index, count);
            return [0, (byte)payload.Length, .. payload];
        }
    }

    private static HistogramView Fold(params double[] values) =>
        Outer.EveryKind.Definition.Fold(Guid.Empty, values.Select(static value => new Outer.EveryKind.Event { Histogram = value })).Histogram;
}
