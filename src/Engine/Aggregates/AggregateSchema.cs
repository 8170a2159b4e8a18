using System.Collections.Immutable;
using System.Text;
using Sluice.Hashing;

namespace Sluice.Aggregates;

/// <summary>One declared field of an aggregate as its stored form knows it: position, name, kind and parameter.</summary>
/// <param name="Name">The property's name; it is part of the fingerprint, so that renaming a field starts a new schema.</param>
/// <param name="Kind">The wire kind, for example <c>sum.i64</c>; it selects the merger of the field's bytes.</param>
/// <param name="Parameter">The kind's parameter (a window's size, a sketch's precision), or 0 where the kind has none.</param>
/// <param name="ValueParameter">The parameter of the kind of a map's values, or 0 where that has none and in other fields.</param>
public sealed record FieldSchema(string Name, string Kind, int Parameter = 0, int ValueParameter = 0);

/// <summary>
/// The stored form of an aggregate: its name and its fields in declaration order. Two programs share resources only when their fingerprints are
/// equal; versions with different fingerprints live side by side, each in a namespace of its own.
/// </summary>
/// <remarks>Immutable and safe to share between threads.</remarks>
public sealed class AggregateSchema
{
    /// <summary>The most fields that one aggregate may declare.</summary>
    public const int MaxFields = 64;

    /// <summary>Describes an aggregate.</summary>
    /// <param name="name">The stored name, 1 to 64 characters of <c>a-z A-Z 0-9 . _ -</c>.</param>
    /// <param name="fields">The fields, 1 to <see cref="MaxFields"/>.</param>
    /// <exception cref="ArgumentException">The name or the number of fields is outside its range.</exception>
    public AggregateSchema(string name, params ImmutableArray<FieldSchema> fields)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Length > 64 || !name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            throw new ArgumentException($"The aggregate name '{name}' must have 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'.", nameof(name));
        if (fields.IsDefaultOrEmpty || fields.Length > MaxFields)
            throw new ArgumentException($"Aggregate '{name}' must declare 1 to {MaxFields} fields.", nameof(fields));
        Name = name;
        Fields = fields;
        StringBuilder text = new(name);
        foreach (FieldSchema field in fields)
        {
            text.Append('\n').Append(field.Name).Append(' ').Append(field.Kind).Append(' ').Append(field.Parameter);
            if (field.ValueParameter != 0)
                text.Append(' ').Append(field.ValueParameter);
        }

        Fingerprint = XxHash64.Hash(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>The stored name.</summary>
    public string Name { get; }

    /// <summary>The fields in declaration order; a field's index here is its index on the wire.</summary>
    public ImmutableArray<FieldSchema> Fields { get; }

    /// <summary>XxHash64 of name, field names, kinds and parameters: equal exactly when the stored form is the same.</summary>
    public ulong Fingerprint { get; }

    /// <summary>True when there is a field that only the application's code can merge.</summary>
    internal bool HasOpaqueFields => Fields.Any(static declared => declared.Kind == Wire.OpaquePayload.Kind);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Fingerprint:x16})";
}
