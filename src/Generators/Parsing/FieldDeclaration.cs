using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;

namespace Sluice.Generators.Parsing;

/// <summary>A property with the attribute that makes it a field, while it is looked at.</summary>
internal readonly struct FieldDeclaration(IPropertySymbol property, AttributeData attribute, List<DiagnosticModel> findings)
{
    public IPropertySymbol Property { get; } = property;

    public AttributeData Attribute { get; } = attribute;

    /// <summary>The attribute's one argument, or null when it has none or a wrong one.</summary>
    public object? Argument { get; } = AttributeArguments.Single(attribute);

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
