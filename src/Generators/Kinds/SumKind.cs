using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class SumKind : FieldKind
{
    public override string Attribute => "Sluice.SumAttribute";

    public override string Display => "[Sum]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Type);
        if (type == "decimal")
            return FixedPoint.ScaleOf(declaration, out FieldShape? refused) is { } scale ? OfDecimals(scale) : refused;
        string? wireKind = type switch
        {
            "long" => "sum.i64",
            "int" => "sum.i32",
            "double" => "sum.f64",
            _ => null,
        };
        if (wireKind is null)
            return declaration.RefuseType("[Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded");
        if (!FixedPoint.IsWithoutScale(declaration))
            return null;
        return new FieldShape
        {
            WireKind = wireKind,
            StateType = type == "double" ? Fields + "DoubleSumState" : $"{Fields}SumState<{type}>",
            EventType = type,
            EventSummary = "Is added to {0}; 0 adds nothing.",
            Accept = type == "double" ? Fields + "DoubleSumState.Accept" : null,
            Guard = "CanAdd",
            View = "Total",
        };
    }

    private static FieldShape OfDecimals(int scale) => new()
    {
        WireKind = "sum.dec",
        Parameter = scale,
        StateType = Fields + "FixedPointSumState",
        EventType = "decimal",
        EventSummary = "Is added to {0}; 0 adds nothing.",
        Accept = FixedPoint.Accept,
        AcceptArguments = FixedPoint.Argument(scale),
        Guard = "CanAdd",
        GuardArguments = FixedPoint.Argument(scale),
        MergeArguments = FixedPoint.Argument(scale),
        View = $"TotalFrom(0{FixedPoint.Argument(scale)})",
    };
}
