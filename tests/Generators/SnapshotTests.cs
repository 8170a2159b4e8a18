using System.Globalization;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace Sluice.Generators.Tests;

/// <summary>
/// What users see of the generator, as files whose change shows in review. Prevents: generated code, and messages, that change without anybody looking
/// at them.
/// </summary>
public sealed class SnapshotTests
{
    private const string AllKinds =
        """
        using System;
        using Sluice;

        namespace Shop;

        [Aggregate("order")]
        public partial class Order
        {
            [Key] public partial string Id { get; }
            [Sum] public partial long Items { get; }
            [Sum(Scale = 2)] public partial decimal Total { get; }
            [Sum] public partial double Weight { get; }
            [Diff(Initial = 100)] public partial int Stock { get; }
            [Count] public partial long Events { get; }
            [Average(typeof(decimal), Scale = 2)] public partial AverageView Price { get; }
            [Max] public partial DateTimeOffset? Latest { get; }
            [Min] public partial double Least { get; }
            [First] public partial string? Referrer { get; }
            [Last] public partial long LastItem { get; }
            [Window(10)] public partial WindowView<string> Pages { get; }
            [Window(3)] public partial ScoredView<long> Dearest { get; }
            [List(50, Keep = ListEnd.First)] public partial ListView<Guid> Path { get; }
            [Set(20)] public partial SetView<string> Countries { get; }
            [Distinct(typeof(long))] public partial DistinctView Customers { get; }
            [Histogram(0.01)] public partial HistogramView Latency { get; }
            [Map(16, MapOf.Sum)] public partial MapView<string, long> BytesByStatus { get; }
            [Map(16, MapOf.Count)] public partial MapView<long, long> HitsByStatus { get; }
            [Map(16, MapOf.Max)] public partial MapView<Guid, TimeSpan> LongestByDevice { get; }
            [Diff] public partial double Fuel { get; }
            [Map(16, MapOf.Diff, Scale = 2)] public partial MapView<string, decimal> BudgetByCountry { get; }
            [Map(16, MapOf.Last)] public partial MapView<long, string> LastPageByCustomer { get; }
            [Map(16, MapOf.Window, Size = 5)] public partial MapView<string, ScoredView<string>> BestByCountry { get; }
            [Map(16, MapOf.Set, Size = 5)] public partial MapView<long, SetView<string>> PagesByCustomer { get; }
            [Map(16, MapOf.Distinct, ContributionType = typeof(long))] public partial MapView<string, DistinctView> CustomersByPage { get; }
            [Map(16, MapOf.Histogram, RelativeError = 0.02)] public partial MapView<string, HistogramView> LatencyByPage { get; }
        }
        """;

    // One wrong declaration for each thing that can be wrong; FindingTests has the variations.
    private static readonly string[] WrongDeclarations =
    [
        """[Aggregate("a")] class A { [Key] public string Id => ""; [Sum] public long Hits => 1; }""",
        """[Aggregate("a")] abstract partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } }""",
        """[Aggregate("größe")] partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Sum] public partial long Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Key] public partial long Other { get; } [Sum] public partial long Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial decimal Id { get; } [Sum] public partial long Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } }""",
        $$"""[Aggregate("a")] partial class A { [Key] public partial string Id { get; } {{string.Join(' ', Enumerable.Range(0, 65).Select(static i => $"[Sum] public partial long F{i} {{ get; }}"))}} }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum, Count] public partial long Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; set; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum] public partial string Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Window(0)] public partial WindowView<string> Pages { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum] public partial decimal Total { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Histogram(0.9)] public partial HistogramView Latency { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Map(5, MapOf.Max)] public partial MapView<string, string> Names { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Map(500, MapOf.Window, Size = 100)] public partial MapView<string, WindowView<string>> Pages { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Map(5, MapOf.Sum)] public partial MapView<string, MapView<string, long>> Hits { get; } }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Opaque(0)] public partial S State { get; } } class S : IOpaqueState<S> { static S IOpaqueState<S>.Empty => new(); static S IOpaqueState<S>.Merge(S a, S b) => a; static void IOpaqueState<S>.Write(S s, System.Buffers.IBufferWriter<byte> o) { } static S IOpaqueState<S>.Read(System.ReadOnlySpan<byte> b) => new(); }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } int Definition() => 1; }""",
        """[Aggregate("a")] partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } } partial class A { [Sum] public partial long Bytes { get; } }""",
    ];

    [Fact]
    public void The_generated_code_is_as_it_was_accepted()
    {
        GeneratorRun run = GeneratorRun.Over(AllKinds);

        Assert.Empty(run.Findings);
        AssertAccepted("Order.Aggregate.g.cs.txt", run.Result.GeneratedSources.Single().SourceText.ToString());
    }

    [Fact]
    public void The_findings_are_as_they_were_accepted()
    {
        StringBuilder text = new();
        foreach (string declaration in WrongDeclarations)
        {
            text.Append(declaration.Length > 300 ? declaration[..300] + "..." : declaration).Append('\n');
            foreach (Diagnostic finding in GeneratorRun.Over("using Sluice;\n" + declaration).Findings.OrderBy(static finding => finding.Location.SourceSpan.Start).ThenBy(static finding => finding.Id))
            {
                LinePositionSpan place = finding.Location.GetLineSpan().Span;
                text.Append(CultureInfo.InvariantCulture, $"  {finding.Id} {finding.Severity} at {place.Start.Line + 1}:{place.Start.Character + 1}-{place.End.Character + 1}: ")
                    .Append(finding.GetMessage(CultureInfo.InvariantCulture)).Append('\n');
            }

            text.Append('\n');
        }

        AssertAccepted("Findings.txt", text.ToString());
        string[] ids = [.. typeof(AggregateGenerator).Assembly.GetType("Sluice.Generators.Findings", throwOnError: true)!.GetFields(BindingFlags.Public | BindingFlags.Static).Select(static field => ((DiagnosticDescriptor)field.GetValue(null)!).Id)];
        Assert.All(ids, id => Assert.Contains(id, text.ToString(), StringComparison.Ordinal));
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    private static void AssertAccepted(string name, string actual)
    {
        string folder = typeof(SnapshotTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(static metadata => metadata.Key == "Snapshots").Value!;
        string file = Path.Combine(folder, name);
        if (Environment.GetEnvironmentVariable("SLUICE_ACCEPT_GENERATED") is "1" && Environment.GetEnvironmentVariable("CI") is not "true")
            File.WriteAllText(file, actual);
        string[] accepted = File.Exists(file) ? File.ReadAllText(file).Split('\n') : [];
        string[] lines = actual.Split('\n');
        int line = lines.Zip(accepted).TakeWhile(static pair => pair.First == pair.Second).Count();
        Assert.True(
            accepted.AsSpan().SequenceEqual(lines),
            $"""
            The generator's output is not what tests/Generators/Snapshots/{name} says, from line {line + 1} on:
            - {accepted.ElementAtOrDefault(line)}
            + {lines.ElementAtOrDefault(line)}
            If the change is meant, run `eng/accept-generated` and commit the file with the change.
            """);
    }
}
