using System.Buffers;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: a sum that wraps, and an event of which one half was merged before the other half was refused.</summary>
public sealed class OverflowTests
{
    private const int SumInt32Field = 0;
    private const int SumInt64Field = 1;

    public static TheoryData<long, long, bool> Sums => new()
    {
        { long.MaxValue, 1, false },
        { long.MaxValue, 0, true },
        { long.MaxValue, -1, true },
        { long.MaxValue - 1, 1, true },
        { long.MinValue, -1, false },
        { long.MinValue, long.MinValue, false },
        { long.MinValue, long.MaxValue, true },
        { long.MaxValue, long.MaxValue, false },
    };

    public static TheoryData<int, int, bool> SmallSums => new()
    {
        { int.MaxValue, 1, false },
        { int.MaxValue, -1, true },
        { int.MaxValue - 1, 1, true },
        { int.MinValue, -1, false },
        { int.MinValue, int.MinValue, false },
        { int.MinValue, int.MaxValue, true },
    };

    [Theory]
    [MemberData(nameof(Sums))]
    public void A_long_sum_is_exact_or_refused(long first, long second, bool fits) =>
        AssertExactOrRefused(new() { SumInt64 = first }, new() { SumInt64 = second, SumInt32 = 1, Texts = "new" }, fits, SumInt64Field);

    [Theory]
    [MemberData(nameof(SmallSums))]
    public void An_int_sum_is_exact_or_refused(int first, int second, bool fits) =>
        AssertExactOrRefused(new() { SumInt32 = first }, new() { SumInt32 = second, SumInt64 = 1, MaxInt64 = 9, Numbers = 1L }, fits, SumInt32Field);

    [Fact]
    public void A_malformed_record_is_malformed_even_where_an_earlier_field_would_overflow()
    {
        StateProbe<Outer.EveryKind.Event> full = Records.NewState();
        full.Merge(new() { SumInt64 = long.MaxValue });
        byte[] delta = [.. Records.WithoutCount(full.Write()), 2, 1, 0]; // a Max of one byte

        Assert.Equal(RecordMergeStatus.Malformed, Records.Merger.TryMerge(full.Write(), delta, new ArrayBufferWriter<byte>(), out int field));
        Assert.Equal(2, field);
    }

    [Fact]
    public void Fold_names_the_aggregate_and_the_field_that_overflows()
    {
        FieldOverflowException e = Assert.Throws<FieldOverflowException>(
            static () => Visit.Definition.Fold("v", [new() { Hits = long.MaxValue }, new() { Hits = 1 }]));

        Assert.Equal("visit", e.Aggregate);
        Assert.Equal("Hits", e.Field);
    }

    private static void AssertExactOrRefused(Outer.EveryKind.Event first, Outer.EveryKind.Event second, bool fits, int field)
    {
        StateProbe<Outer.EveryKind.Event> sequential = Records.NewState();
        sequential.Merge(first, sequence: 10);
        byte[] stored = sequential.Write();
        MergeOutcome outcome = sequential.Merge(second, sequence: 20);

        StateProbe<Outer.EveryKind.Event> other = Records.NewState();
        other.Merge(second, sequence: 20);
        ArrayBufferWriter<byte> output = new();
        RecordMergeStatus status = Records.Merger.TryMerge(stored, other.Write(), output, out int refused);

        Assert.Equal(fits, outcome.IsMerged);
        Assert.Equal(fits ? RecordMergeStatus.Merged : RecordMergeStatus.Overflow, status);
        Assert.Equal(fits ? -1 : field, outcome.Field);
        Assert.Equal(fits ? -1 : field, refused);
        if (fits)
        {
            Assert.Equal(sequential.Write(), output.WrittenSpan);
            return;
        }

        Assert.Equal(stored, sequential.Write());
        Assert.Equal(0, output.WrittenCount);
    }
}
