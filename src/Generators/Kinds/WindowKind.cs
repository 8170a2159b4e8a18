using System.Globalization;
using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class WindowKind : FieldKind
{
    private const int MaxSize = 1000;

    public override string Attribute => "Sluice.WindowAttribute";

    public override string Display => "[Window]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string? element = declaration.Property.Type is INamedTypeSymbol { TypeArguments.Length: 1 } type
            && NameOf(type.OriginalDefinition) == "global::Sluice.WindowView<T>"
            && type.NullableAnnotation != NullableAnnotation.Annotated ? NameOf(type.TypeArguments[0]) : null;
        (string? suffix, string codec) = element switch
        {
            "string" => ("utf8", "StringElement"),
            "long" => ("i64", "Int64Element"),
            "global::System.Guid" => ("guid", "GuidElement"),
            _ => (null, ""),
        };
        if (suffix is null)
            return declaration.RefuseType("[Window] takes WindowView<string>, WindowView<long> and WindowView<Guid>");
        if (declaration.Argument is not int size)
            return null; // The compiler has reported the argument already.
        if (size is < 1 or > MaxSize)
            return declaration.RefuseParameter($"a window keeps 1 to {MaxSize} contributions, not {size}");
        string text = size.ToString(CultureInfo.InvariantCulture);
        return new FieldShape
        {
            WireKind = "window." + suffix,
            Parameter = size,
            StateType = $"{Fields}WindowState<{element}, {Fields}{codec}>",
            EventType = $"global::Sluice.Stamped<{element}>?",
            EventSummary = "Goes into {0} at the place of its timestamp, or of the session clock if it has none; null contributes nothing.",
            Accept = suffix == "utf8" ? Fields + "StringElement.Accept" : null,
            MergeArguments = $", {text}, in context",
            ReadArguments = ", " + text,
            View = "View",
        };
    }
}
