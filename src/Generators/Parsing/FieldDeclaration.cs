using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;

namespace Sluice.Generators.Parsing;

/// <summary>A property with the attribute that makes it a field, while it is looked at.</summary>
internal readonly struct FieldDeclaration(IPropertySymbol property, AttributeData attribute, List<DiagnosticModel> findings)
{
    public IPropertySymbol Property { get; } = property;

    /// <summary>The type that the field is to have: the property's, or that of a map's values.</summary>
    public ITypeSymbol Type { get; private init; } = property.Type;

    public AttributeData Attribute { get; } = attribute;

    /// <summary>The attribute's one argument, or null when it has none or a wrong one.</summary>
    public object? Argument { get; private init; } = AttributeArguments.Single(attribute);

    /// <summary>Which member of MapOf the declaration stands for, when it is that of a map's values.</summary>
    public string? MapOf { get; private init; }

    /// <summary>The same attribute as a declaration of what a map keeps for each of its keys.</summary>
    public FieldDeclaration OfValues(string mapOf, ITypeSymbol type, object? argument) => this with { Type = type, Argument = argument, MapOf = mapOf };

    /// <summary>An attribute with what it lacks: as a field's own, or as that of a map.</summary>
    public string Example(string own, string option) => MapOf is null ? $"[{own}]" : $"[Map(50, MapOf.{MapOf}, {option})]";

    /// <summary>The attribute's arguments in order; null for a wrong one.</summary>
    public object? ArgumentAt(int index) =>
        index < Attribute.ConstructorArguments.Length && Attribute.ConstructorArguments[index] is { Kind: not TypedConstantKind.Array } argument ? argument.Value : null;

    /// <summary>The value of one of the attribute's options, or null when it was not given.</summary>
    public object? Option(string name)
    {
        foreach (KeyValuePair<string, TypedConstant> option in Attribute.NamedArguments)
        {
            if (option.Key == name && option.Value.Kind != TypedConstantKind.Array)
                return option.Value.Value;
        }

        return null;
    }

    /// <summary>Reports that the kind does not take the property's type.</summary>
    public FieldShape? RefuseType(string whatItTakes)
    {
        if (MapOf is not null)
            whatItTakes = "for each key of a map, " + whatItTakes;
        findings.Add(DiagnosticModel.Create(Findings.UnsupportedFieldType, Property.Locations[0], Property.Name, TypeNames.Short(Property.Type), whatItTakes));
        return null;
    }

    /// <summary>Reports that an argument or an option of the attribute is out of range, missing, or not for this type.</summary>
    public FieldShape? RefuseParameter(string why)
    {
        Location? location = Attribute.ApplicationSyntaxReference?.GetSyntax().GetLocation();
        findings.Add(DiagnosticModel.Create(Findings.BadParameter, location, Property.Name, why));
        return null;
    }
}

/// <summary>Reads what an attribute was given.</summary>
internal static class AttributeArguments
{
    /// <summary>The value of the only constructor argument, or null; the compiler has reported a wrong one already.</summary>
    public static object? Single(AttributeData attribute) =>
        attribute.ConstructorArguments.Length == 1 && attribute.ConstructorArguments[0].Kind != TypedConstantKind.Array ? attribute.ConstructorArguments[0].Value : null;
}
