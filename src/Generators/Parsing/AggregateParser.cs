using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Sluice.Generators.Kinds;
using Sluice.Generators.Model;

namespace Sluice.Generators.Parsing;

/// <summary>The outcome of reading one declaration: a model, or what is wrong with it.</summary>
internal sealed record ParsedAggregate(AggregateModel? Model, EquatableArray<DiagnosticModel> Findings);

/// <summary>Reads the declaration of an aggregate, and reports everything that is wrong with it at once.</summary>
internal sealed class AggregateParser
{
    private const string KeyAttribute = "Sluice.KeyAttribute";
    private const int MaxFields = 64;
    private const int MaxNameLength = 64;

    private static readonly ImmutableArray<string> GeneratedMembers = ["Event", "State", "Definition"];

    private readonly INamedTypeSymbol _type;
    private readonly TypeDeclarationSyntax _declaration;
    private readonly List<DiagnosticModel> _findings = [];
    private readonly List<FieldModel> _fields = [];
    private KeyModel? _key;
    private bool _declaresKey;
    private int _declaredFields;

    private AggregateParser(INamedTypeSymbol type, TypeDeclarationSyntax declaration)
    {
        _type = type;
        _declaration = declaration;
    }

    public static ParsedAggregate Parse(GeneratorAttributeSyntaxContext context, CancellationToken cancellationToken)
    {
        AggregateParser parser = new((INamedTypeSymbol)context.TargetSymbol, (TypeDeclarationSyntax)context.TargetNode);
        AggregateModel? model = parser.Read(context.Attributes[0], cancellationToken);
        return new ParsedAggregate(model, new([.. parser._findings]));
    }

    private AggregateModel? Read(AttributeData attribute, CancellationToken cancellationToken)
    {
        ReadClass();
        string name = ReadName(attribute);
        foreach (IPropertySymbol property in _type.GetMembers().OfType<IPropertySymbol>())
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadProperty(property);
        }

