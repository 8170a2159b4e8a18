using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>What a reader makes of the first bytes of a stream.</summary>
/// <param name="Values">The complete frames, in <see cref="Notation"/>.</param>
/// <param name="Consumed">Their bytes.</param>
/// <param name="Rejected">What follows can't become a frame any more. Otherwise more bytes may complete it (or nothing follows).</param>
internal sealed record Outcome(IReadOnlyList<string> Values, long Consumed, bool Rejected)
{
    public override string ToString() => $"{string.Join(" ; ", Values)} ({Consumed} bytes){(Rejected ? " then reject" : "")}";
}

/// <summary>
/// The oracle: the grammar as the RESP specification tells it, read in the simplest way. It recurses, it looks at lines as text through regular expressions, it
/// starts again from the first byte whenever asked, and it shares no line with the product.
/// </summary>
internal sealed partial class NaiveReader
{
    private readonly byte[] _bytes;
    private readonly RespLimits _limits;
    private readonly List<string> _pushes = [];
    private int _frame;
    private int _at;
    private long _elements;

    private NaiveReader(byte[] bytes, RespLimits limits)
    {
        _bytes = bytes;
        _limits = limits;
    }

    public static Outcome ReadAll(byte[] bytes, RespLimits limits)
    {
        NaiveReader reader = new(bytes, limits);
        List<string> values = [];
        int consumed = 0;
        try
        {
            while (consumed < bytes.Length)
            {
                values.Add(reader.ReadFrame());
                consumed = reader._at;
            }

            return new Outcome(values, consumed, Rejected: false);
        }
        catch (IncompleteException)
        {
            return new Outcome(values, consumed, Rejected: bytes.Length - consumed > limits.MaxFrameBytes);
        }
        catch (RejectException)
        {
            return new Outcome(values, consumed, Rejected: true);
        }
    }

    private string ReadFrame()
    {
        _frame = _at;
        _elements = 0;
        _pushes.Clear();
        string value = ReadValue(depth: 0, pushesAllowed: true)!;
        Demand(_at - _frame <= _limits.MaxFrameBytes);
        return Notation.Frame(value, _pushes);
    }

    // Null: the end of a streamed aggregate.
    private string? ReadValue(int depth, bool pushesAllowed, bool mayEnd = false)
    {
        List<string> attributes = [];
        while (Peek() is '|' || (Peek() is '>' && depth > 0))
        {
            Count(1);
            if (Peek() == '|')
            {
                attributes.AddRange(ReadItems(depth, 2, pushesAllowed: false));
                continue;
            }

            Demand(pushesAllowed);
            attributes = [];
            _pushes.Add(Notation.Aggregate('>', ReadItems(depth, 1, pushesAllowed: false)));
        }

        if (mayEnd && Peek() == '.')
        {
            Demand(attributes.Count == 0 && !LastWasAttribute());
            return null;
        }

        if (mayEnd)
            Count(1);
        return Notation.WithAttributes(attributes, ReadBare(depth, pushesAllowed));
    }

    // "|0" leaves no pair behind, but still wants its value: what stands directly before the end tells.
    private bool LastWasAttribute() => _attributeEndsAt == _at;

    private int _attributeEndsAt = -1;

    private string ReadBare(int depth, bool pushesAllowed)
    {
        char type = Peek();
        switch (type)
        {
            case '+' or '-':
                return Notation.Text(type, Latin1(ReadText()));
            case ':':
                return Notation.Integer((long)BigInteger.Parse(ReadLine(Integers(), IntegerStarts(), FitsInteger).TrimStart('+'), CultureInfo.InvariantCulture));
            case '(':
                return Notation.Big(BigInteger.Parse(ReadLine(Integers(), IntegerStarts(), _ => true).TrimStart('+'), CultureInfo.InvariantCulture));
            case ',':
                return ReadDouble();
            case '#':
                return Notation.Boolean(ReadLine(Booleans(), BooleanStarts(), _ => true) == "t");
            case '_':
                ReadLine(Nothing(), Nothing(), _ => true);
                return Notation.Null;
            case '$':
                return ReadBulk();
            case '!':
                return Notation.Text('!', ReadPayload(ReadLength(), verbatim: false));
            case '=':
                byte[] verbatim = ReadPayload(ReadLength(), verbatim: true);
                return Notation.Verbatim(Encoding.Latin1.GetString(verbatim, 0, 3), verbatim.AsSpan(4));
            case '*' or '~' or '%' or '>':
                return ReadAggregate(type, depth, pushesAllowed);
            default:
                throw new RejectException();
        }
    }

