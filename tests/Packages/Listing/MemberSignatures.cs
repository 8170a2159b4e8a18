using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Sluice.Packages.Tests.Listing;

/// <summary>Public and protected members as C# declares them.</summary>
internal static class MemberSignatures
{
    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>The members that others can see, in a stable order.</summary>
    public static IEnumerable<string> Of(Type type)
    {
        if (type.IsEnum)
            return type.GetFields(BindingFlags.Public | BindingFlags.Static).OrderBy(field => Convert.ToDecimal(field.GetRawConstantValue(), CultureInfo.InvariantCulture)).Select(EnumMember);
        return type.GetConstructors(Declared).Where(IsVisible).Select(Constructor)
            .Concat(type.GetFields(Declared).Where(field => IsVisible(field) && !IsSynthesised(field)).Select(Field))
            .Concat(type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(IsVisible) && !IsSynthesised(property)).Select(Property))
            .Concat(type.GetEvents(Declared).Where(e => IsVisible(e.AddMethod!)).Select(Event))
            .Concat(type.GetMethods(Declared).Where(IsOrdinary).Select(Method))
            .Order(StringComparer.Ordinal);
    }

    /// <summary>The parameters of a method, in parentheses.</summary>
    public static string Parameters(MethodBase method)
    {
        bool isExtension = method.IsDefined(typeof(ExtensionAttribute), inherit: false);
        return $"({string.Join(", ", method.GetParameters().Select((parameter, i) => (isExtension && i == 0 ? "this " : "") + Parameter(parameter)))})";
    }

    /// <summary>What a method returns.</summary>
    public static string Return(MethodInfo method)
    {
        string reference = !method.ReturnType.IsByRef ? "" : IsReadOnly(method.ReturnParameter) ? "ref readonly " : "ref ";
        return reference + TypeNames.Use(method.ReturnType, Nullability.Create(method.ReturnParameter));
    }

    /// <summary>Attributes that are part of the promise: those that make the compiler speak to the caller.</summary>
    public static string Attributes(MemberInfo member) => string.Concat(member.CustomAttributes
        .Select(a => a.AttributeType.Name)
        .Where(name => (name is "ObsoleteAttribute" && !IsForOlderCompilers(member)) || name is "ExperimentalAttribute" or "FlagsAttribute" or "RequiresUnreferencedCodeAttribute" or "RequiresDynamicCodeAttribute")
        .Order(StringComparer.Ordinal)
        .Select(name => $"[{name[..^"Attribute".Length]}] "));

    /// <summary>Ref structs and required members carry an Obsolete that the compiler wrote, against compilers that do not know them.</summary>
    private static bool IsForOlderCompilers(MemberInfo member) => member.IsDefined(typeof(CompilerFeatureRequiredAttribute));

    private static string Constructor(ConstructorInfo constructor) =>
        $"{Attributes(constructor)}{Access(constructor)} {constructor.DeclaringType!.Name.Split('`')[0]}{Parameters(constructor)}";

    private static string EnumMember(FieldInfo field) => $"{field.Name} = {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}";

    private static string Field(FieldInfo field)
    {
        string access = field.IsPublic ? "public" : "protected";
        string kind = field.IsLiteral ? " const" : (field.IsStatic ? " static" : "") + (field.IsInitOnly ? " readonly" : "");
        string value = field.IsLiteral ? $" = {Literal(field.GetRawConstantValue(), field.FieldType)}" : "";
        return $"{Attributes(field)}{access}{Required(field)}{kind} {TypeNames.Use(field.FieldType, Nullability.Create(field))} {field.Name}{value}";
    }

    private static string Property(PropertyInfo property)
    {
        MethodInfo[] accessors = [.. property.GetAccessors(nonPublic: true).Where(IsVisible)];
        MethodInfo widest = accessors.FirstOrDefault(accessor => accessor.IsPublic) ?? accessors[0];
        string reference = !property.PropertyType.IsByRef ? "" : IsReadOnly(property.GetMethod!.ReturnParameter) ? "ref readonly " : "ref ";
        string type = reference + TypeNames.Use(property.PropertyType, Nullability.Create(property));

        // The accessor's parameters: the property's own copies do not carry the nullability.
        ParameterInfo[] index = widest.GetParameters()[..property.GetIndexParameters().Length];
        string name = index.Length == 0 ? property.Name : $"this[{string.Join(", ", index.Select(Parameter))}]";
        string list = string.Concat(accessors.Select(accessor => $"{(Access(accessor) == Access(widest) ? "" : Access(accessor) + " ")}{AccessorKind(property, accessor)}; "));
        return $"{Attributes(property)}{Access(widest)}{Required(property)}{Modifiers(widest)} {type} {name} {{ {list}}}";
    }

    private static string Event(EventInfo e) => $"{Access(e.AddMethod!)}{Modifiers(e.AddMethod!)} event {TypeNames.Use(e.EventHandlerType!, Nullability.Create(e))} {e.Name}";

    private static string Method(MethodInfo method)
    {
        Type[] generic = method.GetGenericArguments();
        string parameters = generic.Length == 0 ? "" : $"<{string.Join(", ", generic.Select(g => g.Name))}>";
        return $"{Attributes(method)}{Access(method)}{Modifiers(method)} {Return(method)} {method.Name}{parameters}{Parameters(method)}{TypeNames.Constraints(generic)}";
    }

    private static string Parameter(ParameterInfo parameter)
    {
        string passing = !parameter.ParameterType.IsByRef ? ""
            : parameter.IsOut ? "out "
            : parameter.CustomAttributes.Any(a => string.Equals(a.AttributeType.Name, "RequiresLocationAttribute", StringComparison.Ordinal)) ? "ref readonly "
            : IsReadOnly(parameter) ? "in "
            : "ref ";
        bool isScoped = parameter.CustomAttributes.Any(a => string.Equals(a.AttributeType.Name, "ScopedRefAttribute", StringComparison.Ordinal));
        bool isParams = parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute));
        string type = TypeNames.Use(parameter.ParameterType, Nullability.Create(parameter));
        string value = parameter.HasDefaultValue ? $" = {Literal(parameter.RawDefaultValue, parameter.ParameterType)}" : "";
        return $"{(isParams ? "params " : "")}{(isScoped ? "scoped " : "")}{passing}{type} {parameter.Name}{value}";
    }

    private static string Literal(object? value, Type type) => value switch
    {
        null => type.IsValueType ? "default" : "null",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ when type.IsEnum => $"{TypeNames.Use(type)}.{Enum.ToObject(type, value)}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string AccessorKind(PropertyInfo property, MethodInfo accessor)
    {
        if (accessor == property.GetMethod)
            return "get";
        return accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init" : "set";
    }

    private static string Access(MethodBase method) => method.IsPublic ? "public" : "protected";

    private static string Required(MemberInfo member) => member.IsDefined(typeof(RequiredMemberAttribute)) ? " required" : "";

    private static string Modifiers(MethodInfo method)
    {
        string statics = method.IsStatic ? " static" : "";
        if (method.IsAbstract)
            return method.DeclaringType!.IsInterface && !method.IsStatic ? "" : statics + (IsOverride(method) ? " abstract override" : " abstract");
        if (!method.IsVirtual)
            return statics;
        if (IsOverride(method))
            return method.IsFinal ? " sealed override" : " override";
        return method.IsFinal ? "" : statics + " virtual"; // final and not an override: it implements an interface
    }

    private static bool IsOverride(MethodInfo method) => method.GetBaseDefinition().DeclaringType != method.DeclaringType;

    private static bool IsReadOnly(ParameterInfo parameter) => parameter.CustomAttributes.Any(a => string.Equals(a.AttributeType.Name, "IsReadOnlyAttribute", StringComparison.Ordinal));

    private static bool IsVisible(MethodBase method) => method.IsPublic || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed);

    private static bool IsVisible(FieldInfo field) => !field.IsSpecialName && (field.IsPublic || ((field.IsFamily || field.IsFamilyOrAssembly) && !field.DeclaringType!.IsSealed));

    private static bool IsOrdinary(MethodInfo method) =>
        IsVisible(method) && !IsSynthesised(method) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal));

    /// <summary>What the compiler adds to records and closures. Accessors of ordinary properties carry the same mark, so properties go by name.</summary>
    private static bool IsSynthesised(MemberInfo member) => member.Name.Contains('<', StringComparison.Ordinal) || member switch
    {
        MethodInfo => member.IsDefined(typeof(CompilerGeneratedAttribute)),
        PropertyInfo => string.Equals(member.Name, "EqualityContract", StringComparison.Ordinal),
        _ => false,
    };
}
