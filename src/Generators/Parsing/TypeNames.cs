using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Sluice.Generators.Parsing;

/// <summary>How types and names are written.</summary>
internal static class TypeNames
{
    private static readonly SymbolDisplayFormat Qualified =
        SymbolDisplayFormat.FullyQualifiedFormat.AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>For generated code: fully qualified, so that nothing in the aggregate's surroundings can capture it.</summary>
    public static string Full(ITypeSymbol type) => type.ToDisplayString(Qualified);

    /// <summary>For messages.</summary>
    public static string Short(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);

    /// <summary>For messages: a full name without its qualification.</summary>
    public static string Short(string fullName) => fullName.Substring(fullName.LastIndexOf('.') + 1);

    /// <summary>The name as an identifier: keywords get their escape.</summary>
    public static string Identifier(string name) => SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None ? name : "@" + name;
}
