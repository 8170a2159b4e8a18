using System.Globalization;
using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class MapKind : FieldKind
{
    // The members of Sluice.MapOf.
    private const int Sum = 0, Count = 1, Max = 2, Min = 3, Average = 4;

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
        if (of is < Sum or > Average)
            return declaration.RefuseParameter("a map is one of the members of MapOf");
        string key = NameOf(view.TypeArguments[0]);
        string value = NameOf(view.TypeArguments[1]);
        Entry? entry = EntryOf(of, value);
        if (entry is null)
            return declaration.RefuseType(TakenBy(of));
        string text = capacity.ToString(CultureInfo.InvariantCulture);
        string wireKind = $"map.{keySuffix}.{entry.Kind}";
        bool takesPair = of != Count;
        return new FieldShape
        {
            WireKind = wireKind,
            Parameter = capacity,
            StateType = $"{Fields}MapState<{key}, {Fields}{codec}, {Fields}{entry.State}, {entry.Contribution}, {value}>",
            EventType = takesPair ? $"global::System.Collections.Generic.KeyValuePair<{key}, {entry.Contribution}>?" : key + "?",
            EventSummary = takesPair ? "Is merged into the value of its key in {0}; null contributes nothing." : "Is counted in {0}; null contributes nothing.",
            Accept = takesPair && (keySuffix == "utf8" || entry.Contribution == "double") ? Fields + "MapContribution.Accept"
                : !takesPair && keySuffix == "utf8" ? Fields + "StringElement.Accept"
                : null,
            AcceptArguments = takesPair ? $", isSum: {(of == Sum ? "true" : "false")}" : "",
            Unwrapped = takesPair ? "{0}.Key, {0}.Value" : "{0}, 1",
            Guard = of is Max or Min ? null : "CanAdd",
            MergeArguments = ", " + text,
            ReadArguments = $", {text}, \"{wireKind}\"",
            View = $"View({text})",
        };
    }

    private static Entry? EntryOf(int of, string value) => (of, value) switch
    {
        (Sum, "long") => new Entry("sum.i64", "SumState<long>", value),
        (Sum, "int") => new Entry("sum.i32", "SumState<int>", value),
        (Sum, "double") => new Entry("sum.f64", "DoubleSumState", value),
        (Count, "long") => new Entry("sum.i64", "SumState<long>", value),
        (Average, "global::Sluice.AverageView") => new Entry("average.i64", "AverageState", "long"),
        (Max or Min, _) when Ordinals.Of(value) is ({ } suffix, var order) =>
            new Entry((of == Max ? "max." : "min.") + suffix, $"{(of == Max ? "Max" : "Min")}State<{value}, {Fields}{order}>", value),
        _ => null,
    };

    private static string TakenBy(int of) => of switch
    {
        Sum => "a map of sums has values of the types long, int and double",
        Count => "a map of counts has values of the type long",
        Average => "a map of averages has values of the type AverageView",
        _ => "a map of extrema has values of the types long, int, double, DateTimeOffset and TimeSpan",
    };

    /// <summary>The field of a key: its kind on the wire, its state, and what is contributed to it.</summary>
    private sealed record Entry(string Kind, string State, string Contribution);
}
