using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// The script against the merger that the other coordinators use. Prevents: totals that depend on which coordinator an engine stands on, and a
/// server that stores bytes which no engine can read.
/// </summary>
public sealed class RecordMergeKindTests(RecordMergeServer server) : IClassFixture<RecordMergeServer>
{
    private static readonly FieldSchema[] Kinds =
    [
        new("F", "sum.i64"), new("F", "sum.i32"),
        new("F", "sum.dec", 2), new("F", "sum.f64"), new("F", "average.i64"), new("F", "average.dec", 18),
        new("F", "max.i64"), new("F", "max.i32"), new("F", "max.f64"), new("F", "max.time"), new("F", "max.span"),
        new("F", "min.i64"), new("F", "min.i32"), new("F", "min.f64"), new("F", "min.time"), new("F", "min.span"),
        new("F", "window.utf8", 1), new("F", "window.utf8", 5), new("F", "window.utf8", 33), new("F", "window.utf8", 1000),
        new("F", "window.i64", 3), new("F", "window.i64", 32), new("F", "window.i64", 300), new("F", "window.guid", 1), new("F", "window.guid", 40),
        new("F", "score.utf8", 5), new("F", "score.i64", 33), new("F", "score.guid", 3),
        new("F", "list.last.utf8", 5), new("F", "list.last.i64", 33), new("F", "list.last.guid", 3),
        new("F", "list.first.utf8", 5), new("F", "list.first.i64", 33), new("F", "list.first.guid", 3),
        new("F", "first.utf8", 1), new("F", "first.i64", 1), new("F", "first.i32", 1), new("F", "first.f64", 1), new("F", "first.time", 1), new("F", "first.span", 1), new("F", "first.guid", 1),
        new("F", "last.utf8", 1), new("F", "last.i64", 1), new("F", "last.i32", 1), new("F", "last.f64", 1), new("F", "last.time", 1), new("F", "last.span", 1), new("F", "last.guid", 1),
        new("F", "set.utf8", 1), new("F", "set.utf8", 5), new("F", "set.i64", 40), new("F", "set.guid", 1000),
        new("F", "histogram", 2), new("F", "histogram", 6), new("F", "histogram", 9),
        .. MapKinds(),
        new("F", "distinct.utf8", 14), new("F", "distinct.i64", 14), new("F", "distinct.guid", 14),
        new("F", "opaque", 1),
    ];

    // Every kind is here, so that a new one cannot be forgotten.
    [Fact]
    public void Every_kind_is_compared() =>
        Assert.Equal(FieldMergers.Kinds.Order(StringComparer.Ordinal), Kinds.Select(static kind => kind.Kind).Distinct().Order(StringComparer.Ordinal));

    public static TheoryData<string, int, int> EveryKind => [.. Kinds.Select(static kind => (kind.Kind, kind.Parameter, kind.ValueParameter))];

