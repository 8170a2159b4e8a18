using Microsoft.CodeAnalysis;

namespace Sluice.Generators;

/// <summary>What can be wrong with an aggregate's declaration. An identifier keeps its meaning for ever.</summary>
internal static class Findings
{
    public static readonly DiagnosticDescriptor NotPartial = Error(
        "SLUICE001", "An aggregate must be partial", "'{0}' must be declared partial, so that the aggregate's other part can be generated");

    public static readonly DiagnosticDescriptor UnsupportedClass = Error(
        "SLUICE002", "An aggregate must be a plain class", "'{0}' cannot be an aggregate, because it {1}");

    public static readonly DiagnosticDescriptor BadName = Error(
        "SLUICE003", "An aggregate needs a storable name", "'{0}' is not a name that an aggregate can be stored under: it must have 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'");

    public static readonly DiagnosticDescriptor NoKey = Error(
        "SLUICE004", "An aggregate needs a key", "'{0}' has no [Key] property, which would name its resources");

    public static readonly DiagnosticDescriptor SecondKey = Error(
        "SLUICE005", "An aggregate has one key", "'{0}' is a second [Key] of '{1}'; make one key that holds both parts");

    public static readonly DiagnosticDescriptor UnsupportedKeyType = Error(
        "SLUICE006", "A key must be text, a number or a Guid", "The key '{0}' is of type '{1}'; a key is a string, long, int or Guid");

    public static readonly DiagnosticDescriptor NoFields = Error(
        "SLUICE007", "An aggregate needs a field", "'{0}' declares no field to aggregate; add a property with {1}");

    public static readonly DiagnosticDescriptor TooManyFields = Error(
        "SLUICE008", "An aggregate has at most 64 fields", "'{0}' declares {1} fields; an aggregate has at most 64");

    public static readonly DiagnosticDescriptor SeveralRoles = Error(
        "SLUICE009", "A property is one thing", "'{0}' is declared {1}; a property is either the key or one kind of field");

    public static readonly DiagnosticDescriptor NotAPartialGetter = Error(
        "SLUICE010", "A field is a partial property with a getter", "'{0}' {1}; declare it like 'public partial {2} {0} {{ get; }}'");

    public static readonly DiagnosticDescriptor UnsupportedFieldType = Error(
        "SLUICE011", "The kind of field does not take this type", "'{0}' is of type '{1}'; {2}");

    public static readonly DiagnosticDescriptor BadParameter = Error(
        "SLUICE012", "The field's parameter is out of range", "'{0}': {1}");

    public static readonly DiagnosticDescriptor ReservedName = Error(
        "SLUICE013", "The name is taken by generated code", "'{0}' is the name of a member that is generated into '{1}'; choose another name");

    public static readonly DiagnosticDescriptor ScatteredFields = Error(
        "SLUICE014", "All fields stand in one declaration", "'{0}' is not declared where the [Aggregate] attribute is; the order of the fields is part of the stored form, and must not depend on the order of files");

    private static DiagnosticDescriptor Error(string id, string title, string message) =>
        new(id, title, message, "Sluice.Aggregates", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
