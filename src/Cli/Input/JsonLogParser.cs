using System.Text.Json;

namespace Sluice.Cli.Input;

/// <summary>
/// JSON lines: one object per line, read with the names of a <see cref="JsonFieldMap"/>. Client and time are needed; a size that is missing, null
/// or <c>-</c> is 0, and a line without a status is no error. Numbers may stand in quotes.
/// </summary>
internal sealed class JsonLogParser(JsonFieldMap map) : LogParser
{
    private const int FieldCount = (int)LogField.Custom + 1;

    private readonly int[] _ranks = new int[FieldCount];
    private readonly Range[] _values = new Range[FieldCount];
    private readonly byte[] _text = GC.AllocateUninitializedArray<byte>(LineReader.MaxLineLength);
    private int _used;

    public override Malformation Parse(ReadOnlySpan<byte> line, out LogRecord record)
    {
        record = default;
        _ranks.AsSpan().Fill(int.MaxValue);
        _used = 0;
        Utf8JsonReader reader = new(line, new JsonReaderOptions { MaxDepth = 64 });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return Malformation.NotJson;
            ReadObject(ref reader, map.Root);
            if (reader.Read())
                return Malformation.NotJson;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // Not JSON, or a string in it is not UTF-8.
            return Malformation.NotJson;
        }

        return Compose(ref record);
    }

    private Malformation Compose(ref LogRecord record)
    {
        if (Value(LogField.Request) is { IsEmpty: false } request)
            SplitRequest(request, ref record);
        record.Client = Value(LogField.Client);
        record.Custom = Value(LogField.Custom);
        if (Value(LogField.Method) is { IsEmpty: false } method)
            record.Method = method;
        if (Value(LogField.Path) is { IsEmpty: false } path)
            record.Path = path;
        if (Value(LogField.Protocol) is { IsEmpty: false } protocol)
            record.Protocol = protocol;
        record.Referrer = Value(LogField.Referrer);
        record.Agent = Value(LogField.Agent);

        if (record.Client.IsEmpty && record.Custom.IsEmpty)
            return Malformation.NoClient;
        ReadOnlySpan<byte> time = Value(LogField.Time);
        if (time.IsEmpty)
            return Malformation.NoTime;
        if (!LogTimestamp.TryParse(time, out record.Ticks))
            return Malformation.BadTime;
        ReadOnlySpan<byte> status = Value(LogField.Status);
        if (!status.IsEmpty)
        {
            if (!TryReadNumber(status, 999, out long number) || number < 100)
                return Malformation.BadStatus;
            record.Status = (int)number;
            record.StatusText = status;
        }

        ReadOnlySpan<byte> bytes = Value(LogField.Bytes);
        return bytes.IsEmpty || bytes.SequenceEqual("-"u8) || TryReadNumber(bytes, MaxBytes, out record.Bytes)
            ? Malformation.None
            : Malformation.BadBytes;
    }

    private void ReadObject(ref Utf8JsonReader reader, JsonFieldMap.Node node)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            JsonFieldMap.Property? property = node.Find(in reader);
            reader.Read();
            if (property is null)
                reader.Skip();
            else if (reader.TokenType == JsonTokenType.StartObject && property.Children is { } children)
                ReadObject(ref reader, children);
            else
                ReadValue(ref reader, property);
        }
    }

    private void ReadValue(ref Utf8JsonReader reader, JsonFieldMap.Property property)
    {
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        if (reader.TokenType == JsonTokenType.Null || property.Targets.Count == 0)
            return;

        // Unescaped values are never longer than their part of the line, so together they fit when the line does.
        if (reader.ValueSpan.Length > _text.Length - _used)
            return;
        int from = _used;
        if (reader.TokenType == JsonTokenType.String)
        {
            _used += reader.CopyString(_text.AsSpan(_used));
        }
        else
        {
            reader.ValueSpan.CopyTo(_text.AsSpan(_used));
            _used += reader.ValueSpan.Length;
        }

        foreach ((LogField field, int rank) in property.Targets)
        {
            if (rank > _ranks[(int)field])
                continue;
            _ranks[(int)field] = rank;
            _values[(int)field] = from.._used;
        }
    }

    private ReadOnlySpan<byte> Value(LogField field) =>
        _ranks[(int)field] == int.MaxValue ? default : _text.AsSpan(_values[(int)field]);
}
