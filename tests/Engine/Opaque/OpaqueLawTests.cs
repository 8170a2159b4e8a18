using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Aggregates;
using Sluice.Harness.Conformance;
using Sluice.Tests.Aggregates;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>What has to be true of opaque states, of the application's part and of ours.</summary>
public sealed class OpaqueLawTests
{
    private static readonly RecordMerger Merger = RecordMerger.For(Shopper.Definition.Schema);

    // Prevents: laws that nothing can break.
    [Fact]
    public void The_laws_hold_of_states_that_keep_them()
    {
        OpaqueStateLaws.Check([Basket.Of(1), Basket.Of(2, 5), Basket.Merge(Basket.Of(1, -1), Basket.Of(7)), Basket.Empty]);
        OpaqueStateLaws.Check([new Trail("a"), new Trail("bc"), new Trail("")]);
        OpaqueStateLaws.Check([new Marked(1), new Marked(-2)], EqualityComparer<Marked>.Create(static (left, right) => left.Sum == right.Sum, static state => state.Sum.GetHashCode()));
    }

    public static TheoryData<string, Action> BrokenLaws => new()
    {
        { "merges are associative", static () => OpaqueStateLaws.Check([new Average(1), new Average(2), new Average(6)]) },
        { "merges are commutative (or declare MergeOrder.Arrival)", static () => OpaqueStateLaws.Check([new Unordered("a"), new Unordered("b")]) },
        { "Empty changes nothing when it comes first", static () => OpaqueStateLaws.Check([new Lowest(3)]) },
        { "what was written is read back as it was", static () => OpaqueStateLaws.Check([new Marked(1)]) },
    };

    // Prevents: a check that an application relies on and that finds nothing. phonon's averages of averages, and an order that nobody declared.
    [Theory]
    [MemberData(nameof(BrokenLaws))]
    public void A_state_that_breaks_a_law_is_told_which_and_with_what(string law, Action check)
    {
        OpaqueLawException broken = Assert.Throws<OpaqueLawException>(check);
        Assert.Equal(law, broken.Law);
        Assert.Contains(law, broken.Message, StringComparison.Ordinal);
    }

