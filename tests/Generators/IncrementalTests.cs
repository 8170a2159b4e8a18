using Microsoft.CodeAnalysis;
using Xunit;

namespace Sluice.Generators.Tests;

/// <summary>Prevents: an editor that stutters, because every key writes the code of every aggregate again.</summary>
public sealed class IncrementalTests
{
    private const string Declaration =
        """
        using Sluice;
        namespace Space;
        [Aggregate("a")]
        public partial class A
        {
            [Key] public partial string Id { get; }
            [Sum] public partial long Hits { get; }
            [Window(10)] public partial WindowView<string> Pages { get; }
        }
        """;

    [Fact]
    public void An_edit_in_another_file_leaves_the_output_cached()
    {
        GeneratorRun run = GeneratorRun.Over(Declaration, "class Elsewhere { }").AfterEdit(1, "class Elsewhere { int _typed; }");

        Assert.Equal([IncrementalStepRunReason.Cached], run.OutputReasons);
    }

    [Fact]
    public void An_edit_in_the_same_file_that_changes_no_declaration_leaves_the_output_cached()
    {
        GeneratorRun run = GeneratorRun.Over(Declaration).AfterEdit(0, "// A comment above, which moves every line.\n\n" + Declaration + "\nclass Other { int F() => 1; }");

        Assert.Equal([IncrementalStepRunReason.Cached], run.ModelReasons);
        Assert.Equal([IncrementalStepRunReason.Cached], run.OutputReasons);
    }

    [Fact]
    public void An_edit_of_a_method_in_the_class_leaves_the_output_cached()
    {
        string withMethod = Declaration.Replace("[Key]", "int F() => 1; [Key]", StringComparison.Ordinal);
        GeneratorRun run = GeneratorRun.Over(withMethod).AfterEdit(0, withMethod.Replace("=> 1", "=> 2", StringComparison.Ordinal));

        Assert.Equal([IncrementalStepRunReason.Cached], run.OutputReasons);
    }

    [Fact]
    public void An_edit_of_a_field_writes_the_code_again()
    {
        GeneratorRun run = GeneratorRun.Over(Declaration).AfterEdit(0, Declaration.Replace("Window(10)", "Window(11)", StringComparison.Ordinal));

        Assert.Equal([IncrementalStepRunReason.Modified], run.OutputReasons);
        Assert.Contains("Read(record.Payload, 11)", run.Result.GeneratedSources.Single().SourceText.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_edit_of_one_aggregate_leaves_the_others_cached()
    {
        string other = Declaration.Replace("class A", "class B", StringComparison.Ordinal);
        GeneratorRun run = GeneratorRun.Over(Declaration, other).AfterEdit(1, other.Replace("Hits", "Bytes", StringComparison.Ordinal));

        Assert.Equal([IncrementalStepRunReason.Cached, IncrementalStepRunReason.Modified], run.OutputReasons.Order().Reverse());
    }

    [Fact]
    public void A_finding_goes_when_its_cause_goes()
    {
        string wrong = Declaration.Replace("[Key] ", "", StringComparison.Ordinal).Replace("partial string Id { get; }", "string Id => \"\";", StringComparison.Ordinal);
        GeneratorRun before = GeneratorRun.Over(wrong);
        GeneratorRun after = before.AfterEdit(0, Declaration);

        Assert.Equal("SLUICE004", before.Findings.Single().Id);
        Assert.Empty(after.Findings);
        Assert.Single(after.Result.GeneratedSources);
    }
}
