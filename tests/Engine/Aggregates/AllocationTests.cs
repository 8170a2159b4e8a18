using System.Buffers;
using Sluice.Aggregates;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>Prevents: garbage per event, which at millions of events a second is the cost that decides.</summary>
public sealed class AllocationTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    // Made beforehand: the strings are the caller's.
    private static readonly string[] Pages = [.. Enumerable.Range(0, 5000).Select(static i => $"/some/page/{i}?with=a&longer=query")];

    [Fact]
    public void Sums_and_extremes_allocate_nothing() =>
        AssertNothing(static (state, i) => state.Merge(new()
        {
            SumInt32 = 1,
            SumInt64 = i,
            MaxInt64 = i,
            MaxInt32 = i,
            MaxDouble = i,
            MaxSpan = TimeSpan.FromTicks(i),
            MaxTime = Start.AddTicks(i),
            MinInt64 = -i,
            MinInt32 = -i,
            MinDouble = -i,
            MinSpan = TimeSpan.FromTicks(-i),
            MinTime = Start.AddTicks(-i),
        }));

    [Fact]
    public void Full_windows_allocate_nothing_for_new_and_for_late_contributions() =>
        AssertNothing(static (state, i) => state.Merge(
            new()
            {
                Texts = i % 3 == 0 ? new Stamped<string>(Pages[i % Pages.Length], Start.AddTicks(i - 2)) : Pages[i % Pages.Length],
                Numbers = new Stamped<long>(i, Start.AddTicks(i * 7919 % 1000)),
                Guids = Guid.Empty,
            },
            Start.Ticks + i,
            sequence: i));

    [Fact]
    public void Distinct_allocates_nothing_once_its_registers_are_there() =>
        AssertNothing(static (state, i) => state.Merge(new()
        {
            DistinctTexts = Pages[i % Pages.Length],
            DistinctNumbers = i,
            DistinctGuids = new Guid(i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        }));

    [Fact]
    public void A_small_distinct_allocates_nothing_for_values_that_it_knows() =>
        AssertNothing(static (state, i) => state.Merge(new() { DistinctTexts = Pages[i % 100], DistinctNumbers = i % 100 }));

    [Fact]
    public void A_text_too_long_for_the_stack_is_hashed_without_an_allocation()
    {
        string text = string.Concat(Enumerable.Repeat("ünïcode-€-😀/", 500));
        AssertNothing((state, _) => state.Merge(new() { DistinctTexts = text }));
    }

    [Fact]
    public void A_state_that_is_reset_and_filled_again_reuses_its_buffers() =>
        AssertNothing(static (state, i) =>
        {
            state.Merge(new() { Texts = Pages[i % Pages.Length], Numbers = 1L, DistinctTexts = Pages[i % Pages.Length], DistinctNumbers = i }, Start.Ticks + i, sequence: i);
            if (i % 3000 == 0)
                state.Reset();
        });

    [Fact]
    public void Writing_and_merging_records_allocate_nothing_but_the_output()
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        for (int i = 1; i < 6000; i++)
            state.Merge(new() { SumInt64 = i, MaxInt64 = i, Texts = Pages[i % Pages.Length], DistinctTexts = Pages[i % Pages.Length], DistinctNumbers = i }, Start.Ticks + i, sequence: i);
        byte[] record = state.Write();
        ArrayBufferWriter<byte> output = new(4 * record.Length);

        AssertNothing(times: 100, merge: (_, _) =>
        {
            output.ResetWrittenCount();
            state.Write(output);
            Records.Merger.TryMerge(record, record, output, out int _);
        });
    }

    private static void AssertNothing(Action<StateProbe<Outer.EveryKind.Event>, int> merge, int times = 20_000)
    {
        StateProbe<Outer.EveryKind.Event> state = Records.NewState();
        for (int i = 1; i <= times; i++)
            merge(state, i);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = times + 1; i <= 2 * times; i++)
            merge(state, i);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
