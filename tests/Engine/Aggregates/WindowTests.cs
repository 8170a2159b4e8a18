using System.Text;
using Sluice.Aggregates.Fields;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: a window that keeps what arrived last instead of what happened last, or that two processes order differently.</summary>
public sealed class WindowTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Keeps_the_newest_in_the_order_of_their_timestamps()
    {
        Outer.EveryKind view = Fold(At("c", 3), At("a", 1), At("d", 4), At("b", 2));

        Assert.Equal(["d", "c", "b"], view.Texts);
        Assert.Equal([Noon.AddSeconds(4), Noon.AddSeconds(3), Noon.AddSeconds(2)], view.Texts.Stamped.Select(static e => e.Timestamp));
    }

    [Fact]
    public void What_is_older_than_a_full_window_does_not_enter() =>
        Assert.Equal(["d", "c", "b"], Fold(At("b", 2), At("c", 3), At("d", 4), At("a", 1)).Texts);

    [Fact]
    public void Equal_values_count_as_often_as_they_were_contributed() =>
        Assert.Equal(["a", "a", "b"], Fold(At("b", 1), At("a", 2), At("a", 2)).Texts);

    [Fact]
    public void Without_a_timestamp_a_contribution_gets_the_session_clocks()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { Texts = "now" }, Noon.UtcTicks);
        state.Merge(new() { Texts = new Stamped<string>("then", Noon.AddSeconds(-1)) }, Noon.UtcTicks, sequence: 20);
        WindowView<string> view = Records.View(state.Write()).Texts;

        Assert.Equal(["now", "then"], view);
        Assert.Equal(Noon, view.Stamped[0].Timestamp);
    }

    [Fact]
    public void Timestamps_are_instants_whatever_their_offset()
    {
        DateTimeOffset sameInstant = Noon.ToOffset(TimeSpan.FromHours(5));

        Assert.Equal(new Stamped<string>("x", Noon), new Stamped<string>("x", sameInstant));
        Assert.Equal(TimeSpan.Zero, new Stamped<string>("x", sameInstant).Timestamp.Offset);
    }

    [Fact]
    public void Ties_go_to_the_greater_origin_and_then_to_the_later_contribution()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { Texts = At("origin 2, first", 0) }, origin: 2, sequence: 10);
        state.Merge(new() { Texts = At("origin 2, second", 0) }, origin: 2, sequence: 20);
        state.Merge(new() { Texts = At("greatest origin", 0) }, origin: ulong.MaxValue, sequence: 1);
        state.Merge(new() { Texts = At("origin 1", 0) }, origin: 1, sequence: 30);

        Assert.Equal(["greatest origin", "origin 2, second", "origin 2, first"], Records.View(state.Write()).Texts);
    }

    // Cannot happen while engines number their contributions; if it does, a record must not depend on who merged first.
    [Fact]
    public void Two_values_with_one_identity_become_the_same_one_everywhere()
    {
        string[] values = ["\uFFFD", "😀", "a"];
        byte[][] records = [.. values.Select(static value => Records.WithoutCount(State(value).Write()))];
        byte[] greatest = records.OrderBy(static record => record, Comparer<byte[]>.Create(static (a, b) => a.AsSpan(^4).SequenceCompareTo(b.AsSpan(^4)))).Last();

        foreach (string first in values)
        {
            foreach (string second in values)
            {
                StateProbe<Outer.EveryKind.Event> state = State(first);
                state.Merge(new() { Texts = At(second, 0) }, origin: 1, sequence: 1);
                Assert.Equal(Records.Merge(State(first).Write(), State(second).Write()), state.Write());
                Assert.Equal(state.Write(), Records.Merge(State(second).Write(), State(first).Write()));
                if (first == "😀" || second == "😀")
                    Assert.Equal("😀", Records.View(state.Write()).Texts[0]);
            }
        }

        Assert.Equal("😀", Records.View(greatest).Texts[0]);

        static StateProbe<Outer.EveryKind.Event> State(string value)
        {
            StateProbe<Outer.EveryKind.Event> state = Records.NewState();
            state.Merge(new() { Texts = At(value, 0) }, origin: 1, sequence: 1);
            return state;
        }
    }

    [Fact]
    public void Elements_compare_as_their_bytes_do()
    {
        string[] texts = ["", "a", "ab", "b", "\u007F", "\u0080", "\u07FF", "\u0800", "\uD7FF", "\uE000", "\uFFFD", "\U00010000", "\U0010FFFF", "a\uE000", "a😀"];
        foreach (string left in texts)
        {
            foreach (string right in texts)
            {
                int bytes = Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
                Assert.Equal(Math.Sign(bytes), Math.Sign(StringElement.Compare(left, right)));
            }
        }

        AssertComparesAsBytes<long, Int64Element>([0, 1, -1, 255, 256, long.MinValue, long.MaxValue, 1L << 56]);
        AssertComparesAsBytes<Guid, GuidElement>([Guid.Empty, Guid.AllBitsSet, new Guid(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), new Guid(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), new Guid(0, -1, 1, 0, 0, 0, 0, 0, 0, 0, 255)]);
    }

    [Fact]
    public void A_null_text_contributes_nothing()
    {
        string? none = null;
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        state.Merge(new() { Texts = none!, DistinctTexts = none });

        Assert.Empty(Records.WithoutCount(state.Write()));
    }

    [Fact]
    public void Unpaired_surrogates_become_the_replacement_character_before_they_are_stored()
    {
        Outer.EveryKind.Event e = new() { Texts = "a\uD800b\uDC00" };

        Assert.Equal("a\uFFFDb\uFFFD", e.Texts!.Value.Value);
        Assert.Equal("😀", new Outer.EveryKind.Event { Texts = "😀" }.Texts!.Value.Value);
    }

    [Fact]
    public void A_text_that_is_too_long_is_refused_where_the_event_is_made()
    {
        string longest = new('x', WindowAttribute.MaxElementBytes);

        Assert.Equal([longest], Fold(longest).Texts);
        ArgumentException e = Assert.Throws<ArgumentException>(() => new Outer.EveryKind.Event { Texts = longest + "x" });
        Assert.Contains("'Texts' has 65536 bytes", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(static () => new Outer.EveryKind.Event { Texts = new string('€', 21846) });
    }

    [Fact]
    public void The_greatest_window_keeps_order_while_old_and_new_arrive()
    {
        Random random = new(7);
        (int Second, int Sequence)[] events = [.. Enumerable.Range(0, 5000).Select(i => (random.Next(3000), i))];
        WindowState<long, Int64Element> state = default;
        foreach ((int second, int sequence) in events)
        {
            long before = sequence;
            state.Merge(new Stamped<long>(sequence, Noon.AddSeconds(second)), WindowAttribute.MaxSize, new(0, 0, ref before));
        }

        long[] expected = [.. events.OrderByDescending(static e => e.Second).ThenByDescending(static e => e.Sequence).Take(WindowAttribute.MaxSize).Select(static e => (long)e.Sequence)];
        Assert.Equal(expected, state.View);
    }

    [Fact]
    public void A_view_does_not_change_with_the_state_that_it_was_taken_of()
    {
        WindowState<long, Int64Element> state = default;
        long sequence = 0;
        state.Merge(1L, 2, new(0, 0, ref sequence));
        WindowView<long> view = state.View;
        state.Merge(2L, 2, new(0, 0, ref sequence));
        state.Reset();

        Assert.Equal([1L], view);
        Assert.Equal("[1]", view.ToString());
    }

    [Fact]
    public void Views_are_equal_by_values_and_timestamps()
    {
        WindowView<string> view = Fold(At("a", 1), At("b", 2)).Texts;

        Assert.Equal(view, Fold(At("b", 2), At("a", 1)).Texts);
        Assert.Equal(view.GetHashCode(), Fold(At("b", 2), At("a", 1)).Texts.GetHashCode());
        Assert.False(view.Equals(Fold(At("a", 1), At("b", 3)).Texts));
        Assert.False(view.Equals(Fold(At("a", 1)).Texts));
        Assert.Same(WindowView<string>.Empty, Fold().Texts);
        Assert.Throws<IndexOutOfRangeException>(() => view[2]);
    }

    private static Stamped<string> At(string value, int seconds) => new(value, Noon.AddSeconds(seconds));

    private static Outer.EveryKind Fold(params Stamped<string>[] elements) =>
        Outer.EveryKind.Definition.Fold(Guid.Empty, elements.Select(static e => new Outer.EveryKind.Event { Texts = e }));

    private static void AssertComparesAsBytes<T, TElement>(T[] values)
        where T : notnull
        where TElement : IElement<T>
    {
        foreach (T left in values)
        {
            foreach (T right in values)
                Assert.Equal(Math.Sign(Bytes(left).AsSpan().SequenceCompareTo(Bytes(right))), Math.Sign(TElement.Compare(left, right)));
        }

        static byte[] Bytes(T value)
        {
            byte[] bytes = new byte[TElement.SizeOf(value)];
            TElement.Write(value, bytes);
            return bytes;
        }
    }
}
