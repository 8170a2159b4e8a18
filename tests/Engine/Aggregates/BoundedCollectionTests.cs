using Sluice.Aggregates.Fields;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>
/// What is kept when there is more than there is room for. Prevents: a rule that is not a merge. Each wrong rule stands here with an example of what
/// goes wrong, and with what comes out instead.
/// </summary>
public sealed class BoundedCollectionTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    // What was flushed last is not what happened last: a server that takes every flush for news gives an old value a new place.
    [Fact]
    public void A_window_does_not_keep_what_was_flushed_last()
    {
        static Stamped<string>[] Wrong(Stamped<string>[] stored, Stamped<string>[] flushed) => [.. flushed.Concat(stored).Take(3)];
        Stamped<string>[] early = [At("a", 1), At("b", 2)];
        Stamped<string>[] late = [At("d", 4), At("c", 3)];
        Assert.NotEqual(Wrong(early, late), Wrong(late, early));

        byte[] first = Texts(early), second = Texts(late);
        Assert.Equal(["d", "c", "b"], Records.View(Records.Merge(first, second)).Texts);
        Assert.Equal(Records.Merge(first, second), Records.Merge(second, first));
    }

    // Joined end to end, local windows grow without bound, and a delta that arrives twice is there twice.
    [Fact]
    public void A_window_is_not_merged_by_concatenation()
    {
        static string[] Wrong(string[] left, string[] right) => [.. left, .. right];
        Assert.NotEqual(3, Wrong(["d", "c"], ["b", "a"]).Length);
        Assert.NotEqual(["d"], Wrong(["d"], ["d"]));

        byte[] window = Texts([At("d", 4), At("c", 3), At("b", 2), At("a", 1)]);
        Assert.Equal(3, Records.View(window).Texts.Count);
        Assert.Equal(Records.WithoutCount(window), Records.WithoutCount(Records.Merge(window, window)));
    }

    // Who is first depends on who is asked.
    [Fact]
    public void A_full_set_does_not_keep_the_values_that_arrived_first()
    {
        static HashSet<long> Wrong(HashSet<long> left, HashSet<long> right) => [.. left.Concat(right.Except(left)).Take(2)];
        Assert.NotEqual(Wrong([1, 2], [3, 4]), Wrong([3, 4], [1, 2]));

        foreach (int[] order in new int[][] { [0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 5, 0, 2, 4, 1] })
        {
            SetView<Guid> view = Outer.EveryKind.Definition.Fold(Guid.Empty, order.Select(static i => new Outer.EveryKind.Event { SetGuids = Device(i) })).SetGuids;
            Assert.Equal(Enumerable.Range(0, 6).Select(Device).OrderBy(GuidElement.Hash).Take(2).ToHashSet(), view.ToHashSet());
            Assert.True(view.IsAtCapacity);
        }
    }

    // With room for one key: b comes back after a has cancelled out, but without what b had been contributed before.
    [Fact]
    public void A_full_map_does_not_forget_keys_whose_contributions_cancel_out()
    {
        static SortedDictionary<string, int> Wrong(SortedDictionary<string, int> left, SortedDictionary<string, int> right)
        {
            SortedDictionary<string, int> merged = new(left);
            foreach ((string key, int value) in right)
                merged[key] = merged.GetValueOrDefault(key) + value;
            return new(merged.Where(static pair => pair.Value != 0).Take(1).ToDictionary());
        }

        SortedDictionary<string, int> plusA = new() { ["a"] = 1 }, minusA = new() { ["a"] = -1 }, plusB = new() { ["b"] = 1 };
        Assert.Empty(Wrong(Wrong(plusA, plusB), minusA));
        Assert.Equal(plusB, Wrong(Wrong(plusA, minusA), plusB));

        string[] keys = [.. Enumerable.Range(0, 4).Select(static i => $"key {i}").OrderBy(StringElement.Hash)];
        byte[] plus = Merged([.. keys.Take(3).Select(static key => Sum(key, 1))]);
        byte[] minus = Merged([.. keys.Take(3).Select(static key => Sum(key, -1))]);
        byte[] other = Sum(keys[3], 1);
        byte[] expected = Records.Merge(Records.Merge(plus, other), minus);
        Assert.Equal(expected, Records.Merge(Records.Merge(plus, minus), other));
        Assert.Empty(Records.View(expected).SumsByText);
        Assert.True(Records.View(expected).SumsByText.IsAtCapacity);
    }

    [Fact]
    public void A_key_that_stays_in_a_full_map_has_all_that_was_contributed_to_it()
    {
        string[] keys = [.. Enumerable.Range(0, 50).Select(static i => $"key {i}")];
        MapView<string, long> view = Outer.EveryKind.Definition.Fold(
            Guid.Empty, Enumerable.Range(0, 10).SelectMany(_ => keys).Select(static key => new Outer.EveryKind.Event { SumsByText = new(key, 3) })).SumsByText;

        Assert.Equal(keys.OrderBy(StringElement.Hash).Take(3).ToHashSet(), view.Keys.ToHashSet());
        Assert.All(view.Values, static sum => Assert.Equal(30, sum));
    }

    [Fact]
    public void A_map_of_sums_does_not_wrap()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        Assert.True(state.Merge(new() { SumsByText = new("a", long.MaxValue) }).IsMerged);
        byte[] before = state.Write();

        Assert.False(state.Merge(new() { SumsByText = new("a", 1), Texts = "new" }).IsMerged);
        Assert.Equal(before, state.Write());
        Assert.True(state.Merge(new() { SumsByText = new("b", 1) }).IsMerged);
        Assert.Equal(Sluice.Aggregates.RecordMergeStatus.Overflow, Records.Merger.TryMerge(before, Sum("a", 1), new System.Buffers.ArrayBufferWriter<byte>(), out _));
    }

    [Fact]
    public void Contributions_without_a_key_and_of_zero_leave_a_map_empty()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { SumsByText = new(null!, 5), CountsByText = null, SetTexts = null, SumsByGuid = new(Guid.NewGuid(), 0) });
        state.Merge(new() { MoneyByText = new("a", 0), LastNumberByText = new(null!, 5L), DistinctByGuid = new(Guid.NewGuid(), null!), SetsByNumber = new(1, null!) });
        state.Merge(new() { FirstTextByGuid = new(Guid.NewGuid(), (string)null!), HighestByGuid = new(Guid.NewGuid(), new Scored<string>(null!, 1)) });

        Assert.Empty(Records.WithoutCount(state.Write()));
    }

    [Fact]
    public void What_a_map_cannot_hold_is_refused_where_the_event_is_made()
    {
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { SumsByNumber = new(1, double.PositiveInfinity) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { MaximaByNumber = new(1, double.NaN) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { SumsByText = new(new string('x', 65536), 1) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { SetTexts = new string('x', 65536) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { MoneyByText = new("a", 0.001m) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { AveragesByGuid = new(Guid.Empty, 0.01m) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { HistogramsByText = new("a", -1) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { FirstTextByGuid = new(Guid.Empty, new string('x', 65536)) });
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { SetsByNumber = new(1, new string('x', 65536)) });
        Assert.Equal("a\uFFFD", new Outer.EveryKind.Event { SetsByNumber = new(1, "a\uD800") }.SetsByNumber!.Value.Value);
        Assert.Equal("a\uFFFD", new Outer.EveryKind.Event { FirstTextByGuid = new(Guid.Empty, "a\uD800") }.FirstTextByGuid!.Value.Value.Value);
        Assert.Equal("a\uFFFD", new Outer.EveryKind.Event { SumsByText = new("a\uD800", 1) }.SumsByText!.Value.Key);
        Assert.Equal(double.PositiveInfinity, new Outer.EveryKind.Event { MaximaByNumber = new(1, double.PositiveInfinity) }.MaximaByNumber!.Value.Value);
    }

    [Fact]
    public void A_score_decides_and_ties_go_to_the_greater_origin_and_then_to_the_later_contribution()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { HighestTexts = new("lowest", -0.0) }, origin: 9, sequence: 900);
        state.Merge(new() { HighestTexts = new("first", 1) }, origin: 2, sequence: 100);
        state.Merge(new() { HighestTexts = new("second", 1) }, origin: 2, sequence: 200);
        state.Merge(new() { HighestTexts = new("greater origin", 1) }, origin: 3, sequence: 100);
        state.Merge(new() { HighestTexts = new("zero", 0.0) }, origin: 1, sequence: 100);
        ScoredView<string> view = Records.View(state.Write()).HighestTexts;

        Assert.Equal(["greater origin", "second", "first", "zero"], view);
        Assert.Equal([1.0, 1, 1, 0], view.Scored.Select(static one => one.Score));
        Assert.Throws<ArgumentException>(static () => new Scored<string>("a", double.NaN));
    }

    [Fact]
    public void First_and_last_go_by_timestamps_and_not_by_arrival()
    {
        Outer.EveryKind view = Records.View(Records.Merge(Ends(At("late", 9)), Records.Merge(Ends(At("early", 1)), Ends(At("middle", 5)))));

        Assert.Equal(("early", "late"), (view.FirstText, view.LastText));
        Assert.Null(Records.View([]).FirstText);
        Assert.Equal(0, Records.View([]).LastInt32);

        static byte[] Ends(Stamped<string> text)
        {
            StateProbe<Outer.EveryKind.Event> state = Records.NewState();
            state.Merge(new() { FirstText = text, LastText = text });
            return state.Write();
        }
    }

    [Fact]
    public void Between_equal_timestamps_first_is_the_smallest_origin_and_last_the_greatest_then_the_sequence()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        foreach ((ulong origin, long sequence) in new[] { (2UL, 200L), (1UL, 300L), (1UL, 100L), (ulong.MaxValue, 100L), (ulong.MaxValue, 300L) })
            state.Merge(new() { FirstInt64 = (long)(origin % 10 * 1000) + sequence, LastInt32 = (int)(origin % 10 * 1000) + (int)sequence }, 0, origin, sequence);
        Outer.EveryKind view = Records.View(state.Write());

        Assert.Equal(1100, view.FirstInt64);
        Assert.Equal((int)(ulong.MaxValue % 10 * 1000) + 300, view.LastInt32);
    }

    [Fact]
    public void Every_value_that_an_end_takes_comes_back()
    {
        foreach (double value in new[] { double.NaN, double.NegativeInfinity, -0.0, 1.5 })
        {
            StateProbe<Outer.EveryKind.Event> state = Records.NewState();
            state.Merge(new() { LastDouble = value });
            Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(Records.View(state.Write()).LastDouble!.Value));
        }

        Outer.EveryKind view = Outer.EveryKind.Definition.Fold(Guid.Empty, [new() { FirstTime = DateTimeOffset.MaxValue, LastSpan = TimeSpan.MinValue, LastInt32 = int.MinValue, FirstGuid = Device(3) }]);
        Assert.Equal((DateTimeOffset.MaxValue, TimeSpan.MinValue, int.MinValue, Device(3)), (view.FirstTime, view.LastSpan, view.LastInt32, view.FirstGuid));
    }

    [Fact]
    public void Views_are_equal_by_what_they_hold()
    {
        Outer.EveryKind.Event[] events = [new() { LastTexts = At("a", 1), SetTexts = "a", SumsByText = new("a", 1), HighestTexts = new("a", 1) }, new() { LastTexts = At("b", 2), SetTexts = "b", SumsByText = new("b", 2), HighestTexts = new("b", 2) }];
        Outer.EveryKind view = Outer.EveryKind.Definition.Fold(Guid.Empty, events);
        Outer.EveryKind same = Outer.EveryKind.Definition.Fold(Guid.NewGuid(), events.Reverse());
        Outer.EveryKind other = Outer.EveryKind.Definition.Fold(Guid.Empty, events.Take(1));

        Assert.Equal(
            ((object)view.LastTexts, view.SetTexts, view.SumsByText, view.HighestTexts), (same.LastTexts, same.SetTexts, same.SumsByText, same.HighestTexts));
        Assert.Equal(view.LastTexts.GetHashCode(), same.LastTexts.GetHashCode());
        Assert.Equal(view.SetTexts.GetHashCode(), same.SetTexts.GetHashCode());
        Assert.Equal(view.SumsByText.GetHashCode(), same.SumsByText.GetHashCode());
        Assert.Equal(view.HighestTexts.GetHashCode(), same.HighestTexts.GetHashCode());
        Assert.False(view.LastTexts.Equals(other.LastTexts) || view.SetTexts.Equals(other.SetTexts) || view.SumsByText.Equals(other.SumsByText) || view.HighestTexts.Equals(other.HighestTexts));
        Assert.Equal("[a, b]", view.LastTexts.ToString());
        Assert.Same(SetView<string>.Empty, Records.View([]).SetTexts);
        Assert.Same(MapView<string, long>.Empty, Records.View([]).SumsByText);
    }

    private static Guid Device(int i) => new(i, 0, 0, new byte[8]);

    private static Stamped<string> At(string value, int seconds) => new(value, Noon.AddSeconds(seconds));

    private static byte[] Texts(Stamped<string>[] texts)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        foreach (Stamped<string> text in texts)
            state.Merge(new() { Texts = text });
        return state.Write();
    }

    private static byte[] Sum(string key, long amount)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { SumsByText = new(key, amount) });
        return state.Write();
    }

    private static byte[] Merged(byte[][] records) => records.Aggregate(Records.Merge);
}
