using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using Sluice.Generators.Emission;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators;

/// <summary>
/// Compiles <c>[Aggregate]</c> classes. Each declaration becomes a model of plain text; code is written again only when the model has changed, so
/// that typing elsewhere costs nothing.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class AggregateGenerator : IIncrementalGenerator
{
    /// <summary>The name under which the models are tracked, for tests of the caching.</summary>
    public const string Models = "Models";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<ParsedAggregate> aggregates = context.SyntaxProvider.ForAttributeWithMetadataName(
            "Sluice.AggregateAttribute",
            static (node, _) => node is TypeDeclarationSyntax,
            static (attributed, cancellationToken) => AggregateParser.Parse(attributed, cancellationToken));

        // Findings carry positions, which change with every line above them: they are kept apart from what code is written from.
        context.RegisterSourceOutput(aggregates.SelectMany(static (aggregate, _) => aggregate.Findings), static (output, finding) => output.ReportDiagnostic(finding.ToDiagnostic()));
        context.RegisterSourceOutput(
            aggregates.Where(static aggregate => aggregate.Model is not null).Select(static (aggregate, _) => aggregate.Model!).WithTrackingName(Models),
            static (output, model) => output.AddSource(FileName(model), SourceText.From(AggregateEmitter.Emit(model), Encoding.UTF8)));
    }

    private static string FileName(AggregateModel model)
    {
        IEnumerable<string> parts = model.ContainingTypes.Select(static type => type.Substring(type.LastIndexOf(' ') + 1)).Concat([model.ClassName]);
        string path = string.Join(".", model.Namespace is null ? parts : parts.Prepend(model.Namespace));
        return path.Replace("@", "") + ".Aggregate.g.cs";
    }
}
