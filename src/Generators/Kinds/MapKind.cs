using System.Globalization;
using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>A field of another kind for each key. That kind says what becomes of the values; this one puts keys before it.</summary>
internal sealed class MapKind : FieldKind
{
    // What a merge of the fullest map may cost a server, about ten milliseconds.
    private const int MaxElements = 10_000;
    private const int MaxSketches = 100;

    // The members of Sluice.MapOf, in order.
    private static readonly string[] Members = ["Sum", "Count", "Max", "Min", "Average", "Diff", "First", "Last", "Window", "List", "Set", "Distinct", "Histogram"];

    // Which of the members an option is for.
    private static readonly (string Option, string[] For)[] Options =
    [
        ("Scale", ["Sum", "Diff", "Average"]),
        ("Size", ["Window", "List", "Set"]),
        ("Keep", ["List"]),
        ("RelativeError", ["Histogram"]),
        ("ContributionType", ["Average", "Distinct"]),
    ];

    public override string Attribute => "Sluice.MapAttribute";

    public override string Display => "[Map]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        if (declaration.Property.Type is not INamedTypeSymbol { TypeArguments.Length: 2, NullableAnnotation: not NullableAnnotation.Annotated } view
            || NameOf(view.OriginalDefinition) != "global::Sluice.MapView<TKey, TValue>"
            || Elements.OfCollection(NameOf(view.TypeArguments[0])) is not ({ } keySuffix, var codec))
        {
            return declaration.RefuseType("[Map] takes MapView<TKey, TValue> with keys of the types string, long and Guid");
        }

        if (declaration.ArgumentAt(0) is not int capacity || declaration.ArgumentAt(1) is not int of)
            return null; // The compiler has reported the arguments already.
        if (capacity is < 1 or > WindowKind.MaxSize)
            return declaration.RefuseParameter($"a map keeps 1 to {WindowKind.MaxSize} keys, not {capacity}");
        if (of < 0 || of >= Members.Length)
            return declaration.RefuseParameter("a map is one of the members of MapOf");
        if (Values(declaration, Members[of], view.TypeArguments[1], capacity) is not { } values)
            return null;
        string key = NameOf(view.TypeArguments[0]);
        return values.EventType is null ? Counted(capacity, key, keySuffix, codec, values) : Merged(capacity, key, keySuffix, codec, NameOf(view.TypeArguments[1]), values);
    }

    /// <summary>What the kind makes of the values, or null when it refuses them.</summary>
    private static FieldShape? Values(FieldDeclaration declaration, string of, ITypeSymbol type, int capacity)
    {
        if (WhyNever(type) is { } why)
            return declaration.RefuseType(why);
        foreach ((string option, string[] members) in Options)
        {
            if (declaration.Option(option) is not null && !members.Contains(of))
                return declaration.RefuseParameter($"{option} is for maps of {string.Join(", ", members.Select(static member => "MapOf." + member))}, not for MapOf.{of}");
        }

        object? argument = of switch
        {
            "Window" or "List" or "Set" => declaration.Option("Size"),
            "Average" or "Distinct" => declaration.Option("ContributionType"),
            "Histogram" => declaration.Option("RelativeError") ?? 0.01,
            _ => null,
        };
        if (argument is null && of is "Window" or "List" or "Set")
            return declaration.RefuseParameter($"a map of {of.ToLowerInvariant()}s needs how many contributions each key keeps, as in [Map(50, MapOf.{of}, Size = 10)]");
        if (argument is int size && size * (long)capacity > MaxElements)
            return declaration.RefuseParameter($"a map keeps at most {MaxElements} contributions for all its keys together, not {capacity} times {size}");
        if (of is "Distinct" or "Histogram" && capacity > MaxSketches)
            return declaration.RefuseParameter($"a map of {(of == "Distinct" ? "sketches" : "histograms")} keeps at most {MaxSketches} keys, not {capacity}");
        return FieldKinds.Find($"Sluice.{of}Attribute")!.Shape(declaration.OfValues(of, type, argument));
    }

    private static string? WhyNever(ITypeSymbol type) =>
        type.NullableAnnotation == NullableAnnotation.Annotated ? "a map shows only keys that were contributed to, so that its values are not nullable" :
        type is INamedTypeSymbol { Name: "MapView" } ? "a map's values are not maps; make one key that holds both parts" :
        OpaqueKind.IsStateOfItself(type) ? "a map has no opaque values, because opaque deltas are replaced field by field; keep the keys in the state, in one [Opaque] field" :
        null;

    private static FieldShape Merged(int capacity, string key, string keySuffix, string codec, string value, FieldShape values)
    {
        string contribution = values.EventType!.TrimEnd('?');
        string accept = $"static (contribution, property) => {values.Accept}(contribution, property{values.AcceptArguments})";
        bool isText = contribution == "string";
        bool judges = values.Accept is not null;
        return Of(capacity, key, keySuffix, codec, contribution, value, values) with
        {
            EventType = $"global::System.Collections.Generic.KeyValuePair<{key}, {contribution}>?",
            EventSummary = "Is merged into the value of its key in {0}; null contributes nothing.",
            Accept = keySuffix == "utf8" || judges ? Fields + (judges && isText ? "MapContribution.AcceptText" : "MapContribution.Accept") : null,
            AcceptArguments = judges && !isText ? ", " + accept : "",
            Unwrapped = "{0}.Key, {0}.Value",
        };
    }

    private static FieldShape Counted(int capacity, string key, string keySuffix, string codec, FieldShape values) =>
        Of(capacity, key, keySuffix, codec, "long", "long", values) with
        {
            EventType = key + "?",
            EventSummary = "Is counted in {0}; null contributes nothing.",
            Accept = keySuffix == "utf8" ? Fields + "StringElement.Accept" : null,
            Unwrapped = "{0}, " + values.Contribution,
        };

    private static FieldShape Of(int capacity, string key, string keySuffix, string codec, string contribution, string value, FieldShape values)
    {
        string parameter = ", " + values.Parameter.ToString(CultureInfo.InvariantCulture);
        string both = capacity.ToString(CultureInfo.InvariantCulture) + parameter;
        string entry = values.Guard == "CanSubtract" ? $"{Fields}DifferenceState<{values.StateType}, {contribution}>" : values.StateType;
        return new FieldShape
        {
            WireKind = $"map.{keySuffix}.{values.WireKind}",
            Parameter = capacity,
            ValueParameter = values.Parameter,
            StateType = $"{Fields}MapState<{key}, {Fields}{codec}, {entry}, {contribution}, {value}>",
            Guard = values.Guard is null ? null : "CanAdd",
            GuardArguments = parameter,
            MergeArguments = $", {both}, in context",
            ReadArguments = ", " + both,
            View = $"View({both})",
        };
    }
}
