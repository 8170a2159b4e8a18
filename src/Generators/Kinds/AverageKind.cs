using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class AverageKind : FieldKind
{
    public override string Attribute => "Sluice.AverageAttribute";

    public override string Display => "[Average]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        if (NameOf(declaration.Type) != "global::Sluice.AverageView")
            return declaration.RefuseType($"[Average] takes AverageView; give the type of the contributions to the attribute, as in {declaration.Example("Average(typeof(int))", "ContributionType = typeof(int)")}");
        string contribution = declaration.Argument is ITypeSymbol type ? NameOf(type) : "long";
        if (contribution is not ("long" or "int" or "decimal"))
            return declaration.RefuseParameter($"[Average] takes contributions of the types long, int and decimal, whose sums are exact, not {TypeNames.Short(contribution)}");
        FieldShape shape = new()
        {
            WireKind = "average.i64",
            StateType = Fields + "AverageState",
            EventType = contribution + "?",
            EventSummary = "Is averaged into {0}; null contributes nothing, 0 does.",
            Guard = "CanAdd",
            View = "View(0)",
        };
        if (contribution != "decimal")
            return FixedPoint.IsWithoutScale(declaration) ? shape : null;
        if (FixedPoint.ScaleOf(declaration, out FieldShape? refused) is not { } scale)
            return refused;
        return shape with
        {
            WireKind = "average.dec",
            Parameter = scale,
            Accept = FixedPoint.Accept,
            AcceptArguments = FixedPoint.Argument(scale),
            GuardArguments = FixedPoint.Argument(scale),
            MergeArguments = FixedPoint.Argument(scale),
            View = $"View({scale})",
        };
    }
}
