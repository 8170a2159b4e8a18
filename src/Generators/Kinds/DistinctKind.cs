using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class DistinctKind : FieldKind
{
    // The precision of the sketch, which is that of Redis.
    private const int Precision = 14;

    public override string Attribute => "Sluice.DistinctAttribute";

    public override string Display => "[Distinct]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        if (NameOf(declaration.Type) != "global::Sluice.DistinctView")
            return declaration.RefuseType($"[Distinct] takes DistinctView; give the type of the values to the attribute, as in {declaration.Example("Distinct(typeof(long))", "ContributionType = typeof(long)")}");
        string element = declaration.Argument is ITypeSymbol type ? NameOf(type) : "string";
        string? suffix = element switch
        {
            "string" => "utf8",
            "long" => "i64",
            "global::System.Guid" => "guid",
            _ => null,
        };
        if (suffix is null)
            return declaration.RefuseParameter($"[Distinct] counts values of the types string, long and Guid, not {TypeNames.Short(element)}");
        return new FieldShape
        {
            WireKind = "distinct." + suffix,
            Parameter = Precision,
            StateType = Fields + "DistinctState",
            EventType = element + "?",
            EventSummary = "Is counted in {0} once however often it is contributed; null contributes nothing.",
            View = "View",
        };
    }
}
