using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Sluice.Resp;

// From the value to the types of the caller.
public ref partial struct RespReader
{
    private const int LongestPlainNumber = 64;

    /// <summary>
    /// Bytes of the content of a string, an error or a number: without type, length and line breaks, and for verbatim strings without the format. 0 for null and for
    /// aggregates.
    /// </summary>
    public readonly long ByteLength => IsAggregate || _isNull ? 0 : IsStreamedString ? _number : _payload.Length;

    /// <summary>The three letters in front of a verbatim string, e.g. <c>txt</c>; null for everything else. Allocates unless it is txt or mkd.</summary>
    public readonly string? VerbatimFormat => _prefix != RespPrefix.VerbatimString ? null : _number switch
    {
        ('t' << 16) | ('x' << 8) | 't' => "txt",
        ('m' << 16) | ('k' << 8) | 'd' => "mkd",
        _ => Encoding.Latin1.GetString([(byte)(_number >> 16), (byte)(_number >> 8), (byte)_number]),
    };

    private readonly bool IsStreamedString => _isStreamed && _prefix == RespPrefix.BulkString;

    /// <summary>An integer, or a string of at most 64 bytes that is one (as scripts often return them).</summary>
    /// <returns>False for every other value.</returns>
    public readonly bool TryReadInt64(out long value)
    {
        if (_prefix == RespPrefix.Integer)
        {
            value = _number;
            return true;
        }

        value = 0;
        if (!IsString || ByteLength > LongestPlainNumber)
            return false;
        using Contiguous text = new(this, stackalloc byte[LongestPlainNumber]);
        return TryParseInt64(text.Span, out value);
    }

    /// <summary>An integer, or a string of at most 64 bytes that is one (as scripts often return them).</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public readonly long ReadInt64() => TryReadInt64(out long value) ? value : throw Unexpected("an integer");

    /// <summary>A double, an integer, or a string of at most 64 bytes that is one of them; <c>inf</c>, <c>-inf</c> and <c>nan</c> included.</summary>
    /// <returns>False for every other value.</returns>
    public readonly bool TryReadDouble(out double value)
    {
        if (_prefix == RespPrefix.Integer)
        {
            value = _number;
            return true;
        }

        value = 0;
        if (_prefix != RespPrefix.Double && (!IsString || ByteLength > LongestPlainNumber))
            return false;
        using Contiguous text = new(this, stackalloc byte[LongestPlainNumber]);
        return TryParseDouble(text.Span, isString: IsString, out value);
    }

    /// <summary>A double, an integer, or a string of at most 64 bytes that is one of them; <c>inf</c>, <c>-inf</c> and <c>nan</c> included.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public readonly double ReadDouble() => TryReadDouble(out double value) ? value : throw Unexpected("a double");

    /// <summary>A boolean, or the integers 0 and 1.</summary>
    /// <returns>False for every other value.</returns>
    public readonly bool TryReadBoolean(out bool value)
    {
        value = false;
        if (_prefix == RespPrefix.Boolean)
        {
            value = ByteAt(_payload, 0) == 't';
            return true;
        }

        if (_prefix != RespPrefix.Integer || _number is not (0 or 1))
            return false;
        value = _number == 1;
        return true;
    }

    /// <summary>A boolean, or the integers 0 and 1.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public readonly bool ReadBoolean() => TryReadBoolean(out bool value) ? value : throw Unexpected("a boolean");

    /// <summary>A big number or an integer. Allocates; the cost grows faster than the number of digits.</summary>
    /// <exception cref="RespServerException">It is an error.</exception>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public readonly BigInteger ReadBigInteger()
    {
        if (_prefix == RespPrefix.Integer)
            return _number;
        if (_prefix != RespPrefix.BigNumber)
            throw Unexpected("a big number");
        using Contiguous text = new(this, stackalloc byte[LongestPlainNumber]);
        return BigInteger.Parse(Encoding.Latin1.GetString(text.Span), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    /// <summary>The content where it lies, if it lies in one piece. Null is empty; see <see cref="IsNull"/>.</summary>
    /// <returns>False if it has to be copied: it is cut, or an aggregate.</returns>
    public readonly bool TryGetSpan(out ReadOnlySpan<byte> content)
    {
        content = default;
        if (IsAggregate)
            return false;
        if (IsStreamedString)
            return _number == 0;
        content = _payload.Span;
        return _payload.Segment is null;
    }

    /// <summary>Copies the content. Null is empty; see <see cref="IsNull"/>.</summary>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than <see cref="ByteLength"/>.</exception>
    /// <exception cref="RespTypeException">It is an aggregate.</exception>
    public readonly int CopyTo(Span<byte> destination)
    {
        if (IsAggregate)
            throw Unexpected("a string");
        if (ByteLength > destination.Length)
            throw new ArgumentException($"The content has {ByteLength} bytes, the destination {destination.Length}.", nameof(destination));
        if (_isNull)
            return 0;
        return IsStreamedString ? CopyChunksTo(destination) : Copy(_payload, destination);
    }

    /// <summary>The content as text in UTF-8 (bytes that are none become U+FFFD); null for null. Numbers and errors as the server spelled them.</summary>
    /// <exception cref="RespTypeException">It is an aggregate.</exception>
    /// <exception cref="OutOfMemoryException">It is longer than a string can be.</exception>
    public readonly string? ReadString()
    {
        if (IsAggregate)
            throw Unexpected("a string");
        if (_isNull)
            return null;
        if (TryGetSpan(out ReadOnlySpan<byte> content))
            return Encoding.UTF8.GetString(content);
        return IsStreamedString ? Encoding.UTF8.GetString(ToArray()!) : Encoding.UTF8.GetString(Sequence(_payload));
    }

    /// <summary>A copy of the content; null for null.</summary>
    /// <exception cref="RespTypeException">It is an aggregate.</exception>
    public readonly byte[]? ToArray()
    {
        if (IsAggregate)
            throw Unexpected("a string");
        if (_isNull)
            return null;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(checked((int)ByteLength));
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>The error that the reader stands on, to be thrown or looked at; null if it stands on none.</summary>
    public readonly RespServerException? ToException()
    {
        if (!IsError)
            return null;
        if (ByteLength <= RespServerException.MaxTextLength)
            return new RespServerException(ReadString()!);
        ReadOnlySpan<byte> start = TryGetSpan(out ReadOnlySpan<byte> whole) ? whole : Sequence(_payload).Slice(0, RespServerException.MaxTextLength).ToArray();
        return new RespServerException(Encoding.UTF8.GetString(start[..RespServerException.MaxTextLength]));
    }

    /// <summary>Throws if the reader stands on an error.</summary>
    /// <exception cref="RespServerException">The error.</exception>
    public readonly void ThrowIfError()
    {
        if (IsError)
            throw ToException()!;
    }

    /// <summary>A string that is an integer: reader and tree decide it here.</summary>
    internal static bool TryParseInt64(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        return text.Length <= LongestPlainNumber && Utf8Parser.TryParse(text, out value, out int used) && used == text.Length;
    }

    /// <summary>A double, or a string that is one: reader and tree decide it here.</summary>
    internal static bool TryParseDouble(ReadOnlySpan<byte> text, bool isString, out double value)
    {
        value = 0;
        if (isString && text.Length > LongestPlainNumber)
            return false;
        if (text.SequenceEqual("inf"u8))
            value = double.PositiveInfinity;
        else if (text.SequenceEqual("-inf"u8))
            value = double.NegativeInfinity;
        else if (text.SequenceEqual("nan"u8) || text.SequenceEqual("-nan"u8))
            value = double.NaN;
        else
            return TryParseFiniteDouble(text, out value);
        return true;
    }

    // The framework also knows names of infinities, and takes NULs behind a number: neither is what a server calls a number. One too large for a double is infinite.
    private static bool TryParseFiniteDouble(ReadOnlySpan<byte> text, out double value)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        value = 0;
        return text.ContainsAnyInRange((byte)'0', (byte)'9') && !text.Contains((byte)0) && double.TryParse(text, Style, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>What to throw when a caller wants something else than came: the server's error, or one about types.</summary>
    internal readonly RespException Unexpected(string wanted) => IsError
        ? ToException()!
        : new RespTypeException($"The reply is not {wanted} but {(_isNull ? "null" : _prefix.ToString())}.");

    private readonly int CopyChunksTo(Span<byte> destination)
    {
        RespReader chunks = Over(_payload);
        int copied = 0;
        while (true)
        {
            chunks.Take(1);
            chunks.HeaderBytes(out long length);
            if (length == 0)
                return copied;
            copied += chunks.Copy(chunks.Take(length), destination[copied..]);
            chunks.Take(LineBreakBytes);
        }
    }

    private readonly int Copy(Extent extent, Span<byte> destination)
    {
        if (extent.Segment is null)
            extent.Span.CopyTo(destination);
        else
            Sequence(extent).CopyTo(destination);
        return (int)extent.Length;
    }

    private readonly byte ByteAt(Extent extent, int index)
    {
        if (extent.Segment is null)
            return extent.Span[index];
        return Sequence(extent).Slice(index).FirstSpan[0];
    }

    // An integer or a length that is cut, or has a plus sign or many zeros: the value, for lines that the scanner accepted.
    private readonly long ParseInteger(Extent line)
    {
        using Contiguous text = new(this, line, stackalloc byte[LongestPlainNumber]);
        ReadOnlySpan<byte> digits = text.Span;
        bool negative = digits is [(byte)'-', ..];
        if (digits is [(byte)'-' or (byte)'+', ..])
            digits = digits[1..];
        if (digits.IsEmpty)
            ThrowIncomplete();
        long value = 0;
        foreach (byte digit in digits)
        {
            if ((uint)(digit - '0') > 9)
                ThrowIncomplete();
            value = unchecked((value * 10) - (digit - '0'));
        }

        return negative ? value : unchecked(-value);
    }

    /// <summary>The content in one piece, copied only if it is cut.</summary>
    private ref struct Contiguous
    {
        private byte[]? _rented;

        public Contiguous(in RespReader reader, Span<byte> scratch)
        {
            if (reader.TryGetSpan(out ReadOnlySpan<byte> content))
            {
                Span = content;
                return;
            }

            Span<byte> copy = Room((int)reader.ByteLength, scratch);
            Span = copy[..reader.CopyTo(copy)];
        }

        public Contiguous(in RespReader reader, Extent extent, Span<byte> scratch)
        {
            if (extent.Segment is null)
            {
                Span = extent.Span;
                return;
            }

            Span<byte> copy = Room((int)extent.Length, scratch);
            Span = copy[..reader.Copy(extent, copy)];
        }

        public ReadOnlySpan<byte> Span { get; }

        public void Dispose()
        {
            if (_rented is not null)
                ArrayPool<byte>.Shared.Return(_rented);
            _rented = null;
        }

        private Span<byte> Room(int length, Span<byte> scratch)
        {
            if (length <= scratch.Length)
                return scratch;
            return _rented = ArrayPool<byte>.Shared.Rent(length);
        }
    }
}
