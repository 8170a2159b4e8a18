using Microsoft.CodeAnalysis;
using Xunit;

namespace Sluice.Generators.Tests;

/// <summary>Prevents: generated code that does not compile, or only warns, in places where people declare classes.</summary>
public sealed class GeneratedCodeTests
{
    private const string AllKinds =
        """
        /// <summary>The key.</summary>
        [Key] public partial string Id { get; }
        /// <summary>A field.</summary>
        [Sum] public partial long Hits { get; }
        /// <summary>A field.</summary>
        [Sum] public partial int Errors { get; }
        /// <summary>A field.</summary>
        [Max] public partial System.DateTimeOffset LastSeen { get; }
        /// <summary>A field.</summary>
        [Max] public partial double? Longest { get; }
        /// <summary>A field.</summary>
        [Min] public partial System.TimeSpan? Shortest { get; }
        /// <summary>A field.</summary>
        [Min] public partial int Least { get; }
        /// <summary>A field.</summary>
        [Window(10)] public partial WindowView<string> Pages { get; }
        /// <summary>A field.</summary>
        [Window(1)] public partial WindowView<System.Guid> Guids { get; }
        /// <summary>A field.</summary>
        [Window(1000)] public partial WindowView<long> Numbers { get; }
        /// <summary>A field.</summary>
        [Distinct] public partial DistinctView Texts { get; }
        /// <summary>A field.</summary>
        [Distinct(typeof(System.Guid))] public partial DistinctView Users { get; }
        /// <summary>A field.</summary>
        [Sum(Scale = 2)] public partial decimal Revenue { get; }
        /// <summary>A field.</summary>
        [Sum] public partial double Energy { get; }
        /// <summary>A field.</summary>
        [Diff(Initial = 100)] public partial long Stock { get; }
        /// <summary>A field.</summary>
        [Diff(Initial = -5)] public partial int Credit { get; }
        /// <summary>A field.</summary>
        [Diff(Scale = 3)] public partial decimal Balance { get; }
        /// <summary>A field.</summary>
        [Count] public partial long Events { get; }
        /// <summary>A field.</summary>
        [Average] public partial AverageView Size { get; }
        /// <summary>A field.</summary>
        [Average(typeof(int))] public partial AverageView Depth { get; }
        /// <summary>A field.</summary>
        [Average(typeof(decimal), Scale = 2)] public partial AverageView Price { get; }
        /// <summary>A field.</summary>
        [First] public partial string? Referrer { get; }
        /// <summary>A field.</summary>
        [First] public partial System.Guid FirstDevice { get; }
        /// <summary>A field.</summary>
        [Last] public partial long? LastOrder { get; }
        /// <summary>A field.</summary>
        [Window(5)] public partial ScoredView<string> Best { get; }
        /// <summary>A field.</summary>
        [List(50)] public partial ListView<string> Path { get; }
        /// <summary>A field.</summary>
        [List(5, Keep = ListEnd.First)] public partial ListView<long> FirstOrders { get; }
        /// <summary>A field.</summary>
        [Set(20)] public partial SetView<string> Countries { get; }
        /// <summary>A field.</summary>
        [Set(20)] public partial SetView<System.Guid> Devices { get; }
        /// <summary>A field.</summary>
        [Histogram] public partial HistogramView Latency { get; }
        /// <summary>A field.</summary>
        [Histogram(0.1)] public partial HistogramView Sizes { get; }
        /// <summary>A field.</summary>
        [Map(10, MapOf.Sum)] public partial MapView<string, long> BytesByStatus { get; }
        /// <summary>A field.</summary>
        [Map(10, MapOf.Count)] public partial MapView<long, long> HitsByStatus { get; }
        /// <summary>A field.</summary>
        [Map(10, MapOf.Max)] public partial MapView<System.Guid, System.DateTimeOffset> SeenByDevice { get; }
        /// <summary>A field.</summary>
        [Map(10, MapOf.Min)] public partial MapView<string, double> LeastByPage { get; }
        /// <summary>A field.</summary>
        [Map(10, MapOf.Average)] public partial MapView<string, AverageView> TimeByPage { get; }
        """;

    private const string Usage =
        """

        class Usage
        {
            object Definition => NAME.Definition;
            NAME.Event Event(string? page) => new() { Hits = 1, Errors = 2, LastSeen = System.DateTimeOffset.MinValue, Pages = "/", Guids = System.Guid.Empty, Texts = page };
            NAME.Event Stamped(System.DateTimeOffset at) => new() { Pages = new Stamped<string>("/", at), Numbers = new(5, at), Users = null };
            NAME.Event Others(string? page, decimal? price) => new() { Revenue = 1.25m, Stock = 3, Price = price, Referrer = page!, LastOrder = 5L, Best = new Scored<string>("/", 1.5), Path = "/", Countries = page, Latency = 0.3, BytesByStatus = new("200", 5), HitsByStatus = 404, TimeByPage = new("/", 7) };
            void Read(NAME a) { decimal? mean = a.Price.Mean; string? referrer = a.Referrer; System.Guid device = a.FirstDevice; double? p99 = a.Latency.Quantile(0.99); long bytes = a.BytesByStatus["200"]; bool seen = a.Countries.Contains("de"); }
            void ReadOthers(NAME a) { string id = a.Id; long hits = a.Hits; double? longest = a.Longest; string newest = a.Pages[0]; long users = a.Users.Count; }
        }
        """;

