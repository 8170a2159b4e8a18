using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Xml.Linq;

namespace Sluice.Packages.Tests.Listing;

/// <summary>Options as a table: the default is what a new object has, the rest is the doc comment of each. So the page can't say something else than the code.</summary>
internal sealed class OptionsReference
{
    private readonly Dictionary<string, XElement> _members = new(StringComparer.Ordinal);

    /// <summary>Reads the doc comments that the compiler has written beside the assemblies.</summary>
    public OptionsReference(params Assembly[] assemblies)
    {
        foreach (Assembly assembly in assemblies)
        {
            foreach (XElement member in XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member"))
                _members[member.Attribute("name")!.Value] = member;
        }
    }

    /// <summary>A section for a type of options.</summary>
    /// <param name="heading">What it is for.</param>
    /// <param name="defaults">A new one.</param>
    public string Of(string heading, object defaults)
    {
        Type type = defaults.GetType();
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"## {heading}\n\n`{Name(type)}`: {Summary("T:" + DocName(type))}\n\n| option | type | default | what it is |\n|---|---|---|---|\n");
        foreach (PropertyInfo property in type.GetProperties().Where(static property => property.GetMethod is { IsStatic: false } && property.GetIndexParameters().Length == 0).OrderBy(static property => property.MetadataToken))
        {
            string text = Summary($"P:{DocName(property.DeclaringType!)}.{property.Name}");
            page.Append(CultureInfo.InvariantCulture, $"| `{property.Name}` | `{Name(property.PropertyType)}` | {Text(property.GetValue(defaults))} | {text} |\n");
        }

        return page.Append('\n').ToString();
    }

    private static string DocName(Type type) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Name(inner) + "?";
        if (type == typeof(object))
            return "TValue"; // what the page's generic options are made with
        if (!type.IsGenericType)
            return type.Name switch { "Int32" => "int", "Int64" => "long", "Boolean" => "bool", "String" => "string", "Double" => "double", var name => name };
        return $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }

    private static string Text(object? value) => value switch
    {
        null => "none",
        TimeSpan span => Duration(span),
        bool flag => flag ? "true" : "false",
        string { Length: 0 } => "empty",
        string text => $"`{text}`",
        Enum or double => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
        IFormattable number => number.ToString("N0", CultureInfo.InvariantCulture),
        TimeProvider => "the system's",
        IEnumerable items => items.Cast<object>().Any() ? string.Join(", ", items.Cast<object>()) : "empty",
        _ => "its own",
    };

    private static string Duration(TimeSpan span) => span switch
    {
        _ when span == Timeout.InfiniteTimeSpan => "infinite",
        _ when span == TimeSpan.Zero => "0",
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0.###} ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.###} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0.###} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.###} h"),
    };

    private string Summary(string member)
    {
        if (!_members.TryGetValue(member, out XElement? comment) || comment.Element("summary") is not { } summary)
            return "";
        return string.Join(' ', Words(summary).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Words(XElement element)
    {
        StringBuilder words = new();
        foreach (XNode node in element.Nodes())
        {
            words.Append(node switch
            {
                XText text => text.Value.Replace("<", "&lt;", StringComparison.Ordinal),
                XElement { Name.LocalName: "see" } see => $"`{Target(see)}`",
                XElement { Name.LocalName: "c" or "paramref" } code => $"`{(code.Value.Length > 0 ? code.Value : code.Attribute("name")?.Value)}`",
                XElement other => Words(other),
                _ => "",
            });
        }

        return words.ToString();
    }

    private static string Target(XElement see)
    {
        string target = (see.Attribute("cref") ?? see.Attribute("langword"))!.Value;
        string name = target[(target.IndexOf(':', StringComparison.Ordinal) + 1)..].Split('(')[0].Replace("`1", "", StringComparison.Ordinal);
        string[] parts = name.Split('.');
        return target.StartsWith("T:", StringComparison.Ordinal) || parts.Length < 2 ? parts[^1] : $"{parts[^2]}.{parts[^1]}";
    }
}
