using System.Buffers;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>
/// The bytes that docs/fields.md states for the fields that grow: what filling one up takes altogether, at most twice the room that it then has; and
/// nothing from then on. Prevents: resources of which each takes more memory than anybody reckoned with.
/// </summary>
public sealed class FieldBytesTests
{
    // The headers of the arrays that it grew through, and what the runtime takes for itself.
    private const int Slack = 4096;

    public static TheoryData<string, int, int> Stated => new()
    {
        { "window of texts", 1000, 32 },
        { "window of numbers", 250, 32 },
        { "window of Guids", 1000, 40 },
        { "window by score", 500, 32 },
        { "list of numbers", 1000, 32 },
        { "set of texts", 1000, 24 },
        { "set of numbers", 200, 24 },
        { "set of Guids", 1000, 32 },
        { "map of sums", 1000, 24 },
        { "map of averages", 500, 32 },
        { "map of extrema", 1000, 32 },
        { "map of last texts", 1000, 48 + 8 },
        { "map of windows", 1000, 16 + 24 + (4 * 32) },
        { "map of histograms", 100, 16 + 24 + 80 },
        { "histogram", 1024, 10 },
    };

    [Theory]
    [MemberData(nameof(Stated))]
    public void A_field_that_grows_takes_what_is_stated_and_then_nothing(string field, int capacity, int bytesOfOne)
    {
        Fill fill = FillOf(field, capacity);
        fill(0); // what is compiled and interned once

        long before = GC.GetAllocatedBytesForCurrentThread();
        fill(1);
        long grown = GC.GetAllocatedBytesForCurrentThread() - before;
        before = GC.GetAllocatedBytesForCurrentThread();
        fill(2);
        long again = GC.GetAllocatedBytesForCurrentThread() - before;

        // A byte for each contribution would be an allocation in some of them; the runtime's own, while it optimises, are far fewer.
        Assert.InRange(grown, capacity * bytesOfOne, (2 * capacity * bytesOfOne) + Slack);
        Assert.InRange(again, 0, capacity - 1);
    }

    // Round 0 fills a state of its own, round 1 an empty one, round 2 the same one again.
    private delegate void Fill(int round);

    private static Fill FillOf(string field, int capacity) => field switch
    {
        "window of texts" => Filling<WindowState<string, StringElement>>((ref state, i) => state.Merge(Stamp(Keys[i], i), capacity, At(i)), capacity),
        "window of numbers" => Filling<WindowState<long, Int64Element>>((ref state, i) => state.Merge(Stamp((long)i, i), capacity, At(i)), capacity),
        "window of Guids" => Filling<WindowState<Guid, GuidElement>>((ref state, i) => state.Merge(Stamp(default(Guid), i), capacity, At(i)), capacity),
        "window by score" => Filling<ScoredState<string, StringElement>>((ref state, i) => state.Merge(new Scored<string>(Keys[i], i), capacity, At(i)), capacity),
        "list of numbers" => Filling<ListState<long, Int64Element, EarliestFirst>>((ref state, i) => state.Merge(Stamp((long)i, i), capacity, At(i)), capacity),
        "set of texts" => Filling<SetState<string, StringElement>>((ref state, i) => state.Merge(Keys[i], capacity), capacity),
        "set of numbers" => Filling<SetState<long, Int64Element>>((ref state, i) => state.Merge(i, capacity), capacity),
        "set of Guids" => Filling<SetState<Guid, GuidElement>>((ref state, i) => state.Merge(new Guid(i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), capacity), capacity),
        "map of sums" => Filling<MapState<string, StringElement, SumState<long>, long, long>>((ref state, i) => state.Merge(Keys[i], 1, capacity, 0, At(i)), capacity),
        "map of averages" => Filling<MapState<long, Int64Element, AverageState, long, AverageView>>((ref state, i) => state.Merge(i, 1, capacity, 0, At(i)), capacity),
        "map of extrema" => Filling<MapState<long, Int64Element, MaxState<double, DoubleOrdinal>, double, double>>((ref state, i) => state.Merge(i, 1, capacity, 0, At(i)), capacity),
        "map of last texts" => Filling<MapState<string, StringElement, FirstOrLastState<string, StringElement, LatestFirst>, Stamped<string>, string>>((ref state, i) => state.Merge(Keys[i], Stamp(Keys[i], i)!.Value, capacity, 1, At(i)), capacity),
        "map of windows" => Filling<MapState<string, StringElement, WindowState<string, StringElement>, Stamped<string>, WindowView<string>>>((ref state, i) => state.Merge(Keys[i % capacity], Stamp(Keys[i % capacity], i)!.Value, capacity, 4, At(i)), 4 * capacity),
        "map of histograms" => Filling<MapState<string, StringElement, HistogramState, double, HistogramView>>((ref state, i) => state.Merge(Keys[i % capacity], 1 << (i / capacity), capacity, 6, At(i)), 8 * capacity),
        _ => Filling<HistogramState>((ref state, i) => state.Merge(Math.ScaleB(1 + (i % 64 / 64.0), i / 64), 6), capacity),
    };

    private static readonly string[] Keys = [.. Enumerable.Range(0, 1024).Select(static i => $"key {i}")];

    private static long s_sequence;

    private static Stamped<T>? Stamp<T>(T value, int i) => new Stamped<T>(value, DateTimeOffset.UnixEpoch.AddSeconds(i));

    private static MergeContext At(int i)
    {
        s_sequence = i;
        return new MergeContext(0, 0, ref s_sequence);
    }

    private delegate void MergeOne<TState>(ref TState state, int i);

    private static Fill Filling<TState>(MergeOne<TState> merge, int count)
        where TState : struct
    {
        TState warm = default;
        TState state = default;
        return round =>
        {
            for (int i = 0; i < count; i++)
                merge(ref round == 0 ? ref warm : ref state, i);
        };
    }
}
