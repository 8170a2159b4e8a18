namespace Sluice.Generators.Model;

/// <summary>An aggregate as the emitter needs it: text only, so that equal declarations give equal models whatever else was edited.</summary>
/// <param name="Namespace">The namespace, or null for the global one.</param>
/// <param name="ContainingTypes">The declarations around the class, outermost first, for example <c>partial class Outer</c>.</param>
/// <param name="ClassName">The class's name, escaped where it is a keyword.</param>
/// <param name="StoredName">The aggregate's stored name.</param>
/// <param name="Key">The key.</param>
/// <param name="Fields">The fields in declaration order.</param>
/// <param name="MemberNames">The names that the class uses itself.</param>
internal sealed record AggregateModel(
    string? Namespace,
    EquatableArray<string> ContainingTypes,
    string ClassName,
    string StoredName,
    KeyModel Key,
    EquatableArray<FieldModel> Fields,
    EquatableArray<string> MemberNames);

/// <summary>The key property.</summary>
/// <param name="Property">The property.</param>
/// <param name="Codec">The expression of its codec.</param>
internal sealed record KeyModel(PropertyModel Property, string Codec);

/// <summary>A declared property that the generator implements.</summary>
/// <param name="Name">The name as declared, without an escape.</param>
/// <param name="Modifiers">All modifiers as written, which the implementing part must repeat.</param>
/// <param name="Type">The fully qualified type.</param>
internal sealed record PropertyModel(string Name, string Modifiers, string Type);

/// <summary>A declared field.</summary>
/// <param name="Property">The property.</param>
/// <param name="Shape">What its kind makes of it.</param>
internal sealed record FieldModel(PropertyModel Property, FieldShape Shape);

/// <summary>What a kind of field makes of one declaration.</summary>
internal sealed record FieldShape
{
    /// <summary>The kind on the wire, for example <c>sum.i64</c>.</summary>
    public required string WireKind { get; init; }

    /// <summary>The kind's parameter on the wire.</summary>
    public int Parameter { get; init; }

    /// <summary>The parameter of the kind of a map's values.</summary>
    public int ValueParameter { get; init; }

    /// <summary>The type of the merged contributions.</summary>
    public required string StateType { get; init; }

    /// <summary>The type of one event's contribution; null when every event contributes the same, which <see cref="Contribution"/> says.</summary>
    public string? EventType { get; init; }

    /// <summary>What every event contributes, as an expression, when it is not the event that says it.</summary>
    public string Contribution { get; init; } = "";

    /// <summary>
    /// Where a contribution may be none: what of a contribution that is one the guard and the merge take, <c>{0}</c> being its name. Empty where they
    /// take the event's property as it is.
    /// </summary>
    public string Unwrapped { get; init; } = "";

    /// <summary>What the contribution does, one sentence for the event's documentation; <c>{0}</c> is a reference to the property.</summary>
    public string EventSummary { get; init; } = "";

    /// <summary>The method that makes or refuses a contribution when the event is made, called with the value and the property's name; null when every value is right.</summary>
    public string? Accept { get; init; }

    /// <summary>What <see cref="Accept"/> takes besides the value and the name.</summary>
    public string AcceptArguments { get; init; } = "";

    /// <summary>The state's method that says whether a contribution fits; null when every contribution does. It takes the contribution and <see cref="GuardArguments"/>.</summary>
    public string? Guard { get; init; }

    /// <summary>What <see cref="Guard"/> takes besides the contribution.</summary>
    public string GuardArguments { get; init; } = "";

    /// <summary>The state's method that takes the contribution in.</summary>
    public string Merge { get; init; } = "Merge";

    /// <summary>The outcome when <see cref="Guard"/> says no.</summary>
    public string Refusal { get; init; } = "Overflow";

    /// <summary>Whether merging the field's deltas takes the application's code.</summary>
    public bool Folds { get; init; }

    /// <summary>What a merge takes besides the contribution, for example <c>, 10, in context</c>.</summary>
    public string MergeArguments { get; init; } = "";

    /// <summary>What a read takes besides the payload.</summary>
    public string ReadArguments { get; init; } = "";

    /// <summary>The state's member that the snapshot shows, with its arguments if it is a method.</summary>
    public required string View { get; init; }

    /// <summary>True when the snapshot shows null for an empty field, and the view only otherwise.</summary>
    public bool IsNullWhenEmpty { get; init; }

    /// <summary>The expression of what the snapshot shows.</summary>
    public string ViewOf(string state) => IsNullWhenEmpty ? $"{state}.IsEmpty ? null : {state}.{View}" : $"{state}.{View}";
}
