namespace Sluice.Resp;

internal partial struct FrameScanner
{
    private enum State : byte
    {
        Prefix,
        Text,
        Line,
        LineFeed,
        Format,
        Payload,
        PayloadCarriageReturn,
        PayloadLineFeed,
    }

    // True when the frame is complete; _seen is then its length. All of the chunk was looked at otherwise.
    private bool Advance(ReadOnlySpan<byte> chunk)
    {
        // What would make the frame too long is not looked at: which fault is found must not depend on where the stream was cut.
        long room = _limits.MaxFrameBytes - _seen;
        bool overflows = chunk.Length > room;
        if (overflows)
            chunk = chunk[..(int)room];

        int at = 0;
        bool complete = false;
        while (at < chunk.Length && !complete)
        {
            switch (_state)
            {
                case State.Prefix:
                    int length = _chunked ? 0 : MeasureScalar(chunk[at..]);
                    if (length == 0)
                    {
                        BeginToken(chunk, at++);
                        break;
                    }

                    _tokenStart = _seen + at;
                    CountValue(chunk, at);
                    at += length;
                    complete = EndValue(_seen + at);
                    break;

                case State.Text:
                    at = SearchText(chunk, at);
                    break;

                case State.Line:
                    at = StepLine(chunk, at);
                    break;

                case State.LineFeed:
                    if (chunk[at] != '\n')
                        throw Fault(chunk, at, "A carriage return without a line feed behind it");
                    if (_lineFeed)
                        throw Fault(chunk, at, "A bare line feed inside a line", _tokenStart);
                    at++;
                    complete = EndLine(chunk, at);
                    break;

                case State.Format:
                    at = StepFormat(chunk, at);
                    break;

                case State.Payload:
                    int taken = (int)Math.Min(_remaining, chunk.Length - at);
                    _remaining -= taken;
                    at += taken;
                    if (_remaining == 0)
                        _state = State.PayloadCarriageReturn;
                    break;

                case State.PayloadCarriageReturn:
                    if (chunk[at] != '\r')
                        throw Fault(chunk, at, "A payload is not followed by a line break: its length is wrong");
                    at++;
                    _state = State.PayloadLineFeed;
                    break;

                case State.PayloadLineFeed:
                    if (chunk[at] != '\n')
                        throw Fault(chunk, at, "A payload is not followed by a line break: its length is wrong");
                    at++;
                    _state = State.Prefix;
                    complete = !_chunked && EndValue(_seen + at);
                    break;
            }
        }

        if (overflows && !complete)
            throw Fault(chunk, at, $"A frame of more than {_limits.MaxFrameBytes} bytes ({nameof(RespLimits)}.{nameof(RespLimits.MaxFrameBytes)})", 0);
        _seen += at;
        return complete;
    }

    private void BeginToken(ReadOnlySpan<byte> chunk, int at)
    {
        _token = chunk[at];
        _tokenStart = _seen + at;
        _lineBytes = 0;
        _lineFeed = false;
        _line = default;
        if (_chunked)
        {
            if (_token != ';')
                throw Fault(chunk, at, "Something else than a chunk inside a streamed string");
            _state = State.Line;
            return;
        }

        switch (_token)
        {
            case (byte)'+' or (byte)'-':
                _state = State.Text;
                break;
            case (byte)'.':
                _state = State.Line;
                ThrowUnlessStreamMayEnd(chunk, at);
                return;
            case (byte)':' or (byte)'$' or (byte)'*' or (byte)'_' or (byte)'#' or (byte)',' or (byte)'(' or (byte)'!' or (byte)'=' or (byte)'%' or (byte)'~':
                _state = State.Line;
                break;
            case (byte)'|' or (byte)'>':
                _state = State.Line;
                BeginAside(chunk, at);
                return;
            default:
                throw Fault(chunk, at, StrangeBytes.Describe(chunk[at..], _depth == 0));
        }

        CountValue(chunk, at);
    }

    private int SearchText(ReadOnlySpan<byte> chunk, int at)
    {
        while (true)
        {
            ReadOnlySpan<byte> rest = chunk[at..];
            int length = rest.IndexOfAny((byte)'\r', (byte)'\n');
            int text = length < 0 ? rest.Length : length;
            _lineBytes += text;
            if (_lineBytes > _limits.MaxLineBytes)
                throw LineTooLong(chunk, at);
            if (length < 0)
                return chunk.Length;
            at += length + 1;
            if (rest[length] == '\r')
            {
                _state = State.LineFeed;
                return at;
            }

            // Not RESP, but the line may still be on its way: the fault is reported when it ends or is too long.
            _lineFeed = true;
            _lineBytes++;
        }
    }

