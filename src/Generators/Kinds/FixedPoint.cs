using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>The option that says how many decimal places a field of decimals keeps.</summary>
internal static class FixedPoint
{
    public const string Accept = "global::Sluice.Aggregates.Fields.FixedPoint.Accept";

    private const string Option = "Scale";
    private const int MaxScale = 18;

    /// <summary>The declared scale of a field of decimals, or why there is none.</summary>
    public static int? ScaleOf(FieldDeclaration declaration, out FieldShape? refused)
    {
        refused = null;
        switch (declaration.Option(Option))
        {
            case int scale and >= 0 and <= MaxScale:
                return scale;
            case int scale:
                refused = declaration.RefuseParameter($"a scale lies between 0 and {MaxScale}, not {scale}");
                return null;
            default:
                string example = declaration.Attribute.AttributeClass?.Name is "AverageAttribute" ? "Average(typeof(decimal), Scale = 2)" : $"{declaration.Attribute.AttributeClass?.Name.Replace("Attribute", "")}(Scale = 2)";
                refused = declaration.RefuseParameter($"a decimal needs the number of its decimal places, as in {declaration.Example(example, "Scale = 2")}; it is part of the stored form");
                return null;
        }
    }

    /// <summary>Reports a scale where the type has none; true when there is nothing to report.</summary>
    public static bool IsWithoutScale(FieldDeclaration declaration)
    {
        if (declaration.Option(Option) is null)
            return true;
        declaration.RefuseParameter("Scale is for decimal alone");
        return false;
    }

    /// <summary>A scale as a further argument.</summary>
    public static string Argument(int scale) => ", " + scale.ToString(CultureInfo.InvariantCulture);
}