    [Theory]
    [MemberData(nameof(EveryKind))]
    public async Task States_of_a_kind_merge_as_everywhere(string kind, int parameter, int valueParameter)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter, valueParameter));
        RecordMergeGenerator generator = new(20260301);
        List<MergeCase> cases = [];
        for (int i = 0; i < CountFor(kind, 4000); i++)
            cases.Add(MergeCase.Of(schema, generator.Record(schema, presence: 0.9), generator.Record(schema, presence: 0.95)));

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.False(seen.ContainsKey(RecordMergeStatus.Malformed));
        Assert.Equal(CanOverflow(kind), seen.ContainsKey(RecordMergeStatus.Overflow));
    }

    [Theory]
    [MemberData(nameof(EveryKind))]
    public async Task Damaged_bytes_of_a_kind_are_judged_as_everywhere(string kind, int parameter, int valueParameter)
    {
        AggregateSchema schema = new("a", new FieldSchema("F", kind, parameter, valueParameter));
        RecordMergeGenerator generator = new(20260302);
        List<MergeCase> cases = [];
        for (int i = 0; i < CountFor(kind, 4000); i++)
        {
            byte[] stored = generator.Record(schema, presence: 0.8);
            byte[] delta = generator.Record(schema, presence: 0.9);
            int damaged = generator.Random.Next(3);
            cases.Add(MergeCase.Of(schema, damaged == 0 ? generator.Damage(stored) : stored, damaged != 0 ? generator.Damage(delta) : delta));
        }

        Dictionary<RecordMergeStatus, int> seen = await RecordMergeAssert.AgreeAsync(server, schema, cases);

        Assert.True(seen[RecordMergeStatus.Malformed] > cases.Count / 10);
        Assert.True(seen[RecordMergeStatus.Merged] > cases.Count / 100);
    }

    [Fact]
    public async Task Records_of_any_schema_merge_as_everywhere()
    {
        RecordMergeGenerator generator = new(20260303);
        for (int round = 0; round < 60; round++)
        {
            AggregateSchema schema = RandomSchema(generator.Random);
            double presence = generator.Random.NextDouble();
            List<MergeCase> cases = [];
            for (int i = 0; i < 60; i++)
            {
                MergeCase whole = MergeCase.Of(schema, generator.Record(schema, presence), generator.Record(schema, presence));
                cases.Add(generator.Random.Next(6) switch
                {
                    0 => whole with { Small = generator.Damage(whole.Small) },
                    1 => whole with { Large = generator.Damage(whole.Large) },
                    2 => whole with { Delta = generator.Damage(whole.Delta) },
                    3 => new MergeCase(whole.Large, whole.Small, whole.Delta),
                    _ => whole,
                });
            }

            await RecordMergeAssert.AgreeAsync(server, schema, cases);
        }
    }

    [Fact]
    public async Task Random_bytes_are_judged_as_everywhere()
    {
        RecordMergeGenerator generator = new(20260304);
        AggregateSchema schema = new("a", [.. Kinds.Take(AggregateSchema.MaxFields).Select(static (kind, i) => kind with { Name = $"F{i}" })]);
        List<MergeCase> cases = [];
        for (int i = 0; i < 10_000; i++)
        {
            byte[] bytes = new byte[generator.Random.Next(40)];
            generator.Random.NextBytes(bytes);
            if (bytes.Length > 1)
            {
                // A plausible frame, so that more than the first byte is looked at.
                bytes[0] %= 80;
                bytes[1] = (byte)(generator.Random.Next(4) == 0 ? bytes[1] : bytes.Length - 2);
            }

            cases.Add(i % 2 == 0 ? new MergeCase([], [], bytes) : MergeCase.Of(schema, bytes, []));
        }

        await RecordMergeAssert.AgreeAsync(server, schema, cases);
    }

    private static bool CanOverflow(string kind) =>
        kind.Contains("sum.", StringComparison.Ordinal) || kind.Contains("average.", StringComparison.Ordinal) || kind.Contains("histogram", StringComparison.Ordinal) || kind is "opaque";

    private static IEnumerable<FieldSchema> MapKinds()
    {
        int capacity = 0;
        foreach (string kind in FieldMergers.Kinds.Where(static kind => kind.StartsWith("map.", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            capacity++;
            int values = kind.Split('.')[2] switch
            {
                "window" or "score" or "list" or "set" => capacity % 5 == 0 ? 40 : 1 + (capacity % 4),
                "first" or "last" => 1,
                "histogram" => 2 + (capacity % 8),
                "distinct" => 14,
                _ => kind.EndsWith(".dec", StringComparison.Ordinal) ? capacity % 19 : 0,
            };
            yield return new FieldSchema("F", kind, capacity % 3 == 0 ? 40 : 1 + (capacity % 7), values);
        }
    }

    private static AggregateSchema RandomSchema(Random random) =>
        new("a", [.. Enumerable.Range(0, random.Next(4) == 0 ? 64 : 1 + random.Next(12)).Select(i => Kinds[random.Next(Kinds.Length)] with { Name = $"F{i}" })]);

    // Maps of what is compared on its own add little to it, and sketches are long.
    private static int CountFor(string kind, int count) =>
        CanOverflow(kind) ? count
        : kind.StartsWith("map.", StringComparison.Ordinal) ? kind.Contains("distinct", StringComparison.Ordinal) ? count / 40 : count / 4
        : kind.StartsWith("distinct", StringComparison.Ordinal) ? count / 4 : count;
}