    private int StepLine(ReadOnlySpan<byte> chunk, int at)
    {
        while (at < chunk.Length)
        {
            byte b = chunk[at];
            if (b == '\r')
            {
                if (!_line.MayEnd(_token))
                    throw Fault(chunk, at, LineGrammar.Describe(_token));
                _state = State.LineFeed;
                return at + 1;
            }

            if (!_line.Take(_token, b))
                throw Fault(chunk, at, LineGrammar.Describe(_token));
            if (++_lineBytes > _limits.MaxLineBytes)
                throw LineTooLong(chunk, at);
            at++;
        }

        return at;
    }

    private int StepFormat(ReadOnlySpan<byte> chunk, int at)
    {
        while (at < chunk.Length && _format > 0)
        {
            if (--_format == 0 && chunk[at] != ':')
                throw Fault(chunk, at, "A verbatim string without a colon behind the three letters of its format");
            at++;
        }

        if (_format == 0)
            _state = _remaining == 0 ? State.PayloadCarriageReturn : State.Payload;
        return at;
    }

    // True when the frame is complete. at: index behind the line.
    private bool EndLine(ReadOnlySpan<byte> chunk, int at)
    {
        _state = State.Prefix;
        switch (_token)
        {
            case (byte)'$' or (byte)'!' or (byte)'=':
                return !BeginPayload(chunk, at) && EndValue(_seen + at);
            case (byte)';':
                return EndChunkHeader(chunk, at);
            case (byte)'*' or (byte)'~' or (byte)'%' or (byte)'|' or (byte)'>':
                return _line.IsNull ? EndValue(_seen + at) : Open(chunk, at);
            case (byte)'.':
                return Close(_seen + at);
            default:
                return EndValue(_seen + at);
        }
    }

    // False when there is none: null.
    private bool BeginPayload(ReadOnlySpan<byte> chunk, int at)
    {
        if (_line.IsNull)
            return false;
        if (_line.IsStreamed)
        {
            _chunked = true;
            _chunkBytes = 0;
            return true;
        }

        _remaining = _line.Number;
        ThrowIfTooLarge(chunk, at, _remaining);
        _state = _remaining == 0 ? State.PayloadCarriageReturn : State.Payload;
        if (_token != '=')
            return true;
        if (_remaining < 4)
            throw Fault(chunk, at, "A verbatim string too short for its format", _tokenStart);
        _remaining -= 4;
        _format = 4;
        _state = State.Format;
        return true;
    }

    private bool EndChunkHeader(ReadOnlySpan<byte> chunk, int at)
    {
        if (_line.Number == 0)
        {
            _chunked = false;
            return EndValue(_seen + at);
        }

        _remaining = _line.Number;
        _chunkBytes = _chunkBytes > long.MaxValue - _remaining ? long.MaxValue : _chunkBytes + _remaining;
        ThrowIfTooLarge(chunk, at, _chunkBytes);
        _state = State.Payload;
        return false;
    }

    private readonly void ThrowIfTooLarge(ReadOnlySpan<byte> chunk, int at, long length)
    {
        if (length > _limits.MaxBulkBytes)
            throw Fault(chunk, at, $"A string of more than {_limits.MaxBulkBytes} bytes ({nameof(RespLimits)}.{nameof(RespLimits.MaxBulkBytes)})", _tokenStart);
        if (_remaining > _limits.MaxFrameBytes - (_seen + at) - 2)
            throw Fault(chunk, at, $"A frame of more than {_limits.MaxFrameBytes} bytes ({nameof(RespLimits)}.{nameof(RespLimits.MaxFrameBytes)})", 0);
    }

    private readonly RespProtocolException LineTooLong(ReadOnlySpan<byte> chunk, int at) =>
        Fault(chunk, at, $"A line of more than {_limits.MaxLineBytes} bytes ({nameof(RespLimits)}.{nameof(RespLimits.MaxLineBytes)})", _tokenStart);

    private readonly RespProtocolException Fault(ReadOnlySpan<byte> chunk, int at, string fault) => Fault(chunk, at, fault, _seen + at);

    private readonly RespProtocolException Fault(ReadOnlySpan<byte> chunk, int at, string fault, long offsetInFrame)
    {
        const int Before = RespProtocolException.ShownBytes / 2;
        int from = Math.Max(0, Math.Min(at, chunk.Length) - Before);
        return new RespProtocolException(fault, _streamOffset + offsetInFrame, chunk.Slice(from, Math.Min(RespProtocolException.ShownBytes, chunk.Length - from)));
    }
}
