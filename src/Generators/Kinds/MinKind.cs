using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class MinKind : FieldKind
{
    public override string Attribute => "Sluice.MinAttribute";

    public override string Display => "[Min]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Type);
        string contribution = type.TrimEnd('?');
        (string? suffix, string order) = Ordinals.Of(contribution);
        if (suffix is null)
            return declaration.RefuseType($"[Min] takes {Ordinals.Supported}");
        return new FieldShape
        {
            WireKind = "min." + suffix,
            StateType = $"{Fields}MinState<{contribution}, {Fields}{order}>",
            EventType = contribution + "?",
            EventSummary = "Becomes {0} if it is the smallest so far; null contributes nothing.",
            Accept = suffix == "f64" ? Fields + "DoubleOrdinal.Accept" : null,
            View = type == contribution ? "ValueOrDefault" : "Value",
        };
    }
}
