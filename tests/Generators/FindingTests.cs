using Microsoft.CodeAnalysis;
using Xunit;

namespace Sluice.Generators.Tests;

/// <summary>
/// Every wrong declaration is answered with one finding at the place that must change. Prevents: errors of the compiler in code that nobody wrote,
/// and aggregates that are silently not what they were meant to be. The marks say where the finding must be.
/// </summary>
public sealed class FindingTests
{
    [Fact]
    public void SLUICE001_the_class_is_not_partial() =>
        AssertFinding(
            """[Aggregate("a")] public class «Plain» { [Key] public string Id => ""; [Sum] public long Hits => 1; }""",
            "SLUICE001", "'Plain' must be declared partial, so that the aggregate's other part can be generated", alsoFound: ["SLUICE010", "SLUICE010"]);

    [Fact]
    public void SLUICE001_a_type_around_the_class_is_not_partial() =>
        AssertFinding(
            """public class «Outer» { [Aggregate("a")] public partial class Inner { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } } }""",
            "SLUICE001", "'Outer' must be declared partial, so that the aggregate's other part can be generated");

    [Theory]
    [InlineData("public partial record «A»", "is a record; records compare and copy in ways of their own")]
    [InlineData("public abstract partial class «A»", "is abstract; snapshots are instances of it")]
    [InlineData("public partial class «A»<T>", "is generic or stands in a generic type; a stored form belongs to one type")]
    [InlineData("file partial class «A»", "is local to its file; its other part stands in another file")]
    [InlineData("public partial class «A»(int x)", "has a primary constructor; snapshots are made by a constructor of their own")]
    public void SLUICE002_the_class_is_not_a_plain_class(string declaration, string why) =>
        AssertFinding(
            $$"""[Aggregate("a")] {{declaration}} { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } }""",
            "SLUICE002", $"'A' cannot be an aggregate, because it {why}");

    [Fact]
    public void SLUICE002_the_class_is_static() =>
        AssertFinding(
            """[Aggregate("a")] public static partial class «A» { [Key] public static partial string Id { get; } [Sum] public static partial long Hits { get; } }""",
            "SLUICE002", "'A' cannot be an aggregate, because it is static; snapshots are instances of it", alsoFound: ["SLUICE010", "SLUICE010"]);

