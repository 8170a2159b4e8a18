using System.Buffers;
using System.Runtime.CompilerServices;

namespace Sluice.Resp;

/// <summary>
/// Finds where a frame ends and refuses what is not RESP.
///
/// It is a machine that takes each byte once: between two calls it holds how many bytes of the frame it has seen, in which part of which token it
/// stands, and how many elements each open aggregate still wants. So the cost is the number of bytes, however they are cut, and memory is the stack of open
/// aggregates, whatever counts and lengths the frame announces. What arrives in one piece takes a shorter way (<see cref="MeasureScalar"/>) that
/// knows only the common forms and leaves everything else, faults included, to the machine: there is one place that decides what is valid.
///
/// Where the specification leaves room: leading zeros, and a plus sign before integers, are taken; only <c>$-1</c> and <c>*-1</c> are
/// nulls besides <c>_</c>; only strings, arrays, sets and maps can be streamed. A line feed inside a line is a fault that is reported when the line ends, any other bare line
/// break at once. Pushes inside an aggregate (Redis 6) count as no element; inside an attribute or another push no server has put one, so that is a fault.
/// </summary>
/// <remarks>
/// A mutable value: keep it in a field, don't copy it. One thread. After it has thrown, the stream has no meaning any more, nor has the scanner.
/// </remarks>
internal partial struct FrameScanner
{
    private readonly RespLimits _limits;

    // Above these a payload or a line goes through the machine, which knows which limit it breaks.
    private readonly long _plainPayload;
    private readonly int _plainLine;

    private readonly bool _stopsAfterAttribute;

    private long _streamOffset;

    // Bytes of the frame that went through the machine before the chunk that it works on.
    private long _seen;

    // The token (FrameScanner.Machine.cs).

    private State _state;

    // The type of the token that the machine stands in, and where in the frame it began.
    private byte _token;
    private long _tokenStart;

    // Text: bytes so far and whether a bare line feed was among them. Numbers: the state of LineGrammar and the value so far.
    private long _lineBytes;
    private bool _lineFeed;
    private LineGrammar _line;

    // Payload: bytes that are still to come.
    private long _remaining;
    private int _format;

    // Between "$?" and ";0": only chunks, whose sum is limited like one payload.
    private bool _chunked;
    private long _chunkBytes;

    // The open aggregates (FrameScanner.Levels.cs).

    private Levels _levels;
    private Level[]? _deepLevels;
    private int _depth;

    // Values announced or seen inside this frame.
    private long _elements;

    // Open attributes and pushes: inside them a push is no accident of a server but nonsense.
    private int _closedToPushes;

    private long _attributeBytes;
    private RespPrefix _valuePrefix;
    private bool _hasNestedPush;

    /// <param name="limits">Validated limits.</param>
    public FrameScanner(RespLimits limits)
    {
        _limits = limits;
        _plainLine = (int)Math.Min(limits.MaxLineBytes, limits.MaxFrameBytes - 3);
        _plainPayload = Math.Min(limits.MaxBulkBytes, limits.MaxFrameBytes - 32);
    }

    private FrameScanner(RespLimits limits, bool stopsAfterAttribute)
        : this(limits) => _stopsAfterAttribute = stopsAfterAttribute;

    /// <summary>Where in the stream the frame begins that is scanned now.</summary>
    public readonly long StreamOffset => _streamOffset;

    /// <summary>A scanner without limits for bytes that were accepted before: measures one value, or only the attribute that stands there.</summary>
    public static FrameScanner ForAcceptedBytes(bool onlyAttribute) => new(RespLimits.None, onlyAttribute);

    /// <summary>Looks at what has arrived. False: the frame isn't complete; call again with the same bytes and more behind them.</summary>
    /// <param name="unconsumed">Begins at the frame's first byte in every call until the frame is complete.</param>
    /// <exception cref="RespProtocolException">Outside the grammar or the limits.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryScan(ReadOnlySpan<byte> unconsumed, out Frame frame)
    {
        if (_seen == 0)
        {
            int length = MeasureScalar(unconsumed);
            if (length > 0)
            {
                _streamOffset += length;
                frame = new Frame(length, 0, (RespPrefix)unconsumed[0], hasNestedPush: false);
                return true;
            }
        }

        return Continue(unconsumed, out frame);
    }

    /// <summary>The same for bytes in several segments. Calls may alternate with the other form.</summary>
    /// <param name="unconsumed">Begins at the frame's first byte in every call until the frame is complete.</param>
    /// <exception cref="RespProtocolException">Outside the grammar or the limits.</exception>
    public bool TryScan(in ReadOnlySequence<byte> unconsumed, out Frame frame)
    {
        if (unconsumed.IsSingleSegment)
            return TryScan(unconsumed.FirstSpan, out frame);
        if (_seen == 0)
        {
            ReadOnlySpan<byte> first = unconsumed.FirstSpan;
            int length = MeasureScalar(first);
            if (length > 0)
            {
                _streamOffset += length;
                frame = new Frame(length, 0, (RespPrefix)first[0], hasNestedPush: false);
                return true;
            }
        }

        return Continue(unconsumed, out frame);
    }

    private bool Continue(ReadOnlySpan<byte> unconsumed, out Frame frame)
    {
        ThrowIfShrunk(unconsumed.Length);
        if (Advance(unconsumed[(int)_seen..]))
        {
            frame = Finish();
            return true;
        }

        frame = default;
        return false;
    }

    private bool Continue(in ReadOnlySequence<byte> unconsumed, out Frame frame)
    {
        long length = unconsumed.Length;
        ThrowIfShrunk(length);
        frame = default;
        long unseen = length - _seen;
        if (_state == State.Payload && unseen <= _remaining)
        {
            // The middle of a large payload: nothing to look at, so don't walk its segments either.
            _remaining -= unseen;
            _seen = length;
            return false;
        }

        // What is new is mostly in the last segment: then a frame of many segments isn't walked again from its start.
        SequencePosition end = unconsumed.End;
        if (end.GetObject() is ReadOnlySequenceSegment<byte> last && unseen <= end.GetInteger())
        {
            int index = end.GetInteger();
            if (!Advance(last.Memory.Span[(index - (int)unseen)..index]))
                return false;
            frame = Finish();
            return true;
        }

        foreach (ReadOnlyMemory<byte> segment in unconsumed.Slice(_seen))
        {
            if (!Advance(segment.Span))
                continue;
            frame = Finish();
            return true;
        }

        return false;
    }

    private readonly void ThrowIfShrunk(long length)
    {
        if (length < _seen)
            throw new ArgumentException($"The frame's first {_seen} bytes were seen before, now there are {length}: consume only complete frames.");
    }

    private Frame Finish()
    {
        Frame frame = new(_seen, (int)_attributeBytes, _valuePrefix, _hasNestedPush);
        _streamOffset += _seen;
        _seen = 0;
        _attributeBytes = 0;
        _hasNestedPush = false;
        _elements = 0;
        _closedToPushes = 0;
        _chunked = false;
        _state = State.Prefix;
        return frame;
    }
}