    private string ReadDouble()
    {
        string text = ReadLine(Doubles(), DoubleStarts(), _ => true);
        return Notation.Double(text switch
        {
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            "nan" or "-nan" => double.NaN,
            _ => double.Parse(text, CultureInfo.InvariantCulture),
        });
    }

    private string ReadBulk()
    {
        string header = ReadLine(BulkHeaders(), BulkHeaderStarts(), _ => true);
        if (header == "-1")
            return Notation.NullString;
        if (header != "?")
            return Notation.Text('$', ReadPayload(BigInteger.Parse(header, CultureInfo.InvariantCulture), verbatim: false));

        List<byte> whole = [];
        BigInteger total = 0;
        while (true)
        {
            Demand(Peek() == ';');
            BigInteger length = ReadLength();
            if (length == 0)
                return Notation.Text('$', whole.ToArray());
            Demand((total += length) <= _limits.MaxBulkBytes);
            whole.AddRange(ReadPayload(length, verbatim: false));
        }
    }

    private string ReadAggregate(char type, int depth, bool pushesAllowed)
    {
        if (type != '>' && PeekAt(1) == '?')
        {
            ReadLine(Streamed(), StreamedStarts(), _ => true);
            Demand(depth < _limits.MaxDepth);
            List<string> items = [];
            while (ReadValue(depth + 1, pushesAllowed, mayEnd: true) is { } item)
                items.Add(item);
            Demand(type != '%' || items.Count % 2 == 0);
            ReadLine(Nothing(), Nothing(), _ => true);
            return Notation.Aggregate(type, items);
        }

        if (type == '*' && PeekAt(1) == '-')
        {
            ReadLine(Nulls(), NullStarts(), _ => true);
            return Notation.NullArray;
        }

        return Notation.Aggregate(type, ReadItems(depth, type == '%' ? 2 : 1, pushesAllowed && type != '>'));
    }

    private List<string> ReadItems(int depth, int each, bool pushesAllowed)
    {
        bool attribute = Peek() == '|';
        BigInteger count = ReadLength() * each;
        Demand(depth < _limits.MaxDepth);
        Count(count);
        List<string> items = [];
        for (int i = 0; i < count; i++)
            items.Add(ReadValue(depth + 1, pushesAllowed)!);
        if (attribute)
            _attributeEndsAt = _at;
        return items;
    }

    private byte[] ReadPayload(BigInteger length, bool verbatim)
    {
        Demand(length <= _limits.MaxBulkBytes && _at + length + 2 - _frame <= _limits.MaxFrameBytes);
        Demand(!verbatim || length >= 4);
        if (verbatim && _at + 3 < _bytes.Length)
            Demand(_bytes[_at + 3] == ':');
        BigInteger end = _at + length;
        for (int i = 0; i < 2; i++)
        {
            if (end + i >= _bytes.Length)
                throw new IncompleteException();
            Demand(_bytes[(int)end + i] == "\r\n"[i]);
        }

        byte[] payload = _bytes[_at..(int)end];
        _at = (int)end + 2;
        return payload;
    }

    private BigInteger ReadLength() => BigInteger.Parse(ReadLine(Lengths(), LengthStarts(), _ => true), CultureInfo.InvariantCulture);

