using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

/// <summary>
/// One kind of field: the attribute that declares it, and what becomes of a property that carries it. A new kind is a file with a class like this,
/// a file with its state and a file with its merger, and a line in each of the tables that list the kinds: this generator's, that of the mergers, and
/// that of the descriptors which the scripts read.
/// </summary>
internal abstract class FieldKind
{
    protected const string Fields = "global::Sluice.Aggregates.Fields.";

    /// <summary>The attribute's full name.</summary>
    public abstract string Attribute { get; }

    /// <summary>The attribute as it is written, for messages.</summary>
    public abstract string Display { get; }

    /// <summary>Says what the declaration becomes, or reports why it cannot and returns null.</summary>
    public abstract FieldShape? Shape(FieldDeclaration declaration);

    /// <summary>The name of a type as this generator writes it: <c>long</c>, <c>global::System.Guid</c>, with <c>?</c> where it is nullable.</summary>
    protected static string NameOf(ITypeSymbol type) => TypeNames.Full(type);
}
