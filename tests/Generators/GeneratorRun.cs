using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Sluice.Generators.Tests;

/// <summary>The generator, run over source text as the compiler runs it.</summary>
internal sealed class GeneratorRun
{
    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.CSharp13, DocumentationMode.Diagnose);

    private static readonly ImmutableArray<MetadataReference> References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(static path => MetadataReference.CreateFromFile(path))];

    private GeneratorRun(GeneratorDriver driver, Compilation input, Compilation output, ImmutableArray<Diagnostic> findings)
    {
        Driver = driver;
        Input = input;
        Output = output;
        Findings = findings;
    }

    public GeneratorDriver Driver { get; }

    public Compilation Input { get; }

    public Compilation Output { get; }

    /// <summary>What the generator reports.</summary>
    public ImmutableArray<Diagnostic> Findings { get; }

    /// <summary>What the compiler says to declarations and generated code together, missing documentation included.</summary>
    public IEnumerable<Diagnostic> CompilerDiagnostics => Output.GetDiagnostics().Where(static diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning);

    public GeneratorRunResult Result => Driver.GetRunResult().Results.Single();

    public static GeneratorRun Over(params string[] sources)
    {
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Declared",
            sources.Select(static (source, i) => CSharpSyntaxTree.ParseText(source, Parsing, $"Source{i}.cs")),
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new AggregateGenerator().AsSourceGenerator()],
            parseOptions: Parsing,
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        return Run(driver, compilation);
    }

    /// <summary>Runs the same driver over the compilation with one source changed, as an editor does after every key.</summary>
    public GeneratorRun AfterEdit(int source, string text)
    {
        SyntaxTree before = Input.SyntaxTrees.ElementAt(source);
        return Run(Driver, Input.ReplaceSyntaxTree(before, CSharpSyntaxTree.ParseText(text, Parsing, before.FilePath)));
    }

    /// <summary>Why each output of the generator is what it is.</summary>
    public IEnumerable<IncrementalStepRunReason> OutputReasons =>
        Result.TrackedOutputSteps.SelectMany(static step => step.Value).SelectMany(static step => step.Outputs).Select(static output => output.Reason);

    /// <summary>Why each model is what it is.</summary>
    public IEnumerable<IncrementalStepRunReason> ModelReasons =>
        Result.TrackedSteps[AggregateGenerator.Models].SelectMany(static step => step.Outputs).Select(static output => output.Reason);

    private static GeneratorRun Run(GeneratorDriver driver, Compilation compilation)
    {
        driver = driver.RunGeneratorsAndUpdateCompilation(compilation, out Compilation output, out ImmutableArray<Diagnostic> findings);
        return new GeneratorRun(driver, compilation, output, findings);
    }
}
