using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class SetKind : FieldKind
{
    public override string Attribute => "Sluice.SetAttribute";

    public override string Display => "[Set]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string? element = Elements.OfView(declaration.Type, "SetView");
        (string? suffix, string codec) = Elements.OfCollection(element);
        if (suffix is null)
            return declaration.RefuseType("[Set] takes SetView<string>, SetView<long> and SetView<Guid>");
        if (declaration.Argument is not int capacity)
            return null; // The compiler has reported the argument already.
        if (capacity is < 1 or > WindowKind.MaxSize)
            return declaration.RefuseParameter($"a set keeps 1 to {WindowKind.MaxSize} values, not {capacity}");
        string text = capacity.ToString(CultureInfo.InvariantCulture);
        return new FieldShape
        {
            WireKind = "set." + suffix,
            Parameter = capacity,
            StateType = $"{Fields}SetState<{element}, {Fields}{codec}>",
            EventType = element + "?",
            EventSummary = "Is in {0} once however often it is contributed; null contributes nothing.",
            Accept = suffix == "utf8" ? Fields + "StringElement.Accept" : null,
            Unwrapped = "{0}",
            MergeArguments = ", " + text,
            ReadArguments = ", " + text,
            View = $"View({text})",
        };
    }
}
