using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>The earliest or the latest contribution, which differ in the order alone.</summary>
internal sealed class FirstOrLastKind(string name, string wireKind, string order, string superlative) : FieldKind
{
    public override string Attribute => $"Sluice.{name}Attribute";

    public override string Display => $"[{name}]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Type);
        string contribution = type.TrimEnd('?');
        (string? suffix, string codec) = Elements.OfValue(contribution);
        if (suffix is null)
            return declaration.RefuseType($"{Display} takes string?, long, int, double, DateTimeOffset, TimeSpan and Guid, nullable or not");
        if (suffix == "utf8" && declaration.MapOf is null && declaration.Type.NullableAnnotation == NullableAnnotation.NotAnnotated)
            return declaration.RefuseType($"{Display} takes string?, which is null when nothing was contributed");
        return new FieldShape
        {
            WireKind = wireKind + suffix,
            Parameter = 1,
            StateType = $"{Fields}FirstOrLastState<{contribution}, {Fields}{codec}, {Fields}{order}>",
            EventType = $"global::Sluice.Stamped<{contribution}>?",
            EventSummary = $"Becomes {{0}} if it is the {superlative} by its timestamp, or by the session clock if it has none; null contributes nothing.",
            Accept = suffix == "utf8" ? Fields + "StringElement.Accept" : null,
            MergeArguments = ", in context",
            // Where nullable annotations are off, a string may be null without saying so.
            View = suffix == "utf8" && type == contribution ? "ValueOrDefault!" : "ValueOrDefault",
            IsNullWhenEmpty = type != contribution,
        };
    }
}
