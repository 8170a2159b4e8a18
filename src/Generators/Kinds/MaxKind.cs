using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class MaxKind : FieldKind
{
    public override string Attribute => "Sluice.MaxAttribute";

    public override string Display => "[Max]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Type);
        string contribution = type.TrimEnd('?');
        (string? suffix, string order) = Ordinals.Of(contribution);
        if (suffix is null)
            return declaration.RefuseType($"[Max] takes {Ordinals.Supported}");
        return new FieldShape
        {
            WireKind = "max." + suffix,
            StateType = $"{Fields}MaxState<{contribution}, {Fields}{order}>",
            EventType = contribution + "?",
            EventSummary = "Becomes {0} if it is the greatest so far; null contributes nothing.",
            Accept = suffix == "f64" ? Fields + "DoubleOrdinal.Accept" : null,
            View = type == contribution ? "ValueOrDefault" : "Value",
        };
    }
}
