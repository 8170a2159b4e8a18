using System.Globalization;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class WindowKind : FieldKind
{
    public const int MaxSize = 1000;

    public override string Attribute => "Sluice.WindowAttribute";

    public override string Display => "[Window]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        string? stamped = Elements.OfView(declaration.Type, "WindowView");
        string? element = stamped ?? Elements.OfView(declaration.Type, "ScoredView");
        (string? suffix, string codec) = Elements.OfCollection(element);
        if (suffix is null)
            return declaration.RefuseType("[Window] takes WindowView (the newest) and ScoredView (the highest) of string, long and Guid");
        if (declaration.Argument is not int size)
            return null; // The compiler has reported the argument already.
        if (size is < 1 or > MaxSize)
            return declaration.RefuseParameter($"a window keeps 1 to {MaxSize} contributions, not {size}");
        string text = size.ToString(CultureInfo.InvariantCulture);
        return new FieldShape
        {
            WireKind = (stamped is null ? "score." : "window.") + suffix,
            Parameter = size,
            StateType = $"{Fields}{(stamped is null ? "ScoredState" : "WindowState")}<{element}, {Fields}{codec}>",
            EventType = $"global::Sluice.{(stamped is null ? "Scored" : "Stamped")}<{element}>?",
            EventSummary = stamped is null
                ? "Goes into {0} at the place of its score; null contributes nothing."
                : "Goes into {0} at the place of its timestamp, or of the session clock if it has none; null contributes nothing.",
            Accept = suffix == "utf8" ? Fields + "StringElement.Accept" : null,
            MergeArguments = $", {text}, in context",
            ReadArguments = ", " + text,
            View = "View",
        };
    }
}