    private string ReadText()
    {
        (string line, bool complete) = FindLine(out bool lineBreakWhole);
        if (!complete)
            throw new IncompleteException();
        Demand(!lineBreakWhole || !line.Contains('\n', StringComparison.Ordinal));
        return EndLine(line, lineBreakWhole);
    }

    // Lines that are not text are refused as soon as nothing can make them valid.
    private string ReadLine(Regex whole, Regex start, Predicate<string> fits)
    {
        (string line, bool complete) = FindLine(out bool lineBreakWhole);
        Demand((complete ? whole : start).IsMatch(line) && fits(line));
        if (!complete)
            throw new IncompleteException();
        return EndLine(line, lineBreakWhole);
    }

    private (string Line, bool Complete) FindLine(out bool lineBreakWhole)
    {
        int end = Array.IndexOf(_bytes, (byte)'\r', _at + 1);
        string line = Encoding.Latin1.GetString(_bytes[(_at + 1)..(end < 0 ? _bytes.Length : end)]);
        lineBreakWhole = end >= 0 && end + 1 < _bytes.Length;
        Demand(line.Length <= _limits.MaxLineBytes);
        if (lineBreakWhole)
            Demand(_bytes[end + 1] == '\n');
        return (line, end >= 0);
    }

    private string EndLine(string line, bool lineBreakWhole)
    {
        if (!lineBreakWhole)
            throw new IncompleteException();
        _at += 1 + line.Length + 2;
        return line;
    }

    private char Peek() => PeekAt(0);

    private char PeekAt(int ahead) => _at + ahead < _bytes.Length ? (char)_bytes[_at + ahead] : throw new IncompleteException();

    private void Count(BigInteger more)
    {
        Demand(_elements + more <= _limits.MaxElements);
        _elements += (long)more;
    }

    private static void Demand(bool condition)
    {
        if (!condition)
            throw new RejectException();
    }

    private static byte[] Latin1(string text) => Encoding.Latin1.GetBytes(text);

    private static bool FitsInteger(string text) =>
        !BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value) || (value >= long.MinValue && value <= long.MaxValue);

    [GeneratedRegex(@"^[+-]?[0-9]+\z")]
    private static partial Regex Integers();

    [GeneratedRegex(@"^[+-]?[0-9]*\z")]
    private static partial Regex IntegerStarts();

    [GeneratedRegex(@"^([+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|-?(inf|nan))\z")]
    private static partial Regex Doubles();

    [GeneratedRegex(@"^([+-]?([0-9]+(\.([0-9]+([eE]([+-]?[0-9]*))?)?|[eE][+-]?[0-9]*)?)?|-?(i|in|inf|n|na|nan))\z")]
    private static partial Regex DoubleStarts();

    [GeneratedRegex(@"^[tf]\z")]
    private static partial Regex Booleans();

    [GeneratedRegex(@"^[tf]?\z")]
    private static partial Regex BooleanStarts();

    [GeneratedRegex(@"^\z")]
    private static partial Regex Nothing();

    [GeneratedRegex(@"^([0-9]+|-1|\?)\z")]
    private static partial Regex BulkHeaders();

    [GeneratedRegex(@"^([0-9]*|-|-1|\?)\z")]
    private static partial Regex BulkHeaderStarts();

    [GeneratedRegex(@"^[0-9]+\z")]
    private static partial Regex Lengths();

    [GeneratedRegex(@"^[0-9]*\z")]
    private static partial Regex LengthStarts();

    [GeneratedRegex(@"^-1\z")]
    private static partial Regex Nulls();

    [GeneratedRegex(@"^-1?\z")]
    private static partial Regex NullStarts();

    [GeneratedRegex(@"^\?\z")]
    private static partial Regex Streamed();

    [GeneratedRegex(@"^\??\z")]
    private static partial Regex StreamedStarts();

    private sealed class IncompleteException : Exception;

    private sealed class RejectException : Exception;
}
