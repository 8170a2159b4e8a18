using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Sluice.Resp;

/// <summary>
/// Any reply as a tree, for replies whose shape isn't known beforehand. Immutable, independent of the connection's memory, safe to share. Two values are equal if they
/// have the same type, content and attributes; how the server cut them into pieces does not count.
/// </summary>
public sealed partial class RespValue : IEquatable<RespValue>
{
    private readonly byte[] _bytes;
    private readonly RespValue[] _items;
    private readonly long _integer;

    private RespValue(RespPrefix kind, bool isNull, byte[] bytes, long integer, RespValue[] items, string? format, RespValue? attributes)
    {
        Kind = kind;
        IsNull = isNull;
        _bytes = bytes;
        _integer = integer;
        _items = items;
        VerbatimFormat = format;
        Attributes = attributes;
    }

    /// <summary>The type that the server sent. RESP2's nulls keep theirs: a bulk string or an array that <see cref="IsNull"/>.</summary>
    public RespPrefix Kind { get; }

    /// <summary>One of the three nulls.</summary>
    public bool IsNull { get; }

    /// <summary>An error. It may stand inside an array, e.g. in what EXEC answers.</summary>
    public bool IsError => Kind is RespPrefix.SimpleError or RespPrefix.BulkError;

    /// <summary>The values of an array, set or push; the keys and values of a map in turn. Empty for all else.</summary>
    public IReadOnlyList<RespValue> Items => _items;

    /// <summary>The pairs of a map, in the server's order; a key may come twice. Empty for all else.</summary>
    public IEnumerable<KeyValuePair<RespValue, RespValue>> Pairs
    {
        get
        {
            if (Kind is not (RespPrefix.Map or RespPrefix.Attribute))
                yield break;
            for (int i = 0; i < _items.Length; i += 2)
                yield return new(_items[i], _items[i + 1]);
        }
    }

    /// <summary>What the server said about this value: pairs, of <see cref="RespPrefix.Attribute"/>; null if it said nothing. Several attributes are one with all pairs.</summary>
    public RespValue? Attributes { get; }

    /// <summary>The three letters in front of a verbatim string; null for everything else.</summary>
    public string? VerbatimFormat { get; }

    /// <summary>The content of a string, an error or a number as the server spelled it; empty for null, booleans, integers and aggregates.</summary>
    public ReadOnlyMemory<byte> AsBytes() => _bytes;

    /// <summary>The content as text in UTF-8; null for null.</summary>
    /// <exception cref="RespTypeException">It is an aggregate.</exception>
    public string? AsString() => Kind switch
    {
        _ when IsNull => null,
        RespPrefix.Integer => _integer.ToString(CultureInfo.InvariantCulture),
        RespPrefix.Boolean => _integer != 0 ? "true" : "false",
        RespPrefix.Array or RespPrefix.Set or RespPrefix.Map or RespPrefix.Push or RespPrefix.Attribute => throw Unexpected("a string"),
        _ => Encoding.UTF8.GetString(_bytes),
    };

    /// <summary>An integer, or a string of at most 64 bytes that is one.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public long AsInt64()
    {
        if (Kind == RespPrefix.Integer)
            return _integer;
        return IsString && RespReader.TryParseInt64(_bytes, out long value) ? value : throw Unexpected("an integer");
    }

    /// <summary>A double, an integer, or a string of at most 64 bytes that is one of them.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public double AsDouble()
    {
        if (Kind == RespPrefix.Integer)
            return _integer;
        return (IsString || Kind == RespPrefix.Double) && RespReader.TryParseDouble(_bytes, IsString, out double value) ? value : throw Unexpected("a double");
    }

    /// <summary>A boolean, or the integers 0 and 1.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public bool AsBoolean() =>
        Kind is RespPrefix.Boolean or RespPrefix.Integer && _integer is 0 or 1 ? _integer == 1 : throw Unexpected("a boolean");

    /// <summary>A big number or an integer.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public BigInteger AsBigInteger() => Kind switch
    {
        RespPrefix.Integer => _integer,
        RespPrefix.BigNumber => BigInteger.Parse(Encoding.Latin1.GetString(_bytes), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        _ => throw Unexpected("a big number"),
    };

    /// <summary>The error that this value is; null if it is none.</summary>
    public RespServerException? AsException() =>
        IsError ? new RespServerException(Encoding.UTF8.GetString(_bytes.AsSpan(0, Math.Min(_bytes.Length, RespServerException.MaxTextLength)))) : null;

    /// <inheritdoc/>
    public bool Equals(RespValue? other) =>
        ReferenceEquals(this, other) ||
        (other is not null && Kind == other.Kind && IsNull == other.IsNull && _integer == other._integer && VerbatimFormat == other.VerbatimFormat &&
            _bytes.AsSpan().SequenceEqual(other._bytes) && _items.AsSpan().SequenceEqual(other._items) && Equals(Attributes, other.Attributes));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RespValue);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add((int)Kind);
        hash.Add(_integer);
        hash.AddBytes(_bytes);
        foreach (RespValue item in _items)
            hash.Add(item);
        return hash.ToHashCode();
    }

    /// <summary>For people: strings in quotes, aggregates in brackets.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        AppendTo(text);
        return text.ToString();
    }

    private bool IsString => Kind is RespPrefix.BulkString or RespPrefix.SimpleString or RespPrefix.VerbatimString && !IsNull;

    private RespException Unexpected(string wanted) =>
        (RespException?)AsException() ?? new RespTypeException($"The value is not {wanted} but {(IsNull ? "null" : Kind.ToString())}.");

    private void AppendTo(StringBuilder text)
    {
        if (Attributes is not null)
        {
            Attributes.AppendTo(text);
            text.Append(' ');
        }

        switch (Kind)
        {
            case var _ when IsNull:
                text.Append("null");
                break;
            case RespPrefix.Array or RespPrefix.Push:
                AppendItems(text, Kind == RespPrefix.Push ? ">[" : "[", "]");
                break;
            case RespPrefix.Set:
                AppendItems(text, "~{", "}");
                break;
            case RespPrefix.Map or RespPrefix.Attribute:
                AppendItems(text, Kind == RespPrefix.Map ? "{" : "|{", "}");
                break;
            case RespPrefix.BulkString or RespPrefix.SimpleString or RespPrefix.VerbatimString:
                text.Append('"').Append(AsString()).Append('"');
                break;
            case RespPrefix.SimpleError or RespPrefix.BulkError:
                text.Append("error \"").Append(AsString()).Append('"');
                break;
            default:
                text.Append(AsString());
                break;
        }
    }

    private void AppendItems(StringBuilder text, string open, string close)
    {
        bool pairs = Kind is RespPrefix.Map or RespPrefix.Attribute;
        text.Append(open);
        for (int i = 0; i < _items.Length; i++)
        {
            if (i > 0)
                text.Append(pairs && i % 2 == 1 ? ": " : ", ");
            _items[i].AppendTo(text);
        }

        text.Append(close);
    }
}
