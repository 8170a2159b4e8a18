using System.Globalization;
using Microsoft.CodeAnalysis;
using Sluice.Generators.Model;
using Sluice.Generators.Parsing;

namespace Sluice.Generators.Kinds;

internal sealed class OpaqueKind : FieldKind
{
    private const int MaxVersion = 65535;

    public override string Attribute => "Sluice.OpaqueAttribute";

    public override string Display => "[Opaque]";

    public override FieldShape? Shape(FieldDeclaration declaration)
    {
        ITypeSymbol type = declaration.Type;
        if (type.NullableAnnotation == NullableAnnotation.Annotated || !IsStateOfItself(type))
            return declaration.RefuseType("[Opaque] takes a type that implements IOpaqueState of itself, not nullable");
        if (declaration.Argument is not int version)
            return null; // The compiler has reported the argument already.
        if (version is < 1 or > MaxVersion)
            return declaration.RefuseParameter($"the version of an opaque state is 1 to {MaxVersion.ToString(CultureInfo.InvariantCulture)}, not {version.ToString(CultureInfo.InvariantCulture)}");
        return new FieldShape
        {
            WireKind = "opaque",
            Parameter = version,
            StateType = $"{Fields}OpaqueState<{NameOf(type)}>",
            EventType = $"global::Sluice.Opaque<{NameOf(type)}>",
            EventSummary = "Is merged into {0} by its own code; the default contributes nothing.",
            Guard = "CanTake",
            Refusal = "Crowded",
            MergeArguments = ", in context",
            View = "View",
            Folds = true,
        };
    }

    public static bool IsStateOfItself(ITypeSymbol type) =>
        type.TypeKind is TypeKind.Class or TypeKind.Struct && type.AllInterfaces.Any(implemented =>
            NameOf(implemented.OriginalDefinition) == "global::Sluice.IOpaqueState<TSelf>" && SymbolEqualityComparer.Default.Equals(implemented.TypeArguments[0], type));
}
