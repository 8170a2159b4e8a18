using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;

namespace Sluice.Cli.Redis;

/// <summary>Reads the values of a record without the application's types: kinds and parameters say all that is needed.</summary>
internal static class FieldValues
{
    private const int ShownOfWindow = 3;

    /// <summary>The fields that are not empty, as people read them; long windows are cut short.</summary>
    public static IEnumerable<(string Name, string Value)> Texts(AggregateSchema schema, ReadOnlyMemory<byte> record)
    {
        foreach ((FieldSchema field, object value) in Read(schema, record.Span))
        {
            yield return (field.Name, value is object[] window
                ? $"[{string.Join(", ", window.Take(ShownOfWindow).Select(Text))}{(window.Length > ShownOfWindow ? $", {window.Length - ShownOfWindow} more" : "")}]"
                : Text(value));
        }
    }

    /// <summary>Writes them as an object.</summary>
    public static void Write(Utf8JsonWriter json, AggregateSchema schema, ReadOnlyMemory<byte> record)
    {
        json.WriteStartObject();
        foreach ((FieldSchema field, object value) in Read(schema, record.Span))
        {
            json.WritePropertyName(field.Name);
            Write(json, value);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case long number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case object[] window:
                json.WriteStartArray();
                foreach (object element in window)
                    Write(json, element);
                json.WriteEndArray();
                break;
            default:
                json.WriteStringValue(Text(value));
                break;
        }
    }

    private static string Text(object value) => value switch
    {
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture),
        TimeSpan span => span.ToString("c", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static List<(FieldSchema Field, object Value)> Read(AggregateSchema schema, ReadOnlySpan<byte> record)
    {
        List<(FieldSchema, object)> values = [];
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            if (cursor.Field < schema.Fields.Length)
                values.Add((schema.Fields[cursor.Field], Value(schema.Fields[cursor.Field].Kind, cursor.Payload)));
        }

        return values;
    }

    private static object Value(string kind, ReadOnlySpan<byte> payload)
    {
        string[] parts = kind.Split('.');
        switch (parts[0])
        {
            case "sum" when payload.Length == sizeof(long):
                return BinaryPrimitives.ReadInt64LittleEndian(payload);
            case "max" or "min" when ExtremumPayload.TryRead(payload, out long ordinal):
                return parts[1] switch
                {
                    "time" when InstantOrdinal.IsOrdinal(ordinal) => InstantOrdinal.FromOrdinal(ordinal),
                    "span" => DurationOrdinal.FromOrdinal(ordinal),
                    "f64" => DoubleOrdinal.FromOrdinal(ordinal),
                    _ => ordinal,
                };
            case "window":
                return Window(parts[1], payload);
            case "distinct":
                DistinctState state = default;
                state.Read(payload);
                return state.View.Count;
            default:
                return $"{payload.Length} bytes of {kind}";
        }
    }

    private static object[] Window(string element, ReadOnlySpan<byte> payload)
    {
        List<object> values = [];
        WindowCursor cursor = new(payload);
        while (cursor.MoveNext())
        {
            values.Add(element switch
            {
                "i64" when Int64Element.IsElement(cursor.Value) => Int64Element.Read(cursor.Value),
                "guid" when GuidElement.IsElement(cursor.Value) => GuidElement.Read(cursor.Value),
                _ => Encoding.UTF8.GetString(cursor.Value),
            });
        }

        return [.. values];
    }
}
