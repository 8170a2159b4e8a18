using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class ListKind : FieldKind
{
    private const int KeepFirst = 1;

    public override string Attribute => "Sluice.ListAttribute";

    public override string Display => "[List]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string? element = Elements.OfView(declaration.Type, "ListView");
        (string? suffix, string codec) = Elements.OfCollection(element);
        if (suffix is null)
            return declaration.RefuseType("[List] takes ListView<string>, ListView<long> and ListView<Guid>");
        if (declaration.Argument is not int capacity)
            return null; // The compiler has reported the argument already.
        if (capacity is < 1 or > WindowKind.MaxSize)
            return declaration.RefuseParameter($"a list keeps 1 to {WindowKind.MaxSize} contributions, not {capacity}");
        int keep = declaration.Option("Keep") as int? ?? 0;
        if (keep is < 0 or > KeepFirst)
            return declaration.RefuseParameter("a list keeps ListEnd.Last or ListEnd.First");
        string text = capacity.ToString(CultureInfo.InvariantCulture);
        return new FieldShape
        {
            WireKind = (keep == KeepFirst ? "list.first." : "list.last.") + suffix,
            Parameter = capacity,
            StateType = $"{Fields}ListState<{element}, {Fields}{codec}, {Fields}{(keep == KeepFirst ? "EarliestFirst" : "LatestFirst")}>",
            EventType = $"global::Sluice.Stamped<{element}>?",
            EventSummary = "Goes into {0} at the place of its timestamp, or of the session clock if it has none; null contributes nothing.",
            Accept = suffix == "utf8" ? Fields + "StringElement.Accept" : null,
            MergeArguments = $", {text}, in context",
            ReadArguments = ", " + text,
            View = "View",
        };
    }
}
