namespace Sluice.Cli.Input;

/// <summary>What <see cref="LineReader.TryRead"/> found.</summary>
internal enum LineOutcome
{
    /// <summary>A whole line.</summary>
    Line,

    /// <summary>A line longer than <see cref="LineReader.MaxLineLength"/>; only its beginning is given.</summary>
    TooLong,

    /// <summary>No whole line is buffered: call <see cref="LineReader.FillAsync"/>.</summary>
    NeedsBytes,
}

/// <summary>
/// Cuts a stream into lines without allocating per line. Lines end with LF or CR LF; the last one may have no end. Belongs to one thread at a time;
/// does not own the stream.
/// </summary>
internal sealed class LineReader(Stream stream)
{
    /// <summary>The longest line that is parsed, in bytes: eight times what web servers accept as a request line.</summary>
    public const int MaxLineLength = 64 * 1024;

    private const int BufferLength = 256 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferLength);
    private int _start;
    private int _end;
    private bool _ended;
    private bool _skipping;
    private bool _begun;

    /// <summary>Lines given so far, the long ones included: the number of the line that was given last.</summary>
    public long LineNumber { get; private set; }

    /// <summary>Bytes taken from the stream.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Reads more of the stream. False when the stream has ended and everything was given.</summary>
    public async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        if (_ended)
            return _end > _start;
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
        _end += read;
        BytesRead += read;
        _ended = read == 0;
        if (!_begun)
        {
            // A part of a byte order mark holds no line end, so nothing was given of it yet.
            ReadOnlySpan<byte> mark = "\uFEFF"u8;
            ReadOnlySpan<byte> first = _buffer.AsSpan(0, _end);
            _begun = _ended || first.Length >= mark.Length || !mark.StartsWith(first);
            if (first.StartsWith(mark))
                _start = mark.Length;
        }

        return !_ended || _end > _start;
    }

    /// <summary>Gives the next line, without its end. The span is valid until the next <see cref="FillAsync"/>.</summary>
    public LineOutcome TryRead(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            ReadOnlySpan<byte> unread = _buffer.AsSpan(_start, _end - _start);
            int length = unread.IndexOf((byte)'\n');
            if (_skipping)
            {
                // The rest of a line that was too long and has been given.
                _start += length < 0 ? unread.Length : length + 1;
                _skipping = length < 0;
                if (!_skipping)
                    continue;
                line = default;
                return LineOutcome.NeedsBytes;
            }

            if (length < 0 && !_ended && unread.Length <= MaxLineLength + 1)
            {
                line = default;
                return LineOutcome.NeedsBytes;
            }

            if (length < 0 && unread.IsEmpty)
            {
                line = default;
                return LineOutcome.NeedsBytes;
            }

            LineNumber++;
            if (length >= 0)
            {
                _start += length + 1;
                line = unread[..length];
            }
            else
            {
                _start = _end;
                line = unread;
                _skipping = !_ended;
            }

            if (line.Length > 0 && line[^1] == '\r')
                line = line[..^1];
            if (line.Length <= MaxLineLength)
                return LineOutcome.Line;
            line = line[..MaxLineLength];
            return LineOutcome.TooLong;
        }
    }
}
