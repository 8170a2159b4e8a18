using System.Buffers;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Sums of other types, differences, counts and averages. Prevents: money that is rounded, totals that wrap, and means of means.</summary>
public sealed class NumberFieldTests
{
    // merge(a, b) = a - b is what a subtraction looks like: it depends on the grouping, and flushing each is not flushing once.
    [Fact]
    public void A_diff_is_not_merged_by_subtracting()
    {
        static long Wrong(long a, long b) => a - b;
        Assert.NotEqual(Wrong(Wrong(9, 5), 3), Wrong(9, Wrong(5, 3)));
        Assert.NotEqual(Wrong(Wrong(0, 5), 3), Wrong(0, Wrong(5, 3)));

        byte[] nine = Diff(9), five = Diff(5), three = Diff(3);
        Assert.Equal(Records.Merge(Records.Merge(nine, five), three), Records.Merge(nine, Records.Merge(five, three)));
        Assert.Equal(-17, Records.View(Records.Merge(nine, Records.Merge(five, three))).DiffInt64);
        Assert.Equal(-8, Records.View(Records.Merge(Diff(5), Diff(3))).DiffInt64);

        static byte[] Diff(long contribution)
        {
            StateProbe<Outer.EveryKind.Event> state = Records.NewState();
            state.Merge(new() { DiffInt64 = contribution });
            return state.Write();
        }
    }

    [Theory]
    [InlineData(long.MaxValue, 1, true)]
    [InlineData(long.MinValue, -1, false)]
    [InlineData(long.MaxValue, long.MaxValue, false)]
    [InlineData(long.MaxValue, long.MinValue, true)]
    [InlineData(-1, long.MinValue, false)]
    [InlineData(1, long.MinValue, true)]
    [InlineData(0, long.MinValue, false)]
    public void A_diff_is_exact_or_refused(long first, long second, bool fits)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        if (first == long.MinValue)
            Assert.True(state.Merge(new() { DiffInt64 = 1 }).IsMerged); // so that -(-2^63) has a place
        Assert.True(state.Merge(new() { DiffInt64 = first }).IsMerged);
        byte[] before = state.Write();
        MergeOutcome outcome = state.Merge(new() { DiffInt64 = second, Texts = "new" });