    [Fact]
    public void SLUICE002_the_class_stands_in_a_generic_type() =>
        AssertFinding(
            """public partial class Outer<T> { [Aggregate("a")] public partial class «A» { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } } }""",
            "SLUICE002", "'A' cannot be an aggregate, because it is generic or stands in a generic type; a stored form belongs to one type");

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("größe")]
    [InlineData("a/b")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void SLUICE003_the_name_cannot_be_stored(string name) =>
        AssertFinding(
            $$"""[«Aggregate("{{name}}")»] public partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } }""",
            "SLUICE003", $"'{name}' is not a name that an aggregate can be stored under: it must have 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'");

    [Fact]
    public void SLUICE004_there_is_no_key() =>
        AssertFinding(
            """[Aggregate("a")] public partial class «A» { [Sum] public partial long Hits { get; } }""",
            "SLUICE004", "'A' has no [Key] property, which would name its resources");

    [Fact]
    public void SLUICE005_there_are_two_keys() =>
        AssertFinding(
            """[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Key] public partial string «Other» { get; } [Sum] public partial long Hits { get; } }""",
            "SLUICE005", "'Other' is a second [Key] of 'A'; make one key that holds both parts");

    [Theory]
    [InlineData("System.DateTime", "DateTime")]
    [InlineData("string?", "string?")]
    [InlineData("long?", "long?")]
    [InlineData("object", "object")]
    public void SLUICE006_the_key_is_of_another_type(string type, string shown) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial {{type}} «Id» { get; } [Sum] public partial long Hits { get; } }""",
            "SLUICE006", $"The key 'Id' is of type '{shown}'; a key is a string, long, int or Guid");

    [Fact]
    public void SLUICE007_there_is_no_field() =>
        AssertFinding(
            """[Aggregate("a")] public partial class «A» { [Key] public partial string Id { get; } public long Hits => 1; }""",
            "SLUICE007", "'A' declares no field to aggregate; add a property with [Sum], [Diff], [Count], [Average], [Max], [Min], [First], [Last], [Window], [List], [Set], [Distinct], [Histogram], [Map] or [Opaque]");

    [Fact]
    public void SLUICE008_there_are_too_many_fields() =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class «A» { [Key] public partial string Id { get; } {{Sums(65)}} }""",
            "SLUICE008", "'A' declares 65 fields; an aggregate has at most 64");

    [Fact]
    public void As_many_fields_as_there_may_be_are_fine() =>
        Assert.Empty(Run($$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } {{Sums(64)}} }""").Findings);

    [Theory]
    [InlineData("[Sum, Max]", "[Sum] and [Max]")]
    [InlineData("[Key, Sum]", "[Key] and [Sum]")]
    [InlineData("[Sum] [Max] [Window(3)]", "[Sum] and [Max] and [Window]")]
    public void SLUICE009_a_property_is_declared_as_several_things(string attributes, string shown) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { {{(attributes.Contains("Key", StringComparison.Ordinal) ? "" : "[Key] public partial string Id { get; }")}} {{attributes}} public partial long «Hits» { get; } [Sum] public partial long Bytes { get; } }""",
            "SLUICE009", $"'Hits' is declared {shown}; a property is either the key or one kind of field");

    [Theory]
    [InlineData("public long «Hits» { get; }", "is not a partial property")]
    [InlineData("public partial long «Hits» { get; set; }", "has a setter")]
    [InlineData("public partial long «Hits» { get; init; }", "has an init accessor")]
    [InlineData("public partial long «Hits» { set; }", "has a setter")]
    [InlineData("public static partial long «Hits» { get; }", "is static")]
    [InlineData("public partial long «Hits» { get; } public partial long Hits => 1;", "has an implementation already")]
    public void SLUICE010_a_field_is_not_a_partial_getter(string property, string why) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Sum] {{property}} }""",
            "SLUICE010", $"'Hits' {why}; declare it like 'public partial long Hits {{ get; }}'");

    [Theory]
    [InlineData("Sum", "float", "[Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded")]
    [InlineData("Sum", "long?", "[Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded")]
    [InlineData("Diff", "float", "[Diff] takes long, int and decimal, whose differences are exact in any order, and double, whose differences are rounded")]
    [InlineData("Count", "int", "[Count] takes long")]
    [InlineData("Average", "double", "[Average] takes AverageView; give the type of the contributions to the attribute, as in [Average(typeof(int))]")]
    [InlineData("First", "object", "[First] takes string?, long, int, double, DateTimeOffset, TimeSpan and Guid, nullable or not")]
    [InlineData("Last", "bool", "[Last] takes string?, long, int, double, DateTimeOffset, TimeSpan and Guid, nullable or not")]
    [InlineData("Last", "string", "[Last] takes string?, which is null when nothing was contributed")]
    [InlineData("List(3)", "WindowView<string>", "[List] takes ListView<string>, ListView<long> and ListView<Guid>")]
    [InlineData("List(3)", "ListView<double>", "[List] takes ListView<string>, ListView<long> and ListView<Guid>")]
    [InlineData("Set(3)", "SetView<int>", "[Set] takes SetView<string>, SetView<long> and SetView<Guid>")]
    [InlineData("Histogram", "double", "[Histogram] takes HistogramView")]
    [InlineData("Map(3, MapOf.Sum)", "MapView<int, long>", "[Map] takes MapView<TKey, TValue> with keys of the types string, long and Guid")]
    [InlineData("Map(3, MapOf.Sum)", "SetView<long>", "[Map] takes MapView<TKey, TValue> with keys of the types string, long and Guid")]
    [InlineData("Map(3, MapOf.Sum)", "MapView<string, float>", "for each key of a map, [Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded")]
    [InlineData("Map(3, MapOf.Count)", "MapView<string, int>", "for each key of a map, [Count] takes long")]
    [InlineData("Map(3, MapOf.Average)", "MapView<string, double>", "for each key of a map, [Average] takes AverageView; give the type of the contributions to the attribute, as in [Map(50, MapOf.Average, ContributionType = typeof(int))]")]
    [InlineData("Map(3, MapOf.Distinct)", "MapView<string, long>", "for each key of a map, [Distinct] takes DistinctView; give the type of the values to the attribute, as in [Map(50, MapOf.Distinct, ContributionType = typeof(long))]")]
    [InlineData("Map(3, MapOf.Max)", "MapView<string, string>", "for each key of a map, [Max] takes long, int, double, DateTimeOffset and TimeSpan, nullable or not")]
    [InlineData("Map(3, MapOf.Max)", "MapView<string, long?>", "a map shows only keys that were contributed to, so that its values are not nullable")]
    [InlineData("Map(3, MapOf.Last)", "MapView<string, string?>", "a map shows only keys that were contributed to, so that its values are not nullable")]
    [InlineData("Map(3, MapOf.Sum)", "MapView<string, MapView<string, long>>", "a map's values are not maps; make one key that holds both parts")]
    [InlineData("Map(3, MapOf.List, Size = 3)", "MapView<string, WindowView<long>>", "for each key of a map, [List] takes ListView<string>, ListView<long> and ListView<Guid>")]
    [InlineData("Map(3, MapOf.Set, Size = 3)", "MapView<string, SetView<int>>", "for each key of a map, [Set] takes SetView<string>, SetView<long> and SetView<Guid>")]
    [InlineData("Max", "string", "[Max] takes long, int, double, DateTimeOffset and TimeSpan, nullable or not")]
    [InlineData("Max", "System.DateTime", "[Max] takes long, int, double, DateTimeOffset and TimeSpan, nullable or not")]
    [InlineData("Min", "decimal", "[Min] takes long, int, double, DateTimeOffset and TimeSpan, nullable or not")]
    [InlineData("Window(3)", "System.Collections.Generic.List<string>", "[Window] takes WindowView (the newest) and ScoredView (the highest) of string, long and Guid")]
    [InlineData("Window(3)", "WindowView<int>", "[Window] takes WindowView (the newest) and ScoredView (the highest) of string, long and Guid")]
    [InlineData("Window(3)", "WindowView<string>?", "[Window] takes WindowView (the newest) and ScoredView (the highest) of string, long and Guid")]
    [InlineData("Distinct", "long", "[Distinct] takes DistinctView; give the type of the values to the attribute, as in [Distinct(typeof(long))]")]
    public void SLUICE011_the_kind_does_not_take_the_type(string attribute, string type, string whatItTakes) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [{{attribute}}] public partial {{type}} «Field» { get; } }""",
            "SLUICE011", $"'Field' is of type '{type.Split('.')[^1]}'; {whatItTakes}");

    [Theory]
    [InlineData("long", "long")]
    [InlineData("Guest", "Guest")]
    [InlineData("Mine?", "Mine?")]
    [InlineData("IOpaqueState<Mine>", "IOpaqueState<Mine>")]
    public void SLUICE011_an_opaque_field_is_not_a_state_of_itself(string type, string shown) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Opaque] public partial {{type}} «Field» { get; } } {{State("Mine", "Mine")}} {{State("Guest", "Mine", "Mine")}}""",
            "SLUICE011", $"'Field' is of type '{shown}'; [Opaque] takes a type that implements IOpaqueState of itself, not nullable");

    [Fact]
    public void SLUICE011_a_map_has_no_opaque_values() =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Map(3, MapOf.Last)] public partial MapView<string, Mine> «Field» { get; } } {{State("Mine", "Mine")}}""",
            "SLUICE011", "'Field' is of type 'MapView<string, Mine>'; a map has no opaque values, because opaque deltas are replaced field by field; keep the keys in the state, in one [Opaque] field");

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("65536")]
    public void SLUICE012_the_version_of_an_opaque_state_is_out_of_range(string version) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [«Opaque({{version}})»] public partial Mine Field { get; } } {{State("Mine", "Mine")}}""",
            "SLUICE012", $"'Field': the version of an opaque state is 1 to 65535, not {version}");

    [Theory]
    [InlineData("class")]
    [InlineData("readonly record struct")]
    public void An_opaque_field_of_a_state_compiles(string declaration)
    {
        GeneratorRun run = Run($$"""
            namespace N;
            /// <summary>A.</summary>
            [Aggregate("a")] public partial class A {
                /// <summary>Key.</summary>
                [Key] public partial string Id { get; }
                /// <summary>Field.</summary>
                [Opaque] public partial Mine Field { get; }
                /// <summary>Field.</summary>
                [Opaque(7)] public partial Mine Other { get; }
                /// <summary>Sum.</summary>
                [Sum] public partial int Sum { get; } }
            {{State("Mine", "Mine", "", declaration)}}
            """);
        Assert.Empty(run.Findings);
        Assert.DoesNotContain(run.CompilerDiagnostics, static diagnostic => diagnostic.Id != "CS1591");
        string generated = run.Result.GeneratedSources.Single().SourceText.ToString();
        Assert.Contains("FieldSchema(\"Other\", \"opaque\", 7)", generated, StringComparison.Ordinal);
        Assert.Contains("static (key, state) => new A(key, in state), global::Sluice.Aggregates.StateFolding.Of<A.State>());", generated, StringComparison.Ordinal);
        Assert.Contains("return global::Sluice.Aggregates.MergeOutcome.Crowded(1);", generated, StringComparison.Ordinal);
        Assert.Contains("return global::Sluice.Aggregates.MergeOutcome.Overflow(2);", generated, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Window(0)", "WindowView<string>", "a window keeps 1 to 1000 contributions, not 0")]
    [InlineData("Window(-1)", "WindowView<string>", "a window keeps 1 to 1000 contributions, not -1")]
    [InlineData("Window(1001)", "WindowView<long>", "a window keeps 1 to 1000 contributions, not 1001")]
    [InlineData("Window(0)", "ScoredView<string>", "a window keeps 1 to 1000 contributions, not 0")]
    [InlineData("List(0)", "ListView<string>", "a list keeps 1 to 1000 contributions, not 0")]
    [InlineData("List(5, Keep = (ListEnd)2)", "ListView<string>", "a list keeps ListEnd.Last or ListEnd.First")]
    [InlineData("Set(1001)", "SetView<long>", "a set keeps 1 to 1000 values, not 1001")]
    [InlineData("Map(0, MapOf.Sum)", "MapView<string, long>", "a map keeps 1 to 1000 keys, not 0")]
    [InlineData("Map(9, (MapOf)13)", "MapView<string, long>", "a map is one of the members of MapOf")]
    [InlineData("Map(9, (MapOf)(-1))", "MapView<string, long>", "a map is one of the members of MapOf")]
    [InlineData("Map(9, MapOf.Sum)", "MapView<string, decimal>", "a decimal needs the number of its decimal places, as in [Map(50, MapOf.Sum, Scale = 2)]; it is part of the stored form")]
    [InlineData("Map(9, MapOf.Diff, Scale = 19)", "MapView<string, decimal>", "a scale lies between 0 and 18, not 19")]
    [InlineData("Map(9, MapOf.Sum, Scale = 2)", "MapView<string, long>", "Scale is for decimal alone")]
    [InlineData("Map(9, MapOf.Max, Scale = 2)", "MapView<string, long>", "Scale is for maps of MapOf.Sum, MapOf.Diff, MapOf.Average, not for MapOf.Max")]
    [InlineData("Map(9, MapOf.Set, Size = 3, Keep = ListEnd.First)", "MapView<string, SetView<long>>", "Keep is for maps of MapOf.List, not for MapOf.Set")]
    [InlineData("Map(9, MapOf.Sum, RelativeError = 0.1)", "MapView<string, long>", "RelativeError is for maps of MapOf.Histogram, not for MapOf.Sum")]
    [InlineData("Map(9, MapOf.Last, Size = 1)", "MapView<string, long>", "Size is for maps of MapOf.Window, MapOf.List, MapOf.Set, not for MapOf.Last")]
    [InlineData("Map(9, MapOf.Sum, ContributionType = typeof(int))", "MapView<string, long>", "ContributionType is for maps of MapOf.Average, MapOf.Distinct, not for MapOf.Sum")]
    [InlineData("Map(9, MapOf.Average, ContributionType = typeof(double))", "MapView<string, AverageView>", "[Average] takes contributions of the types long, int and decimal, whose sums are exact, not double")]
    [InlineData("Map(9, MapOf.Window)", "MapView<string, WindowView<long>>", "a map of windows needs how many contributions each key keeps, as in [Map(50, MapOf.Window, Size = 10)]")]
    [InlineData("Map(9, MapOf.Window, Size = 0)", "MapView<string, WindowView<long>>", "a window keeps 1 to 1000 contributions, not 0")]
    [InlineData("Map(101, MapOf.List, Size = 100)", "MapView<string, ListView<long>>", "a map keeps at most 10000 contributions for all its keys together, not 101 times 100")]
    [InlineData("Map(101, MapOf.Distinct)", "MapView<string, DistinctView>", "a map of sketches keeps at most 100 keys, not 101")]
    [InlineData("Map(101, MapOf.Histogram)", "MapView<string, HistogramView>", "a map of histograms keeps at most 100 keys, not 101")]
    [InlineData("Map(10, MapOf.Histogram, RelativeError = 0.5)", "MapView<string, HistogramView>", "a histogram's relative error lies between 1/1024 and 1/8, not 0.5")]
    [InlineData("Histogram(0.0)", "HistogramView", "a histogram's relative error lies between 1/1024 and 1/8, not 0")]
    [InlineData("Histogram(0.5)", "HistogramView", "a histogram's relative error lies between 1/1024 and 1/8, not 0.5")]
    [InlineData("Histogram(double.NaN)", "HistogramView", "a histogram's relative error lies between 1/1024 and 1/8, not NaN")]
    [InlineData("Sum", "decimal", "a decimal needs the number of its decimal places, as in [Sum(Scale = 2)]; it is part of the stored form")]
    [InlineData("Sum(Scale = 19)", "decimal", "a scale lies between 0 and 18, not 19")]
    [InlineData("Sum(Scale = -1)", "decimal", "a scale lies between 0 and 18, not -1")]
    [InlineData("Sum(Scale = 2)", "long", "Scale is for decimal alone")]
    [InlineData("Diff", "decimal", "a decimal needs the number of its decimal places, as in [Diff(Scale = 2)]; it is part of the stored form")]
    [InlineData("Diff(Scale = 2)", "int", "Scale is for decimal alone")]
    [InlineData("Diff(Initial = 3000000000)", "int", "an int cannot begin with 3000000000")]
    [InlineData("Average(typeof(double))", "AverageView", "[Average] takes contributions of the types long, int and decimal, whose sums are exact, not double")]
    [InlineData("Average(typeof(decimal))", "AverageView", "a decimal needs the number of its decimal places, as in [Average(typeof(decimal), Scale = 2)]; it is part of the stored form")]
    [InlineData("Average(Scale = 2)", "AverageView", "Scale is for decimal alone")]
    [InlineData("Distinct(typeof(int))", "DistinctView", "[Distinct] counts values of the types string, long and Guid, not int")]
    [InlineData("Distinct(typeof(System.DateTime))", "DistinctView", "[Distinct] counts values of the types string, long and Guid, not DateTime")]
    public void SLUICE012_the_parameter_is_out_of_range(string attribute, string type, string why) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [«{{attribute}}»] public partial {{type}} Field { get; } }""",
            "SLUICE012", $"'Field': {why}");

    [Theory]
    [InlineData("public int «Definition» => 1;", "Definition")]
    [InlineData("public class «Event»;", "Event")]
    [InlineData("private int «State»() => 1;", "State")]
    public void SLUICE013_a_member_has_the_name_of_a_generated_one(string member, string name) =>
        AssertFinding(
            $$"""[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } {{member}} }""",
            "SLUICE013", $"'{name}' is the name of a member that is generated into 'A'; choose another name");

    [Fact]
    public void SLUICE013_the_class_has_the_name_of_a_generated_member() =>
        AssertFinding(
            """[Aggregate("a")] public partial class «Event» { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } }""",
            "SLUICE013", "'Event' is the name of a member that is generated into 'Event'; choose another name");

    [Fact]
    public void SLUICE014_a_field_stands_in_another_declaration() =>
        AssertFinding(
            """[Aggregate("a")] public partial class A { [Key] public partial string Id { get; } [Sum] public partial long Hits { get; } } partial class A { [Sum] public partial long «Bytes» { get; } }""",
            "SLUICE014", "'Bytes' is not declared where the [Aggregate] attribute is; the order of the fields is part of the stored form, and must not depend on the order of files");

    [Fact]
    public void Everything_that_is_wrong_is_found_at_once()
    {
        GeneratorRun run = Run("""[Aggregate("")] public partial class A { [Sum] public partial float Hits { get; } [Window(0)] public partial WindowView<string> Pages { get; } }""");

        Assert.Equal(["SLUICE003", "SLUICE004", "SLUICE011", "SLUICE012"], run.Findings.Select(static finding => finding.Id).Order());
        Assert.Empty(run.Result.GeneratedSources);
    }

    private static string State(string name, string self, string baseType = "", string declaration = "class") => $$"""
        public {{declaration}} {{name}} : {{(baseType.Length == 0 ? "" : baseType + ", ")}}IOpaqueState<{{self}}>
        {
            static {{self}} IOpaqueState<{{self}}>.Empty => new();
            static {{self}} IOpaqueState<{{self}}>.Merge({{self}} earlier, {{self}} later) => earlier;
            static void IOpaqueState<{{self}}>.Write({{self}} state, System.Buffers.IBufferWriter<byte> output) { }
            static {{self}} IOpaqueState<{{self}}>.Read(System.ReadOnlySpan<byte> bytes) => new();
        }
        """;

    private static GeneratorRun Run(string declaration) => GeneratorRun.Over("using Sluice;\n" + declaration);

    private static string Sums(int count) => string.Join(' ', Enumerable.Range(0, count).Select(static i => $"[Sum] public partial long F{i} {{ get; }}"));

    private static void AssertFinding(string marked, string id, string message, string[]? alsoFound = null)
    {
        string source = "using Sluice;\n" + marked;
        int start = source.IndexOf('«', StringComparison.Ordinal);
        int end = source.IndexOf('»', StringComparison.Ordinal) - 1;
        GeneratorRun run = GeneratorRun.Over(source.Replace("«", "", StringComparison.Ordinal).Replace("»", "", StringComparison.Ordinal));

        Assert.Equal([id, .. alsoFound ?? []], run.Findings.Select(static finding => finding.Id).Order());
        Diagnostic finding = run.Findings.Single(finding => finding.Id == id);
        Assert.Equal(message, finding.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal((start, end), (finding.Location.SourceSpan.Start, finding.Location.SourceSpan.End));
        Assert.Equal("Source0.cs", finding.Location.GetLineSpan().Path);
        Assert.Equal(1, finding.Location.GetLineSpan().StartLinePosition.Line);
        Assert.Equal(DiagnosticSeverity.Error, finding.Severity);
        Assert.Empty(run.Result.GeneratedSources);
    }
}
