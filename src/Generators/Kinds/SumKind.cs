using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class SumKind : FieldKind
{
    public override string Attribute => "Sluice.SumAttribute";

    public override string Display => "[Sum]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Property.Type);
        string? wireKind = type switch
        {
            "long" => "sum.i64",
            "int" => "sum.i32",
            _ => null,
        };
        if (wireKind is null)
            return declaration.RefuseType("[Sum] takes long and int, whose sums are exact in any order");
        return new FieldShape
        {
            WireKind = wireKind,
            StateType = $"{Fields}SumState<{type}>",
            EventType = type,
            EventSummary = "Is added to {0}; 0 adds nothing.",
            Guard = "CanAdd",
            View = "Total",
        };
    }
}
