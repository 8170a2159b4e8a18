using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>A sum of negations: on the wire it is a sum, and so it merges like one.</summary>
internal sealed class DiffKind : FieldKind
{
    public override string Attribute => "Sluice.DiffAttribute";

    public override string Display => "[Diff]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string type = NameOf(declaration.Type);
        long initial = declaration.Option("Initial") as long? ?? 0;
        string begin = initial.ToString(CultureInfo.InvariantCulture);
        if (type == "decimal")
        {
            if (FixedPoint.ScaleOf(declaration, out FieldShape? refused) is not { } scale)
                return refused;
            return ShapeOf("sum.dec", Fields + "FixedPointSumState", type, $"TotalFrom({begin}{FixedPoint.Argument(scale)})") with
            {
                Parameter = scale,
                Accept = FixedPoint.Accept,
                AcceptArguments = FixedPoint.Argument(scale),
                GuardArguments = FixedPoint.Argument(scale),
                MergeArguments = FixedPoint.Argument(scale),
            };
        }

        if (type is not ("long" or "int" or "double"))
            return declaration.RefuseType("[Diff] takes long, int and decimal, whose differences are exact in any order, and double, whose differences are rounded");
        if (!FixedPoint.IsWithoutScale(declaration))
            return null;
        if (type == "double")
            return ShapeOf("sum.f64", Fields + "DoubleSumState", type, $"TotalFrom({begin})") with { Accept = Fields + "DoubleSumState.Accept" };
        if (type == "int" && initial is < int.MinValue or > int.MaxValue)
            return declaration.RefuseParameter($"an int cannot begin with {begin}");
        return ShapeOf(type == "long" ? "sum.i64" : "sum.i32", $"{Fields}SumState<{type}>", type, $"TotalFrom({begin})");
    }

    private static FieldShape ShapeOf(string wireKind, string state, string type, string view) => new()
    {
        WireKind = wireKind,
        StateType = state,
        EventType = type,
        EventSummary = "Is subtracted from {0}; 0 subtracts nothing.",
        Guard = "CanSubtract",
        Merge = "Subtract",
        View = view,
    };
}
