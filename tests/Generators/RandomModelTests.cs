using System.Buffers;
using System.Reflection;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Xunit;

namespace Sluice.Generators.Tests;

/// <summary>
/// Aggregates that nobody wrote, compiled and driven: an aggregate is the product of its fields, so it obeys the laws that they obey. Prevents: code
/// that is right for the aggregates of the tests and wrong for another order, another number or another mixture of fields.
/// </summary>
public sealed class RandomModelTests
{
    private const int Rounds = 60;
    private const int MostFields = 24;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_model_of_this_seed_obeys_the_laws(int seed) => Drive(seed);

    // Another one with every run; its seed is printed, and goes into the list above should it ever fail.
    [Fact]
    public void A_random_model_obeys_the_laws() => Drive(Random.Shared.Next());

    // So that the estimate of distinct values is exact in models, whatever values they draw.
    [Fact]
    public void The_texts_of_models_have_registers_of_their_own()
    {
        DistinctState state = default;
        for (int i = 0; i < ModelFields.Texts; i++)
            state.Merge(ModelFields.Page(i));
        Assert.Equal(ModelFields.Texts, state.View.Count);
    }

    private static void Drive(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"The model's seed is {seed}.");
        Random random = new(seed);
        ModelField[] fields = [.. Enumerable.Range(0, 1 + random.Next(MostFields)).Select(_ => ModelFields.Any(random))];
        string source = $$"""
            using Sluice;
            [Aggregate("model")]
            public partial class Model
            {
                [Key] public partial string Id { get; }
            {{string.Join('\n', fields.Select(static (field, i) => $"    {field.Declaration} F{i} {{ get; }}"))}}
            }
            """;
        ModelDriver model = Compile(source);
        RecordMerger merger = RecordMerger.For(model.Schema);
        for (int round = 0; round < Rounds; round++)
        {
            ModelEvent[] events = [.. Enumerable.Range(0, random.Next(60)).Select(i => new ModelEvent(
                [.. fields.Select(field => field.Contribute(random))],
                638_000_000_000_000_000 + random.Next(4),
                (ulong)random.Next(3),
                1000 * (i + 1)))];
            try
            {
                byte[] sequential = model.Record(events);
                Assert.Equal(sequential, Dealt(model, merger, events, random));
                Assert.Equal(sequential, model.Again(sequential));
                Assert.True(events.Length != 0 || sequential.Length == 0, "No event, but bytes to send.");
                AssertShows(fields, events, model.Values(sequential));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"The model of the seed {seed} failed in round {round}:\n{source}", e);
            }
        }
    }

    private static byte[] Dealt(ModelDriver model, RecordMerger merger, ModelEvent[] events, Random random)
    {
        List<ModelEvent>[] shares = [.. Enumerable.Range(0, 1 + random.Next(6)).Select(static _ => new List<ModelEvent>())];
        foreach (ModelEvent e in events)
            shares[random.Next(shares.Length)].Add(e);
        List<byte[]> deltas = [.. shares.Select(share => model.Record(share.OrderBy(_ => random.Next())))];
        while (deltas.Count > 1)
        {
            byte[] left = Take(deltas, random);
            byte[] right = Take(deltas, random);
            ArrayBufferWriter<byte> merged = new();
            Assert.Equal(RecordMergeStatus.Merged, merger.TryMerge(left, right, merged, out _));
            deltas.Add(merged.WrittenSpan.ToArray());
        }

        return deltas[0];
    }

    private static void AssertShows(ModelField[] fields, ModelEvent[] events, object?[] values)
    {
        for (int i = 0; i < fields.Length; i++)
        {
            Placed[] placed = [.. events.Where(e => e.Contributions[i] is not null).Select(e => new Placed(e.Contributions[i]!, e))];
            string expected = fields[i].Expected(placed);
            string shown = fields[i].Shown(values[i]);
            Assert.True(expected == shown, $"F{i}, {fields[i].Declaration}: expected {expected}, shown {shown}");
        }
    }

    private static byte[] Take(List<byte[]> records, Random random)
    {
        int i = random.Next(records.Count);
        byte[] taken = records[i];
        records.RemoveAt(i);
        return taken;
    }

    private static ModelDriver Compile(string source)
    {
        GeneratorRun run = GeneratorRun.Over("#pragma warning disable CS1591\n" + source);
        Assert.Empty(run.Findings);
        Assert.Empty(run.CompilerDiagnostics);
        using MemoryStream stream = new();
        Assert.True(run.Output.Emit(stream).Success);
        return ModelDriver.Of(Assembly.Load(stream.ToArray()).GetType("Model", throwOnError: true)!);
    }
}
