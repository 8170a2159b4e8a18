using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Sluice.Packages.Tests.Listing;

/// <summary>Everything of an assembly that others can compile against, one declaration a line, in an order that does not depend on the compiler.</summary>
internal static class PublicApiListing
{
    public static string Of(Assembly assembly)
    {
        StringBuilder listing = new();
        IEnumerable<IGrouping<string, Type>> spaces = assembly.GetTypes()
            .Where(IsVisible)
            .GroupBy(type => type.Namespace ?? "", StringComparer.Ordinal)
            .OrderBy(space => space.Key, StringComparer.Ordinal);
        foreach (IGrouping<string, Type> space in spaces)
        {
            listing.Append($"namespace {space.Key}\n");
            foreach (Type type in space.OrderBy(TypeNames.Declaration, StringComparer.Ordinal))
            {
                listing.Append($"\n  {Header(type)}\n");
                if (IsDelegate(type))
                    continue;
                foreach (string member in MemberSignatures.Of(type))
                    listing.Append($"    {member}\n");
            }

            listing.Append('\n');
        }

        return listing.Length == 0 ? "nothing is public\n" : listing.ToString().TrimEnd('\n') + "\n";
    }

    private static string Header(Type type)
    {
        string prefix = MemberSignatures.Attributes(type) + (type.IsNestedFamily || type.IsNestedFamORAssem ? "protected " : "public ");
        string name = TypeNames.Declaration(type);
        Type[] parameters = type.GetGenericArguments();
        if (IsDelegate(type))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            return $"{prefix}delegate {MemberSignatures.Return(invoke)} {name}{MemberSignatures.Parameters(invoke)}{TypeNames.Constraints(parameters)}";
        }

        string bases = string.Join(", ", Bases(type));
        return $"{prefix}{Kind(type)} {name}{(bases.Length == 0 ? "" : " : " + bases)}{TypeNames.Constraints(parameters)}";
    }

    private static string Kind(Type type)
    {
        if (type.IsEnum)
            return "enum";
        if (type.IsInterface)
            return "interface";
        if (type.IsValueType)
            return $"{(type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "")}{(type.IsByRefLike ? "ref " : "")}{(IsRecord(type, "PrintMembers") ? "record " : "")}struct";
        string inheritance = (type.IsAbstract, type.IsSealed) switch
        {
            (true, true) => "static ",
            (true, false) => "abstract ",
            (false, true) => "sealed ",
            _ => "",
        };
        return $"{inheritance}{(IsRecord(type, "<Clone>$") ? "record " : "")}class";
    }

    private static IEnumerable<string> Bases(Type type)
    {
        if (type.IsEnum)
            return [TypeNames.Use(Enum.GetUnderlyingType(type))];
        IEnumerable<string> interfaces = type.GetInterfaces()
            .Where(i => i.IsVisible && type.BaseType?.GetInterfaces().Contains(i) != true)
            .Select(i => TypeNames.Use(i))
            .Order(StringComparer.Ordinal);
        bool hasBase = type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType);
        return hasBase ? interfaces.Prepend(TypeNames.Use(type.BaseType!)) : interfaces;
    }

    private static bool IsRecord(Type type, string synthesised) =>
        type.GetMethod(synthesised, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)?.IsDefined(typeof(CompilerGeneratedAttribute)) == true;

    private static bool IsDelegate(Type type) => type.BaseType == typeof(MulticastDelegate);

    private static bool IsVisible(Type type)
    {
        if (type.Name.Contains('<', StringComparison.Ordinal))
            return false;
        return type.IsNested
            ? (type.IsNestedPublic || ((type.IsNestedFamily || type.IsNestedFamORAssem) && !type.DeclaringType!.IsSealed)) && IsVisible(type.DeclaringType!)
            : type.IsPublic;
    }
}
