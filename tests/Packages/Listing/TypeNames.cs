using System.Reflection;
using System.Text;

namespace Sluice.Packages.Tests.Listing;

/// <summary>Types as C# writes them, with the nullability of references.</summary>
internal static class TypeNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
    };

    /// <summary>The name of a type as it is used, e.g. <c>ReadOnlySpan&lt;KeyValuePair&lt;TKey, TEvent&gt;&gt;</c>.</summary>
    public static string Use(Type type, NullabilityInfo? nullability = null)
    {
        if (type.IsByRef)
            return Use(type.GetElementType()!, nullability);
        string mark = IsMarkedNullable(type, nullability) ? "?" : "";
        if (type.IsArray)
            return $"{Use(type.GetElementType()!, nullability?.ElementType)}[{new string(',', type.GetArrayRank() - 1)}]{mark}";
        if (type.IsPointer)
            return $"{Use(type.GetElementType()!)}*";
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return $"{Use(underlying)}?";
        if (type.IsGenericParameter)
            return type.Name + mark;
        return (Keywords.TryGetValue(type, out string? keyword) ? keyword : Named(type, nullability)) + mark;
    }

    /// <summary>The name of a type as it is declared, without its namespace and with the types it is nested in.</summary>
    public static string Declaration(Type type) => Named(type, null);

    /// <summary>The <c>where</c> clauses of a generic type or method, or nothing.</summary>
    public static string Constraints(Type[] parameters)
    {
        StringBuilder clauses = new();
        foreach (Type parameter in parameters)
        {
            List<string> constraints = [];
            GenericParameterAttributes attributes = parameter.GenericParameterAttributes;
            bool isStruct = attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
            bool isUnmanaged = parameter.CustomAttributes.Any(a => string.Equals(a.AttributeType.Name, "IsUnmanagedAttribute", StringComparison.Ordinal));
            if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
                constraints.Add(OwnNullability(parameter) == 2 ? "class?" : "class");
            else if (isStruct)
                constraints.Add(isUnmanaged ? "unmanaged" : "struct");
            else if (OwnNullability(parameter) == 1)
                constraints.Add("notnull");
            constraints.AddRange(parameter.GetGenericParameterConstraints().Where(c => c != typeof(ValueType)).Select(c => Use(c)).Order(StringComparer.Ordinal));
            if (attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) && !isStruct)
                constraints.Add("new()");
            if (attributes.HasFlag(GenericParameterAttributes.AllowByRefLike))
                constraints.Add("allows ref struct");
            if (constraints.Count > 0)
                clauses.Append($" where {parameter.Name} : {string.Join(", ", constraints)}");
        }

        return clauses.ToString();
    }

    private static string Named(Type type, NullabilityInfo? nullability)
    {
        // A nested type repeats the type parameters of the types around it.
        Type[] arguments = type.GetGenericArguments();
        int outer = type.DeclaringType?.GetGenericArguments().Length ?? 0;
        string prefix = type.DeclaringType is { } around
            ? Named(around.IsGenericTypeDefinition && outer > 0 ? around.MakeGenericType(arguments[..outer]) : around, null) + "."
            : "";
        string simple = type.Name.Split('`')[0];
        if (arguments.Length == outer)
            return prefix + simple;
        NullabilityInfo?[] known = nullability?.GenericTypeArguments ?? [];
        return $"{prefix}{simple}<{string.Join(", ", arguments[outer..].Select((argument, i) =>
            Variance(argument, type) + Use(argument, known.Length == arguments.Length ? known[outer + i] : null)))}>";
    }

    private static string Variance(Type argument, Type type)
    {
        if (!type.IsGenericTypeDefinition)
            return "";
        return (argument.GenericParameterAttributes & GenericParameterAttributes.VarianceMask) switch
        {
            GenericParameterAttributes.Covariant => "out ",
            GenericParameterAttributes.Contravariant => "in ",
            _ => "",
        };
    }

    private static bool IsMarkedNullable(Type type, NullabilityInfo? nullability)
    {
        if (type.IsValueType || nullability is null || nullability.ReadState != NullabilityState.Nullable)
            return false;

        // Reflection reports T and T? alike where T itself may be null.
        return !type.IsGenericParameter
            || type.GenericParameterAttributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint)
            || OwnNullability(type) == 1;
    }

    /// <summary>The annotation of a type parameter: 0 oblivious, 1 not null, 2 may be null; its own, or that of what declares it.</summary>
    private static byte OwnNullability(Type parameter)
    {
        if (Flag(parameter.CustomAttributes, "NullableAttribute") is { } own)
            return own;
        for (MemberInfo? scope = (MemberInfo?)parameter.DeclaringMethod ?? parameter.DeclaringType; scope is not null; scope = scope.DeclaringType)
        {
            if (Flag(scope.CustomAttributes, "NullableContextAttribute") is { } inherited)
                return inherited;
        }

        return 0;
    }

    private static byte? Flag(IEnumerable<CustomAttributeData> attributes, string name) =>
        attributes.FirstOrDefault(a => string.Equals(a.AttributeType.Name, name, StringComparison.Ordinal))?.ConstructorArguments[0].Value as byte?;
}
