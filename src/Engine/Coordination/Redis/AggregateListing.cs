using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Sluice.Aggregates;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// What a server holds, for people: one hash per prefix says which namespaces there are and what their records are made of. Nothing in the protocol depends on it; without it
/// tools see keys and no values.
/// </summary>
/// <param name="Prefix">What keeps applications apart.</param>
/// <param name="Schema">The fields of the aggregate.</param>
/// <param name="Partitions">Over how many partitions it is spread.</param>
/// <param name="Layout">What every batch is compared with.</param>
internal sealed record AggregateListing(string Prefix, AggregateSchema Schema, int Partitions, ulong Layout)
{
    /// <summary>The name under which the namespace is stored.</summary>
    public string Name => CoordinationNamespace.NameOf(Prefix, Schema.Name, Schema.Fingerprint);

    /// <summary>The key of a prefix's list.</summary>
    public static string Key(string prefix) => $"{prefix}:aggregates";

    /// <summary>Writes the namespace into its server's list: one command.</summary>
    public static ValueTask<bool> WriteAsync(RespClient client, CoordinationNamespace space) => client.HashSetAsync(Key(space.Prefix), space.Name, Text(space));

    /// <summary>Reads an entry; null when it is none that this version understands.</summary>
    public static AggregateListing? Read(string name, string text)
    {
        string[] parts = name.Split(':');
        if (parts.Length != 3)
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            ImmutableArray<FieldSchema> fields = [.. root.GetProperty("fields").EnumerateArray().Select(static field => new FieldSchema(
                field.GetProperty("name").GetString() ?? "", field.GetProperty("kind").GetString() ?? "", field.GetProperty("parameter").GetInt32(),
                field.TryGetProperty("valueParameter", out JsonElement value) ? value.GetInt32() : 0))];
            AggregateListing listing = new(
                parts[0], new AggregateSchema(parts[1], fields), root.GetProperty("partitions").GetInt32(),
                ulong.Parse(root.GetProperty("layout").GetString() ?? "", NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            return listing.Name == name && listing.Partitions is >= 1 and <= 16_384 ? listing : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            return null;
        }
    }

    private static string Text(CoordinationNamespace space)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteNumber("partitions", space.Partitions);
            json.WriteString("layout", space.Layout.ToString("x16", CultureInfo.InvariantCulture));
            json.WriteStartArray("fields");
            foreach (FieldSchema field in space.Schema.Fields)
            {
                json.WriteStartObject();
                json.WriteString("name", field.Name);
                json.WriteString("kind", field.Kind);
                json.WriteNumber("parameter", field.Parameter);
                if (field.ValueParameter != 0)
                    json.WriteNumber("valueParameter", field.ValueParameter);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }
}
