using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>A sum to which every event contributes one.</summary>
internal sealed class CountKind : FieldKind
{
    public override string Attribute => "Sluice.CountAttribute";

    public override string Display => "[Count]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        if (NameOf(declaration.Type) != "long")
            return declaration.RefuseType("[Count] takes long");
        return new FieldShape
        {
            WireKind = "sum.i64",
            StateType = Fields + "SumState<long>",
            Contribution = "1",
            Guard = "CanAdd",
            View = "Total",
        };
    }
}