    [Theory]
    [InlineData("/// <summary>A.</summary>\n [Aggregate(\"a\")] public partial class A { FIELDS }", "A", "A.Aggregate.g.cs")]
    [InlineData("namespace Some.Space { /// <summary>A.</summary>\n [Aggregate(\"a\")] public sealed partial class A { FIELDS } }", "Some.Space.A", "Some.Space.A.Aggregate.g.cs")]
    [InlineData("namespace @class.@event { /// <summary>A.</summary>\n [Aggregate(\"a\")] internal partial class @long { FIELDS } }", "@class.@event.@long", "class.event.long.Aggregate.g.cs")]
    [InlineData("namespace Space { public partial struct S { internal partial record R { public partial interface I { internal partial record struct V { internal static partial class C { [Aggregate(\"a\")] internal partial class A { FIELDS } } } } } } }", "Space.S.R.I.V.C.A", "Space.S.R.I.V.C.A.Aggregate.g.cs")]
    public void Compiles_without_a_warning_wherever_it_is_declared(string declaration, string name, string file)
    {
        string source = "using Sluice;\n#pragma warning disable CS8981, CS1591\n" + declaration.Replace("FIELDS", AllKinds, StringComparison.Ordinal);
        GeneratorRun run = GeneratorRun.Over(source, "#pragma warning disable CS1591, CS0219\nusing Sluice;\n" + Usage.Replace("NAME", name, StringComparison.Ordinal));

        Assert.Empty(run.Findings);
        Assert.Empty(run.CompilerDiagnostics);
        Assert.Equal(file, run.Result.GeneratedSources.Single().HintName);
    }

    // The names that generated code uses itself must not be captured by what stands around it.
    [Fact]
    public void Compiles_among_names_that_shadow_those_that_it_uses()
    {
        string source =
            """
            #pragma warning disable CS1591
            using Sluice;
            namespace Trap.System { }
            namespace Trap.Sluice { }
            namespace Trap
            {
                class MergeOutcome; class RecordReader; class DateTimeOffset; class SumState<T>; class IAggregateState<T, U>;
                [global::Sluice.Aggregate("trap")]
                public partial class A
                {
                    private int _hits = 1, _id = 2, _id_ = 3, key = 4, state = 5;
                    int Use() => _hits + _id + _id_ + key + state;
                    [global::Sluice.Key] public partial string Id { get; }
                    [global::Sluice.Sum] public partial long Hits { get; }
                    [global::Sluice.Sum] public partial long hits { get; }
                    [global::Sluice.Max] public partial double? value { get; }
                    [global::Sluice.Max] public partial double? @field { get; }
                    [global::Sluice.Sum] public partial int @class { get; }
                    [global::Sluice.Sum] public partial int Merge { get; }
                    [global::Sluice.Sum] public partial int Reset { get; }
                    [global::Sluice.Sum] public partial int IsEmpty { get; }
                    [global::Sluice.Window(3)] public partial global::Sluice.WindowView<string> contribution { get; }
                    [global::Sluice.Distinct] internal partial global::Sluice.DistinctView Context { get; }
                }
            }
            """;
        GeneratorRun run = GeneratorRun.Over(source);

        Assert.Empty(run.Findings);
        Assert.Empty(run.CompilerDiagnostics);
    }

    [Theory]
    [InlineData("string")]
    [InlineData("long")]
    [InlineData("int")]
    [InlineData("System.Guid")]
    public void Takes_every_type_of_key(string type)
    {
        GeneratorRun run = GeneratorRun.Over($$"""
            #pragma warning disable CS1591
            [Sluice.Aggregate("a")] public partial class A { [Sluice.Key] public partial {{type}} Id { get; } [Sluice.Sum] public partial long Hits { get; } }
            public class Usage { public Sluice.Aggregates.AggregateDefinition<{{type}}, A, A.Event> Definition => A.Definition; }
            """);

        Assert.Empty(run.Findings);
        Assert.Empty(run.CompilerDiagnostics);
    }

    [Fact]
    public void Compiles_where_nullable_annotations_are_off()
    {
        GeneratorRun run = GeneratorRun.Over("#nullable disable\n#pragma warning disable CS1591\nusing Sluice;\n[Aggregate(\"a\")] public partial class A { " + AllKinds.Replace("string? Referrer", "string Referrer", StringComparison.Ordinal) + " }");

        Assert.Empty(run.Findings);
        Assert.Empty(run.CompilerDiagnostics);
    }

    // Attributes are found by what they are, not by how they are written.
    [Fact]
    public void An_attribute_of_the_same_name_declares_nothing()
    {
        GeneratorRun run = GeneratorRun.Over("""
            namespace Other { class AggregateAttribute(string name) : System.Attribute { public string Name => name; } }
            namespace Space { [Other.Aggregate("a")] class A; }
            """);

        Assert.Empty(run.Findings);
        Assert.Empty(run.Result.GeneratedSources);
    }

    [Fact]
    public void The_same_declaration_gives_the_same_text_everywhere()
    {
        string source = "using Sluice;\nnamespace Space;\n[Aggregate(\"a\")] public partial class A { " + AllKinds + " }";
        string text = GeneratorRun.Over(source).Result.GeneratedSources.Single().SourceText.ToString();

        Assert.Equal(text, GeneratorRun.Over(source.Replace("\n", "\r\n", StringComparison.Ordinal)).Result.GeneratedSources.Single().SourceText.ToString());
        Assert.StartsWith("// <auto-generated/>\n#nullable enable\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', text);
        Assert.DoesNotContain("Source0", text, StringComparison.Ordinal);
    }
}
