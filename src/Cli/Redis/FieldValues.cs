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
            string text = Text(value);
            yield return (field.Name, value is object[] { Length: > 0 } values && values[0] is OpaqueDelta ? $"{values.Length} {(values.Length == 1 ? "delta" : "deltas")} {text}" : text);
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
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case object[] window:
                json.WriteStartArray();
                foreach (object element in window)
                    Write(json, element);
                json.WriteEndArray();
                break;
            case OpaqueDelta delta:
                delta.Write(json);
                break;
            default:
                json.WriteStringValue(Text(value));
                break;
        }
    }

    private static string Text(object value) => value switch
    {
        object[] window => $"[{string.Join(", ", window.Take(ShownOfWindow).Select(Text))}{(window.Length > ShownOfWindow ? $", {window.Length - ShownOfWindow} more" : "")}]",
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
                values.Add((schema.Fields[cursor.Field], Value(schema.Fields[cursor.Field], cursor.Payload)));
        }

        return values;
    }

    private static object Value(FieldSchema field, ReadOnlySpan<byte> payload)
    {
        string[] parts = field.Kind.Split('.');
        switch (parts)
        {
            case ["sum", "f64"] when DoubleSumMerger.IsCanonical(payload):
                return BinaryPrimitives.ReadDoubleLittleEndian(payload);
            case ["sum", "dec"] when payload.Length == sizeof(long):
                return InUnits(BinaryPrimitives.ReadInt64LittleEndian(payload), field.Parameter);
            case ["sum", _] when payload.Length == sizeof(long):
                return BinaryPrimitives.ReadInt64LittleEndian(payload);
            case ["average", _] when AverageMerger.TryRead(payload, out long sum, out long count):
                return InUnits(sum, field.Parameter) / count;
            case ["max" or "min", var type] when ExtremumPayload.TryRead(payload, out long ordinal):
                return Extremum(type, ordinal);
            case ["first" or "last", var type]:
                return Elements(type, payload).FirstOrDefault("");
            case ["window" or "score", var type]:
                return Elements(type, payload);
            case ["list", var end, var type]:
                object[] elements = Elements(type, payload);
                return end == "first" ? elements : elements.Reverse().ToArray();
            case ["set", var type]:
                return Entries(type, payload, values: null);
            case ["map", var type, .. var of]:
                return Entries(type, payload, new FieldSchema("", string.Join('.', of), field.ValueParameter));
            case ["histogram"] when HistogramBuckets.MinPrecision <= field.Parameter && field.Parameter <= HistogramBuckets.MaxPrecision:
                HistogramState histogram = default;
                histogram.Read(payload, field.Parameter);
                return histogram.View(field.Parameter).ToString();
            case ["distinct", _]:
                DistinctState state = default;
                state.Read(payload);
                return state.View.Count;
            case [OpaquePayload.Kind]:
                return Deltas(payload);
            default:
                return $"{payload.Length} bytes of {field.Kind}";
        }
    }

    private static object Extremum(string type, long ordinal) => type switch
    {
        "time" when InstantOrdinal.IsOrdinal(ordinal) => InstantOrdinal.FromOrdinal(ordinal),
        "span" => DurationOrdinal.FromOrdinal(ordinal),
        "f64" => DoubleOrdinal.FromOrdinal(ordinal),
        _ => ordinal,
    };

    private static decimal InUnits(long units, int scale)
    {
        decimal value = units;
        for (int i = 0; i < scale; i++)
            value /= 10;
        return value;
    }

    private static object[] Elements(string type, ReadOnlySpan<byte> payload)
    {
        List<object> values = [];
        WindowCursor cursor = new(payload);
        while (cursor.MoveNext())
            values.Add(Element(type, cursor.Value));
        return [.. values];
    }

    private static object[] Entries(string type, ReadOnlySpan<byte> payload, FieldSchema? values)
    {
        List<object> entries = [];
        KeyedCursor cursor = new(payload, hasValues: values is not null);
        while (cursor.MoveNext())
        {
            if (values is null)
                entries.Add(Element(type, cursor.Key));
            else if (!cursor.Value.IsEmpty)
                entries.Add($"{Text(Element(type, cursor.Key))}: {Text(Value(values, cursor.Value))}");
        }

        return [.. entries];
    }

    private static object[] Deltas(ReadOnlySpan<byte> payload)
    {
        List<object> deltas = [];
        OpaqueCursor cursor = new(payload);
        while (cursor.MoveNext())
            deltas.Add(new OpaqueDelta(cursor.Item.Origin, cursor.Item.Sequence, cursor.Content.ToArray()));
        return [.. deltas];
    }

    private static object Element(string type, ReadOnlySpan<byte> bytes) => type switch
    {
        "i64" or "i32" when Int64Element.IsElement(bytes) => Int64Element.Read(bytes),
        "f64" when DoubleElement.IsElement(bytes) => DoubleElement.Read(bytes),
        "time" when InstantElement.IsElement(bytes) => InstantElement.Read(bytes),
        "span" when DurationElement.IsElement(bytes) => DurationElement.Read(bytes),
        "guid" when GuidElement.IsElement(bytes) => GuidElement.Read(bytes),
        _ => Encoding.UTF8.GetString(bytes),
    };
}