        if (!_declaresKey)
            Report(Findings.NoKey, _declaration.Identifier.GetLocation(), _type.Name);
        if (_declaredFields == 0)
            Report(Findings.NoFields, _declaration.Identifier.GetLocation(), _type.Name, FieldKinds.Display);
        if (_declaredFields > MaxFields)
            Report(Findings.TooManyFields, _declaration.Identifier.GetLocation(), _type.Name, $"{_declaredFields}");
        if (_findings.Count != 0 || _key is null || _fields.Count != _declaredFields)
            return null;
        return new AggregateModel(
            _type.ContainingNamespace.IsGlobalNamespace ? null : _type.ContainingNamespace.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted)),
            new([.. ContainingTypes().Reverse().Select(DeclarationOf)]),
            TypeNames.Identifier(_type.Name),
            name,
            _key,
            new([.. _fields]),
            new([.. _type.GetMembers().Select(static member => member.Name).Distinct().OrderBy(static member => member, StringComparer.Ordinal)]));
    }

    private IEnumerable<INamedTypeSymbol> ContainingTypes()
    {
        for (INamedTypeSymbol? type = _type.ContainingType; type is not null; type = type.ContainingType)
            yield return type;
    }

    private static string DeclarationOf(INamedTypeSymbol type)
    {
        string keyword = type switch
        {
            { TypeKind: TypeKind.Interface } => "interface",
            { TypeKind: TypeKind.Struct, IsRecord: true } => "record struct",
            { TypeKind: TypeKind.Struct } => "struct",
            { IsRecord: true } => "record",
            _ => "class",
        };
        return $"partial {keyword} {TypeNames.Identifier(type.Name)}";
    }

    private void ReadClass()
    {
        Location location = _declaration.Identifier.GetLocation();
        if (!_declaration.Modifiers.Any(SyntaxKind.PartialKeyword))
            Report(Findings.NotPartial, location, _type.Name);
        foreach (INamedTypeSymbol outer in ContainingTypes())
        {
            if (!outer.DeclaringSyntaxReferences.Any(static part => part.GetSyntax() is TypeDeclarationSyntax syntax && syntax.Modifiers.Any(SyntaxKind.PartialKeyword)))
                Report(Findings.NotPartial, outer.Locations[0], outer.Name);
        }

        string? why =
            _type.IsRecord ? "is a record; records compare and copy in ways of their own" :
            _type.IsStatic ? "is static; snapshots are instances of it" :
            _type.IsAbstract ? "is abstract; snapshots are instances of it" :
            _type.IsGenericType || ContainingTypes().Any(static outer => outer.IsGenericType) ? "is generic or stands in a generic type; a stored form belongs to one type" :
            _type.IsFileLocal || ContainingTypes().Any(static outer => outer.IsFileLocal) ? "is local to its file; its other part stands in another file" :
            _declaration.ParameterList is not null ? "has a primary constructor; snapshots are made by a constructor of their own" :
            null;
        if (why is not null)
            Report(Findings.UnsupportedClass, location, _type.Name, why);

        foreach (string generated in GeneratedMembers)
        {
            if (_type.Name == generated)
                Report(Findings.ReservedName, location, generated, _type.Name);
            else if (_type.GetMembers(generated).FirstOrDefault() is { } member)
                Report(Findings.ReservedName, member.Locations[0], generated, _type.Name);
        }
    }

    private string ReadName(AttributeData attribute)
    {
        string name = AttributeArguments.Single(attribute) as string ?? "";
        if (name.Length is 0 or > MaxNameLength || !name.All(static c => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '.' or '_' or '-'))
            Report(Findings.BadName, attribute.ApplicationSyntaxReference?.GetSyntax().GetLocation(), name);
        return name;
    }

    private void ReadProperty(IPropertySymbol property)
    {
        AttributeData? keyAttribute = null;
        List<(FieldKind Kind, AttributeData Attribute)> kinds = [];
        foreach (AttributeData attribute in property.GetAttributes())
        {
            string attributeName = attribute.AttributeClass?.ToDisplayString() ?? "";
            if (attributeName == KeyAttribute)
                keyAttribute = attribute;
            else if (FieldKinds.Find(attributeName) is { } kind)
                kinds.Add((kind, attribute));
        }

        bool isKey = keyAttribute is not null;
        if (!isKey && kinds.Count == 0)
            return;
        bool isSecondKey = isKey && _declaresKey;
        _declaresKey |= isKey;
        if (!isKey || kinds.Count != 0)
            _declaredFields++;
        if (isKey ? kinds.Count > 0 : kinds.Count > 1)
        {
            string roles = string.Join(" and ", (isKey ? ["[Key]"] : Array.Empty<string>()).Concat(kinds.Select(static role => role.Kind.Display)));
            Report(Findings.SeveralRoles, property.Locations[0], property.Name, roles);
            return;
        }

        if (isSecondKey)
            Report(Findings.SecondKey, property.Locations[0], property.Name, _type.Name);
        if (!IsPartialGetter(property, out PropertyDeclarationSyntax? syntax))
            return;
        PropertyModel model = new(property.Name, string.Join(" ", syntax!.Modifiers.Select(static modifier => modifier.Text)), TypeNames.Full(property.Type));
        if (isKey)
            ReadKey(property, model);
        else if (kinds[0].Kind.Shape(new FieldDeclaration(property, kinds[0].Attribute, _findings)) is { } shape)
            _fields.Add(new FieldModel(model, shape));
    }

    private bool IsPartialGetter(IPropertySymbol property, out PropertyDeclarationSyntax? syntax)
    {
        syntax = property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() as PropertyDeclarationSyntax;
        string? why =
            !property.IsPartialDefinition || syntax is null ? "is not a partial property" :
            property.PartialImplementationPart is not null ? "has an implementation already" :
            property.IsStatic ? "is static" :
            property.IsRequired ? "is required" :
            property.SetMethod is { IsInitOnly: true } ? "has an init accessor" :
            property.SetMethod is not null ? "has a setter" :
            property.GetMethod is null ? "has no getter" :
            property.RefKind != RefKind.None ? "returns a reference" :
            null;
        if (why is not null)
            Report(Findings.NotAPartialGetter, property.Locations[0], property.Name, why, TypeNames.Short(property.Type));
        else if (syntax!.Parent != _declaration)
            Report(Findings.ScatteredFields, property.Locations[0], property.Name);
        return why is null;
    }

    private void ReadKey(IPropertySymbol property, PropertyModel model)
    {
        string? codec = model.Type switch
        {
            "string" => "String",
            "long" => "Int64",
            "int" => "Int32",
            "global::System.Guid" => "Guid",
            _ => null,
        };
        if (codec is null)
            Report(Findings.UnsupportedKeyType, property.Locations[0], property.Name, TypeNames.Short(property.Type));
        else
            _key ??= new KeyModel(model, "global::Sluice.Aggregates.KeyCodec." + codec);
    }

    private void Report(DiagnosticDescriptor finding, Location? location, params string[] arguments) =>
        _findings.Add(DiagnosticModel.Create(finding, location, arguments));
}
