using System.Text;
using System.Text.Json;

namespace Sluice.Cli.Input;

/// <summary>What a property of a JSON line can fill.</summary>
internal enum LogField
{
    Client,
    Time,
    Method,
    Path,
    Protocol,
    Request,
    Status,
    Bytes,
    Referrer,
    Agent,
    Custom,
}

/// <summary>
/// Which JSON property fills which field. Names may be dotted to reach into nested objects (<c>http.request.uri</c>). A field that is not mapped
/// explicitly is found under the usual names of nginx, Apache and Caddy configurations; the first usual name wins.
/// </summary>
internal sealed class JsonFieldMap
{
    private static readonly (LogField Field, string Name, string[] Usual)[] Fields =
    [
        (LogField.Client, "client", ["client", "remote_addr", "client_ip", "remote_ip", "clientip", "ip", "remote_host", "request.remote_ip"]),
        (LogField.Time, "time", ["time", "timestamp", "@timestamp", "time_iso8601", "time_local", "ts", "msec", "date"]),
        (LogField.Method, "method", ["method", "request_method", "http_method", "verb", "request.method"]),
        (LogField.Path, "path", ["path", "request_uri", "uri", "url", "request.uri"]),
        (LogField.Protocol, "protocol", ["protocol", "server_protocol", "request.proto"]),
        (LogField.Request, "request", ["request"]),
        (LogField.Status, "status", ["status", "status_code", "response", "code"]),
        (LogField.Bytes, "bytes", ["bytes", "body_bytes_sent", "bytes_sent", "size", "response_size"]),
        (LogField.Referrer, "referrer", ["referrer", "referer", "http_referer"]),
        (LogField.Agent, "agent", ["agent", "user_agent", "http_user_agent", "useragent"]),
    ];

    private readonly Node _root = new();

    /// <summary>The names that <c>--map</c> takes on the left.</summary>
    public static string FieldNames => string.Join(", ", Fields.Select(static f => f.Name));

    /// <summary>The root of the property tree.</summary>
    public Node Root => _root;

    /// <summary>Reads <c>client=remote_addr,bytes=size</c>.</summary>
    /// <param name="text">The mapping, or null for the usual names only.</param>
    /// <param name="customKey">The property that <c>--key</c> names, when it is not one of the fields.</param>
    /// <param name="error">What is wrong with the text.</param>
    /// <returns>The map, or null when <paramref name="error"/> is set.</returns>
    public static JsonFieldMap? TryParse(string? text, string? customKey, out string? error)
    {
        JsonFieldMap map = new();
        HashSet<LogField> mapped = [];
        foreach (string part in (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? part : part[..equals].Trim();
            string property = equals < 0 ? "" : part[(equals + 1)..].Trim();
            (LogField Field, string Name, string[] Usual) field = Array.Find(Fields, f => f.Name == name);
            if (field.Name is null)
            {
                error = $"'{name}' is not a field: the fields are {FieldNames}";
                return null;
            }

            if (property.Length == 0)
            {
                error = $"'{part}' names no property: write {name}=PROPERTY";
                return null;
            }

            if (!mapped.Add(field.Field))
            {
                error = $"'{name}' is mapped twice";
                return null;
            }

            map._root.Add(property.Split('.'), field.Field, 0);
        }

        foreach ((LogField field, _, string[] usual) in Fields)
        {
            for (int i = 0; !mapped.Contains(field) && i < usual.Length; i++)
                map._root.Add(usual[i].Split('.'), field, i);
        }

        if (customKey is not null)
            map._root.Add(customKey.Split('.'), LogField.Custom, 0);
        error = null;
        return map;
    }

    /// <summary>The properties of one object that matter.</summary>
    internal sealed class Node
    {
        // By the length of the name: most properties of a line are told apart by that alone.
        private readonly List<Property>[] _byLength = new List<Property>[64];

        /// <summary>Finds what the property at the reader's position fills.</summary>
        public Property? Find(in Utf8JsonReader reader)
        {
            int length = reader.ValueSpan.Length;
            if (reader.ValueIsEscaped)
            {
                foreach (List<Property>? properties in _byLength)
                {
                    if (Match(properties, in reader) is { } found)
                        return found;
                }

                return null;
            }

            return length < _byLength.Length ? Match(_byLength[length], in reader) : null;
        }

        internal void Add(ReadOnlySpan<string> path, LogField field, int rank)
        {
            byte[] name = Encoding.UTF8.GetBytes(path[0]);
            List<Property> properties = _byLength[Math.Min(name.Length, _byLength.Length - 1)] ??= [];
            Property? property = properties.Find(p => p.Name.AsSpan().SequenceEqual(name));
            if (property is null)
                properties.Add(property = new Property(name));
            if (path.Length > 1)
                (property.Children ??= new Node()).Add(path[1..], field, rank);
            else
                property.Targets.Add((field, rank));
        }

        private static Property? Match(List<Property>? properties, in Utf8JsonReader reader)
        {
            if (properties is null)
                return null;
            foreach (Property property in properties)
            {
                if (reader.ValueTextEquals(property.Name))
                    return property;
            }

            return null;
        }
    }

    /// <summary>One property that matters, by itself or for what is inside it.</summary>
    internal sealed class Property(byte[] name)
    {
        public byte[] Name { get; } = name;

        public List<(LogField Field, int Rank)> Targets { get; } = [];

        public Node? Children { get; set; }
    }
}
