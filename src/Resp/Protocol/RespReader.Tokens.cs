using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice.Resp;

// From bytes to values. The frame was scanned: what is here only has to be safe when it was not, not to say what is wrong.
public ref partial struct RespReader
{
    internal const RespPrefix StreamEnd = (RespPrefix)'.';
    private const int LineBreakBytes = 2;
    private const long NullLength = -1;
    private const long StreamedLength = -2;

    /// <summary>Bytes of the reply: one span, or where they begin in the chain of segments.</summary>
    private ref struct Extent
    {
        public ReadOnlySpan<byte> Span;
        public ReadOnlySequenceSegment<byte>? Segment;
        public int Index;
        public long Length;
    }

    /// <summary>Values in the aggregate; -1 if its end is announced later.</summary>
    internal readonly int AnnouncedCount => _isStreamed ? -1 : (int)_number;

    [DoesNotReturn]
    private static void ThrowIncomplete() => throw new InvalidOperationException("The bytes are not one complete frame.");

    // Any token: values, attributes, pushes, ends of streamed aggregates.
    internal bool ReadRaw()
    {
        if (!HasMore())
        {
            _prefix = RespPrefix.None;
            return false;
        }

        _prefix = (RespPrefix)_span[_next++];
        _isNull = false;
        _isStreamed = false;
        switch (_prefix)
        {
            case RespPrefix.Integer:
                ReadInteger();
                return true;
            case RespPrefix.BulkString or RespPrefix.BulkError:
                ReadBulk();
                return true;
            case RespPrefix.SimpleString or RespPrefix.SimpleError or RespPrefix.Double or RespPrefix.BigNumber or RespPrefix.Boolean:
                _payload = TakeLine();
                return true;
            case RespPrefix.VerbatimString:
                ReadVerbatim();
                return true;
            case RespPrefix.Null:
                TakeLine();
                _isNull = true;
                return true;
            case RespPrefix.Array or RespPrefix.Set or RespPrefix.Push:
                ReadCount(1);
                return true;
            case RespPrefix.Map or RespPrefix.Attribute:
                ReadCount(2);
                return true;
            case StreamEnd:
                TakeLine();
                return true;
            default:
                ThrowIncomplete();
                return false;
        }
    }

    private void ReadInteger()
    {
        // Plain and whole: ":123\r\n". One pass gives value and end.
        ReadOnlySpan<byte> rest = _span[_next..];
        ulong value = 0;
        int at = 0;
        bool negative = rest.Length > 0 && rest[0] == '-';
        if (negative)
            at = 1;
        int last = Math.Min(rest.Length - LineBreakBytes, at + 18);
        uint digit;
        int first = at;
        while (at < last && (digit = (uint)(rest[at] - '0')) <= 9)
        {
            value = (value * 10) + digit;
            at++;
        }

        if (at > first && at < rest.Length - 1 && rest[at] == '\r')
        {
            _number = negative ? -(long)value : (long)value;
            _payload = new Extent { Span = rest[..at], Length = at };
            _next += at + LineBreakBytes;
            return;
        }

        _payload = TakeLine();
        _number = ParseInteger(_payload);
    }

    private void ReadBulk()
    {
        long length = ReadLength();
        if (length == NullLength)
        {
            _isNull = true;
            _payload = default;
            return;
        }

        if (length == StreamedLength)
        {
            ReadChunks();
            return;
        }

        _payload = Take(length);
        Take(LineBreakBytes);
    }

    private void ReadVerbatim()
    {
        long length = ReadLength();
        Extent format = Take(4);
        _number = 0;
        for (int i = 0; i < 3; i++)
            _number = (_number << 8) | ByteAt(format, i);
        _payload = Take(length - 4);
        Take(LineBreakBytes);
    }

    private void ReadCount(int each)
    {
        long count = ReadLength();
        _payload = default;
        _isNull = count == NullLength;
        _isStreamed = count == StreamedLength;
        _number = count < 0 ? 0 : count * each;
    }

    private void ReadChunks()
    {
        RespReader start = this;
        long raw = 0;
        _number = 0;
        while (true)
        {
            // ';', length, line break, chunk, line break: the lengths of all that give the extent of the whole.
            Take(1);
            long header = HeaderBytes(out long length);
            raw += 1 + header;
            if (length == 0)
                break;
            Take(length);
            Take(LineBreakBytes);
            raw += length + LineBreakBytes;
            _number += length;
        }

        _isStreamed = true;
        _payload = start.Take(raw);
    }

    private long HeaderBytes(out long length)
    {
        Extent line = TakeLine();
        length = ParseInteger(line);
        if (length < 0)
            ThrowIncomplete();
        return line.Length + LineBreakBytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long ReadLength()
    {
        ReadOnlySpan<byte> rest = _span[_next..];
        long value = 0;
        int at = 0;
        int last = Math.Min(rest.Length - LineBreakBytes, 10);
        uint digit;
        while (at < last && (digit = (uint)(rest[at] - '0')) <= 9)
        {
            value = (value * 10) + digit;
            at++;
        }

        if (at > 0 && at < rest.Length - 1 && rest[at] == '\r')
        {
            _next += at + LineBreakBytes;
            return value;
        }

        return ReadRareLength();
    }

    private long ReadRareLength()
    {
        Extent line = TakeLine();
        if (line.Length == 1 && ByteAt(line, 0) == '?')
            return StreamedLength;
        long length = ParseInteger(line);
        if (length < NullLength)
            ThrowIncomplete();
        return length;
    }

    private Extent TakeLine()
    {
        ReadOnlySpan<byte> rest = _span[_next..];
        int length = rest.IndexOf((byte)'\r');
        if (length >= 0 && length + 1 < rest.Length)
        {
            _next += length + LineBreakBytes;
            return new Extent { Span = rest[..length], Length = length };
        }

        RespReader start = this;
        long total = 0;
        while ((length = _span[_next..].IndexOf((byte)'\r')) < 0)
        {
            total += _span.Length - _next;
            if (!NextSegment())
                ThrowIncomplete();
        }

        total += length;
        _next += length;
        Take(LineBreakBytes);
        return start.Take(total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Extent Take(long length)
    {
        if ((ulong)length <= (ulong)(_span.Length - _next))
        {
            Extent extent = new() { Span = _span.Slice(_next, (int)length), Length = length };
            _next += (int)length;
            return extent;
        }

        return TakeAcross(length);
    }

    private Extent TakeAcross(long length)
    {
        if (length < 0)
            ThrowIncomplete();
        if (_next == _span.Length)
        {
            // What begins with the next segment mostly ends in it.
            if (!NextSegment())
                ThrowIncomplete();
            return Take(length);
        }

        Extent extent = new() { Segment = _segment, Index = _segmentStart + _next, Length = length };
        long left = length;
        while (left > _span.Length - _next)
        {
            left -= _span.Length - _next;
            if (!NextSegment())
                ThrowIncomplete();
        }

        _next += (int)left;
        return extent;
    }

    private bool NextSegment()
    {
        while (_segment is not null && _segment != _last)
        {
            _segment = (ReadOnlySequenceSegment<byte>)_segment.Next!;
            _segmentStart = 0;
            _next = 0;
            _span = _segment == _last ? _segment.Memory.Span[.._lastEnd] : _segment.Memory.Span;
            if (_span.Length > 0)
                return true;
        }

        return false;
    }

    private bool HasMore() => _next < _span.Length || NextSegment();

    // Attributes one after the other belong to the same value.
    private void TakeAttributes()
    {
        RespReader start = this;
        long total = 0;
        while (HasMore() && _span[_next] == '|')
        {
            long length = Measure(onlyAttribute: true);
            Take(length);
            total += length;
        }

        _attributes = start.Take(total);
        _hasAttributes = true;
    }

    private bool AtStreamEnd()
    {
        while (HasMore())
        {
            switch (_span[_next])
            {
                case (byte)'.':
                    return true;
                case (byte)'>':
                    Take(Measure(onlyAttribute: false));
                    break;
                case (byte)'|':
                    // Of a value, or of a push that is no value either.
                    RespReader ahead = this;
                    ahead.TakeAttributes();
                    if (!ahead.HasMore() || ahead._span[ahead._next] != '>')
                        return false;
                    Take(ahead._attributes.Length);
                    break;
                default:
                    return false;
            }
        }

        ThrowIncomplete();
        return true;
    }

    // One value with its attributes and all it contains; pushes before it too.
    private void SkipValue()
    {
        while (HasMore())
        {
            switch (_span[_next])
            {
                case (byte)'|':
                    Take(Measure(onlyAttribute: true));
                    break;
                case (byte)'>':
                    Take(Measure(onlyAttribute: false));
                    break;
                case (byte)'*' or (byte)'%' or (byte)'~':
                    Take(Measure(onlyAttribute: false));
                    return;
                default:
                    // Overwrites what the reader stands on; it is about to leave that anyway.
                    ReadRaw();
                    return;
            }
        }

        ThrowIncomplete();
    }

    private readonly int CountStreamed()
    {
        RespReader walker = this;
        int count = 0;
        for (; !walker.AtStreamEnd(); count++)
            walker.SkipValue();
        return count;
    }

    // Bytes of what begins at the cursor. The scanner's stack instead of the thread's: how deep it goes is up to the server.
    private readonly long Measure(bool onlyAttribute)
    {
        FrameScanner scanner = FrameScanner.ForAcceptedBytes(onlyAttribute);
        bool complete = _segment is null
            ? scanner.TryScan(_span[_next..], out Frame frame)
            : scanner.TryScan(new ReadOnlySequence<byte>(_segment, _segmentStart + _next, _last!, _lastEnd), out frame);
        if (!complete)
            ThrowIncomplete();
        return frame.Length;
    }

    private readonly ReadOnlySequence<byte> Sequence(Extent extent) =>
        new ReadOnlySequence<byte>(extent.Segment!, extent.Index, _last!, _lastEnd).Slice(0, extent.Length);

    private readonly RespReader Over(Extent extent)
    {
        RespReader reader = default;
        if (extent.Segment is null)
        {
            reader._span = extent.Span;
            return reader;
        }

        ReadOnlySequence<byte> sequence = Sequence(extent);
        reader._span = sequence.FirstSpan;
        if (sequence.IsSingleSegment)
            return reader;
        reader._segment = (ReadOnlySequenceSegment<byte>)sequence.Start.GetObject()!;
        reader._segmentStart = sequence.Start.GetInteger();
        reader._last = (ReadOnlySequenceSegment<byte>)sequence.End.GetObject()!;
        reader._lastEnd = sequence.End.GetInteger();
        return reader;
    }
}