        Assert.Equal(fits, outcome.IsMerged);
        if (!fits)
            Assert.Equal(before, state.Write());
    }

    [Fact]
    public void A_diff_begins_where_it_was_declared_to()
    {
        Outer.EveryKind view = Outer.EveryKind.Definition.Fold(Guid.Empty, [new() { DiffInt32 = 1, DiffDecimal = 0.125m }, new() { DiffInt32 = 2, DiffDecimal = -1 }]);

        Assert.Equal(997, view.DiffInt32);
        Assert.Equal(-6.125m, view.DiffDecimal);
    }

    [Fact]
    public void Every_event_counts_whatever_it_contributes()
    {
        Assert.Equal((3, 5), Fold(new() { Total = 5 }, default, default));
        Assert.Equal((0, 0), Fold());

        static (long Events, long Total) Fold(params Counted.Event[] events)
        {
            Counted view = Counted.Definition.Fold("a", events);
            return (view.Events, view.Total);
        }
    }

    [Fact]
    public void A_count_has_the_stored_form_of_a_sum_of_ones()
    {
        StateProbe<Counted.Event> counted = StateProbe<Counted.Event>.Of(Counted.Definition);
        counted.Merge(default);
        counted.Merge(default);

        Assert.Equal([0, 8, 2, 0, 0, 0, 0, 0, 0, 0], counted.Write());
        Assert.Equal("sum.i64", Counted.Definition.Schema.Fields[0].Kind);
    }

    [Fact]
    public void Ten_times_ten_cents_are_a_unit()
    {
        Outer.EveryKind view = Outer.EveryKind.Definition.Fold(Guid.Empty, Enumerable.Repeat(new Outer.EveryKind.Event { SumDecimal = 0.1m, SumDouble = 0.1 }, 10));

        Assert.Equal(1m, view.SumDecimal);
        Assert.NotEqual(1.0, view.SumDouble);
    }

    [Fact]
    public void A_decimal_that_its_scale_cannot_hold_is_refused_where_the_event_is_made()
    {
        ArgumentException places = Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { SumDecimal = 0.005m });
        Assert.Contains("'SumDecimal' is 0.005, which has more than the 2 decimal places", places.Message, StringComparison.Ordinal);
        ArgumentException digits = Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { AverageDecimal = 92_233_720_368_547_758.08m });
        Assert.Contains("between -92233720368547758.08 and 92233720368547758.07", digits.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { DiffDecimal = decimal.MaxValue });

        Assert.Equal(1.10m, new Outer.EveryKind.Event { SumDecimal = 1.1000m }.SumDecimal);
        Assert.Null(new Outer.EveryKind.Event().AverageDecimal);
    }

    [Theory]
    [InlineData("92233720368547758.07", "0.01", false)]
    [InlineData("92233720368547758.07", "-0.01", true)]
    [InlineData("-92233720368547758.08", "-0.01", false)]
    [InlineData("-92233720368547758.08", "92233720368547758.07", true)]
    public void A_decimal_sum_is_exact_or_refused(string first, string second, bool fits)
    {
        decimal a = decimal.Parse(first, System.Globalization.CultureInfo.InvariantCulture);
        decimal b = decimal.Parse(second, System.Globalization.CultureInfo.InvariantCulture);
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        Assert.True(state.Merge(new() { SumDecimal = a }).IsMerged);

        Assert.Equal(fits, state.Merge(new() { SumDecimal = b }).IsMerged);
        Assert.Equal(fits ? a + b : a, Records.View(state.Write()).SumDecimal);
    }

    // What "order-dependent" means, so that nobody has to find out: commutative to the bit, associative only within the rounding.
    [Fact]
    public void A_double_sum_depends_on_the_grouping_in_its_last_digits()
    {
        byte[] a = Sum(0.1), b = Sum(0.2), c = Sum(0.3);

        Assert.Equal(Records.Merge(a, b), Records.Merge(b, a));
        double left = Records.View(Records.Merge(Records.Merge(a, b), c)).SumDouble;
        double right = Records.View(Records.Merge(a, Records.Merge(b, c))).SumDouble;
        Assert.NotEqual(left, right);
        Assert.Equal(left, right, tolerance: 1e-15);
    }

    // Rounding errors add up to at most one unit in the last place of the magnitudes' sum for each addition: that much associativity there is.
    [Fact]
    public void Any_grouping_of_doubles_sums_up_to_the_same_within_the_rounding()
    {
        Random random = new(20260310);
        for (int round = 0; round < 200; round++)
        {
            double[] values = [.. Enumerable.Range(0, 2 + random.Next(40)).Select(_ => Math.ScaleB(random.NextDouble() - 0.5, random.Next(-30, 30)))];
            List<byte[]> deltas = [.. values.Select(Sum)];
            while (deltas.Count > 1)
            {
                int i = random.Next(deltas.Count - 1);
                deltas[i] = Records.Merge(deltas[i], deltas[i + 1]);
                deltas.RemoveAt(i + 1);
            }

            double tolerance = values.Length * values.Sum(Math.Abs) * Math.ScaleB(1, -52);
            Assert.Equal(values.Sum(), Records.View(deltas[0]).SumDouble, tolerance);
        }
    }

    [Fact]
    public void A_double_sum_is_finite_or_refused()
    {
        foreach (double value in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            Assert.Throws<ArgumentException>(() => new Outer.EveryKind.Event { SumDouble = value });

        byte[] greatest = Sum(double.MaxValue);
        Assert.Equal(RecordMergeStatus.Overflow, Records.Merger.TryMerge(greatest, greatest, new ArrayBufferWriter<byte>(), out int field));
        Assert.Equal("SumDouble", Outer.EveryKind.Definition.Schema.Fields[field].Name);
        StateProbe<Outer.EveryKind.Event> state = Records.NewState().Read(greatest);
        Assert.False(state.Merge(new() { SumDouble = double.MaxValue }).IsMerged);
        Assert.Equal(greatest, state.Write());
    }

    // Merged by subtracting, 9 - 5 - 3 would be 1 in one order and 7 in another; and a rounded result must not become an infinite one.
    [Fact]
    public void A_diff_of_doubles_is_a_sum_of_negations_and_finite()
    {
        Assert.Equal(2 - 7.75, Records.View(Records.Merge(Diff(5.5), Records.Merge(Diff(3), Diff(-0.75)))).DiffDouble);
        Assert.Equal(2, Records.View(Records.Merge(Diff(1.5), Diff(-1.5))).DiffDouble);
        Assert.Equal(Sum(-1.5)[2..10], Records.WithoutCount(Diff(1.5))[2..]);
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { DiffDouble = double.NaN });

        StateProbe<Outer.EveryKind.Event> state = Records.NewState().Read(Diff(double.MaxValue));
        Assert.False(state.Merge(new() { DiffDouble = double.MaxValue }).IsMerged);
        Assert.True(state.Merge(new() { DiffDouble = double.MinValue }).IsMerged);
        Assert.Equal(RecordMergeStatus.Overflow, Records.Merger.TryMerge(Diff(double.MaxValue), Diff(double.MaxValue), new ArrayBufferWriter<byte>(), out _));
    }

    [Fact]
    public void A_double_sum_of_zero_is_the_empty_field()
    {
        Assert.Empty(Records.WithoutCount(Records.Merge(Sum(1.5), Sum(-1.5))));
        Assert.Empty(Records.WithoutCount(Sum(-0.0)));
    }

    // The mean of (the mean of 1 and 2) and 6 is not the mean of 1, 2 and 6.
    [Fact]
    public void An_average_is_divided_only_when_it_is_read()
    {
        AverageView view = Records.View(Records.Merge(Records.Merge(Average(1), Average(2)), Average(6))).AverageInt64;

        Assert.Equal(new AverageView(3, 9), view);
        Assert.Equal(3m, view.Mean);
    }

    [Fact]
    public void Contributions_that_cancel_out_still_count_in_an_average()
    {
        AverageView view = Records.View(Records.Merge(Average(5), Average(-5))).AverageInt64;

        Assert.Equal((2, 0m, 0m), (view.Count, view.Sum, view.Mean));
        Assert.Null(default(AverageView).Mean);
    }

    [Fact]
    public void An_average_whose_sum_would_overflow_is_refused()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState().Read(Average(long.MaxValue));

        Assert.False(state.Merge(new() { AverageInt64 = 1 }).IsMerged);
        Assert.Equal(RecordMergeStatus.Overflow, Records.Merger.TryMerge(Average(long.MaxValue), Average(1), new ArrayBufferWriter<byte>(), out _));
        Assert.True(state.Merge(new() { AverageInt64 = -1 }).IsMerged);
    }

    private static byte[] Sum(double contribution)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { SumDouble = contribution });
        return state.Write();
    }

    private static byte[] Diff(double contribution)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { DiffDouble = contribution });
        return state.Write();
    }

    private static byte[] Average(long contribution)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { AverageInt64 = contribution });
        return state.Write();
    }
}
