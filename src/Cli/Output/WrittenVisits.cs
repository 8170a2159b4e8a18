using System.Text.Json;

namespace Sluice.Cli.Output;

/// <summary>
/// Reads back what was written, line by line, and adds it up: the other side of the conservation line. It shares no code and no number with what
/// wrote the sessions.
/// </summary>
internal sealed class WrittenVisits
{
    private const int ExactKeys = 1 << 20;

    private readonly DistinctCount _keys = new(ExactKeys);
    private byte[] _partial = new byte[4096];
    private int _partialLength;

    /// <summary>Lines that are whole sessions.</summary>
    public long Sessions { get; private set; }

    /// <summary>Sessions that ended because a worker needed room.</summary>
    public long Evicted { get; private set; }

    /// <summary>Lines that are not, among them an unfinished last one.</summary>
    public long Unreadable { get; private set; }

    public VisitTotals Totals { get; private set; }

    public long DistinctKeys => _keys.Value;

    public bool DistinctKeysExact => _keys.IsExact;

    /// <summary>Takes the next bytes of the output, cut anywhere.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
            if (end >= 0 && _partialLength == 0)
            {
                ReadLine(part);
            }
            else
            {
                if (_partial.Length - _partialLength < part.Length)
                    Array.Resize(ref _partial, Math.Max(_partial.Length * 2, _partialLength + part.Length));
                part.CopyTo(_partial.AsSpan(_partialLength));
                _partialLength += part.Length;
                if (end >= 0)
                {
                    ReadLine(_partial.AsSpan(0, _partialLength));
                    _partialLength = 0;
                }
            }

            bytes = bytes[(part.Length + (end < 0 ? 0 : 1))..];
        }
    }

    /// <summary>There is no more.</summary>
    public void Finish()
    {
        if (_partialLength > 0)
            Unreadable++;
        _partialLength = 0;
    }

    private void ReadLine(ReadOnlySpan<byte> line)
    {
        long hits = -1, bytes = -1, errors = -1;
        bool keyed = false, evicted = false;
        try
        {
            Utf8JsonReader reader = new(line);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("hits"u8))
                    hits = ReadNumber(ref reader);
                else if (reader.ValueTextEquals("bytes"u8))
                    bytes = ReadNumber(ref reader);
                else if (reader.ValueTextEquals("errors"u8))
                    errors = ReadNumber(ref reader);
                else if (reader.ValueTextEquals("key"u8))
                    keyed = ReadKey(ref reader);
                else if (reader.ValueTextEquals("reason"u8))
                    evicted = reader.Read() && reader.ValueTextEquals("evicted"u8);
                else
                    reader.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // Not JSON, not UTF-8, or a key that is longer than a key can be.
            Unreadable++;
            return;
        }

        if (!keyed || hits < 0 || bytes < 0 || errors < 0)
        {
            Unreadable++;
            return;
        }

        Sessions++;
        Evicted += evicted ? 1 : 0;
        Totals = Totals.Add(hits, bytes, errors);
    }

    private bool ReadKey(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            return false;
        Span<byte> key = stackalloc byte[Aggregates.KeyCodec.MaxBytes];
        _keys.Add(key[..reader.CopyString(key)]);
        return true;
    }

    private static long ReadNumber(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long value) ? value : -1;
}
