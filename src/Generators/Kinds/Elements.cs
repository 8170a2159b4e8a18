using Microsoft.CodeAnalysis;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>The types whose values are kept as bytes.</summary>
internal static class Elements
{
    /// <summary>What collections take.</summary>
    public static (string? Suffix, string Codec) OfCollection(string? type) => type switch
    {
        "string" => ("utf8", "StringElement"),
        "long" => ("i64", "Int64Element"),
        "global::System.Guid" => ("guid", "GuidElement"),
        _ => (null, ""),
    };

    /// <summary>What a field of one value takes.</summary>
    public static (string? Suffix, string Codec) OfValue(string type) => type switch
    {
        "int" => ("i32", "Int32Element"),
        "double" => ("f64", "DoubleElement"),
        "global::System.DateTimeOffset" => ("time", "InstantElement"),
        "global::System.TimeSpan" => ("span", "DurationElement"),
        _ => OfCollection(type),
    };

    /// <summary>The type argument of a view, if the property is of that view's type.</summary>
    public static string? OfView(ITypeSymbol type, string view) =>
        type is INamedTypeSymbol { TypeArguments.Length: 1, NullableAnnotation: not NullableAnnotation.Annotated } named
        && TypeNames.Full(named.OriginalDefinition) == $"global::Sluice.{view}<T>" ? TypeNames.Full(named.TypeArguments[0]) : null;
}