    // The homomorphism. Prevents: totals that depend on which engine saw an event, when it flushed, and when somebody merged what.
    [Fact]
    public void Splits_flushes_and_compactions_in_any_way_equal_the_fold_of_all_events() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(120)), Arb.From(Gen.Choose(0, int.MaxValue - 1)), static (numbers, seed) =>
        {
            Random random = new(seed);
            Shopper.Event[] events = [.. numbers.Select(static number => new Shopper.Event { Visits = 1 + (number % 5), Basket = Basket.Of(number % 7, 1 + (number % 3)), Highest = number })];
            byte[] stored = [];
            long sequence = 0;
            for (int at = 0; at < events.Length;)
            {
                // Up to as many as an entry keeps, of one of three engines.
                StateProbe<Shopper.Event> state = StateProbe<Shopper.Event>.Of(Shopper.Definition);
                ulong origin = (ulong)random.Next(3);
                for (int count = 1 + random.Next(16); count > 0 && at < events.Length; count--, at++)
                    Assert.True(state.Merge(in events[at], origin: origin, sequence: ++sequence).IsMerged);
                stored = Merged(stored, random.Next(3) == 0 ? Shopper.Definition.FoldRecord(state.Write()) : state.Write());
                if (random.Next(3) == 0)
                    stored = Shopper.Definition.FoldRecord(stored);
            }

            Shopper actual = Shopper.Definition.Read("k", stored);
            Shopper expected = Shopper.Definition.Fold("k", events);
            Assert.Equal((expected.Visits, expected.Highest), (actual.Visits, actual.Highest));
            Assert.Equal(expected.Basket.Articles, actual.Basket.Articles);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20261, 43ul));

    // Order matters here: what one engine contributed first comes first, folded or not.
    [Fact]
    public void A_state_of_arrival_keeps_the_order_through_folds()
    {
        Shopper.Event[] events = [.. Enumerable.Range(0, 100).Select(static i => new Shopper.Event { Trail = new Trail($"{i};") })];
        Assert.Equal(string.Concat(Enumerable.Range(0, 100).Select(static i => $"{i};")), Shopper.Definition.Fold("k", events).Trail.Steps);
    }

    // Prevents: two records of one state, and a record that is read as another one than it was written as.
    [Fact]
    public void A_record_is_read_back_bit_for_bit_and_an_empty_contribution_sends_nothing()
    {
        StateProbe<Shopper.Event> state = StateProbe<Shopper.Event>.Of(Shopper.Definition);
        state.Merge(default);
        Assert.True(state.IsEmpty);
        Assert.Empty(state.Write());
        for (int i = 1; i <= 5; i++)
            state.Merge(new Shopper.Event { Basket = Basket.Of(i), Trail = new Trail(new string('x', 40 * i)) }, origin: 9, sequence: i);
        byte[] record = state.Write();
        Assert.Equal(record, state.Read(record).Write());
        Assert.Equal(record, Merged(record, []));
        Assert.Equal(record, Merged(record, record)); // each delta once, however often it comes
        state.Reset();
        Assert.True(state.IsEmpty);
        Assert.Empty(state.Write());
    }

    // Prevents: the merged record being longer or other than what the engine believes to have stored.
    [Fact]
    public void Folding_leaves_one_delta_of_each_opaque_field_and_the_other_fields_as_they_are()
    {
        byte[] record = OpaqueDeltas.Delta(5, 3, 7, 8, 9);
        Assert.Equal(3, OpaqueDeltas.Count(record));
        byte[] shopper = [];
        for (int i = 0; i < 20; i++)
        {
            StateProbe<Shopper.Event> state = StateProbe<Shopper.Event>.Of(Shopper.Definition);
            state.Merge(new Shopper.Event { Visits = 1, Basket = Basket.Of(i), Trail = new Trail("t"), Highest = i }, origin: 1, sequence: i);
            shopper = Merged(shopper, state.Write());
        }

        byte[] folded = Shopper.Definition.FoldRecord(shopper);
        Assert.Equal(folded, Shopper.Definition.FoldRecord(folded));
        Shopper before = Shopper.Definition.Read("k", shopper), after = Shopper.Definition.Read("k", folded);
        Assert.Equal((20, 19L, before.Trail, 20), (after.Visits, after.Highest, after.Trail, after.Basket.Total));
        Assert.True(Merger.IsCrowded(shopper));
        Assert.False(Merger.IsCrowded(folded));
    }

    // Prevents: an error from deep inside that names neither the state nor what to do; and a size that is found out only when the server is full.
    [Fact]
    public void What_a_states_code_throws_says_which_state_and_which_operation()
    {
        OpaqueStateException unwritable = Assert.Throws<OpaqueStateException>(static () => new RiggedTotal.Event { Total = new Rigged("unwritable", 1) });
        Assert.Equal((typeof(Rigged), "Write"), (unwritable.State, unwritable.Operation));
        Assert.IsType<NotSupportedException>(unwritable.InnerException);
        OpaqueStateException large = Assert.Throws<OpaqueStateException>(static () => new RiggedTotal.Event { Total = new Rigged("large", 1) { Padding = OpaqueAttribute.MaxBytes } });
        Assert.Contains("65536 is the most", large.Message, StringComparison.Ordinal);
        Assert.Equal(7, new RiggedTotal.Event { Total = new Rigged("", 7) { Padding = OpaqueAttribute.MaxBytes - 12 } }.Total.Bytes.Span[0]);
    }

    private static byte[] Merged(byte[] stored, byte[] delta)
    {
        ArrayBufferWriter<byte> output = new();
        Assert.Equal(RecordMergeStatus.Merged, Merger.TryMerge(stored, delta, output, out _));
        return output.WrittenSpan.ToArray();
    }

    private readonly record struct Average(int Value) : IOpaqueState<Average>
    {
        public static Average Empty => new(0);

        public static Average Merge(Average earlier, Average later) =>
            earlier.Value == 0 ? later : later.Value == 0 ? earlier : new((earlier.Value + later.Value) / 2);

        public static void Write(Average state, IBufferWriter<byte> output) => output.Write([(byte)state.Value]);

        public static Average Read(ReadOnlySpan<byte> bytes) => new(bytes[0]);
    }

    private readonly record struct Unordered(string Steps) : IOpaqueState<Unordered>
    {
        public static Unordered Empty => new("");

        public static Unordered Merge(Unordered earlier, Unordered later) => new(earlier.Steps + later.Steps);

        public static void Write(Unordered state, IBufferWriter<byte> output) => output.Write(System.Text.Encoding.ASCII.GetBytes(state.Steps));

        public static Unordered Read(ReadOnlySpan<byte> bytes) => new(System.Text.Encoding.ASCII.GetString(bytes));
    }

    private readonly record struct Lowest(byte Value) : IOpaqueState<Lowest>
    {
        public static Lowest Empty => new(0);

        public static Lowest Merge(Lowest earlier, Lowest later) => new(Math.Min(earlier.Value, later.Value));

        public static void Write(Lowest state, IBufferWriter<byte> output) => output.Write([state.Value]);

        public static Lowest Read(ReadOnlySpan<byte> bytes) => new(bytes[0]);
    }
}
