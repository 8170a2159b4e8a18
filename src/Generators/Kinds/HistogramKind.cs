using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class HistogramKind : FieldKind
{
    private const int MinPrecision = 2;
    private const int MaxPrecision = 9;

    public override string Attribute => "Sluice.HistogramAttribute";

    public override string Display => "[Histogram]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        if (NameOf(declaration.Type) != "global::Sluice.HistogramView")
            return declaration.RefuseType("[Histogram] takes HistogramView");
        if (declaration.Argument is not double error)
            return null; // The compiler has reported the argument already.
        if (!(error >= ErrorOf(MaxPrecision) && error <= ErrorOf(MinPrecision)))
            return declaration.RefuseParameter($"a histogram's relative error lies between 1/1024 and 1/8, not {error.ToString(CultureInfo.InvariantCulture)}");
        int precision = MinPrecision;
        while (ErrorOf(precision) > error)
            precision++;
        string text = precision.ToString(CultureInfo.InvariantCulture);
        return new FieldShape
        {
            WireKind = "histogram",
            Parameter = precision,
            StateType = Fields + "HistogramState",
            EventType = "double?",
            EventSummary = "Is counted in {0}; null contributes nothing, 0 does.",
            Accept = Fields + "HistogramState.Accept",
            Guard = "CanAdd",
            MergeArguments = ", " + text,
            ReadArguments = ", " + text,
            View = $"View({text})",
        };
    }

    // Half the width of a bucket: a power of two is divided into 2^precision of them.
    private static double ErrorOf(int precision) => 1.0 / (2 << precision);
}
