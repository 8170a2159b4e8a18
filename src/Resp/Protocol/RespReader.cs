using System.Buffers;
using System.Runtime.CompilerServices;

namespace Sluice.Resp;

/// <summary>
/// Reads a complete reply where it lies: nothing is copied before somebody asks for a copy. It stands on one value; <see cref="MoveNext"/>
/// goes on to the next one, depth first, so that an aggregate of n values is followed by its n children.
/// </summary>
/// <remarks>
/// Attributes, and pushes that old servers put between the elements of a reply, are passed over; strings and aggregates of unknown length look like any other.
/// Never allocates, but for what a member says. Valid as long as the memory of the reply is; a copy of the reader is a bookmark. Don't use it after it has thrown.
/// </remarks>
[SkipLocalsInit]
public ref partial struct RespReader
{
    // The segment under the cursor, and the index of the first byte behind the current value's header and payload.
    private ReadOnlySpan<byte> _span;
    private int _next;

    // Where _span comes from, if the reply lies in several segments: the index of _span[0] in it, and where the reply ends.
    private ReadOnlySequenceSegment<byte>? _segment;
    private ReadOnlySequenceSegment<byte>? _last;
    private int _segmentStart;
    private int _lastEnd;

    // Where the whole reply begins, if it lies in several segments (see CopyFrameTo).
    private readonly ReadOnlySequenceSegment<byte>? _first;
    private readonly int _firstStart;

    private RespPrefix _prefix;
    private bool _isNull;
    private bool _isStreamed;
    private bool _hasAttributes;

    // Integer: its value. Aggregate: the number of values in it. Streamed string: bytes. Verbatim string: the three letters.
    private long _number;

    // Strings and numbers: their bytes; of a streamed string, its chunks.
    private Extent _payload;
    private Extent _attributes;

    /// <summary>Stands on the value of a complete frame, behind its attributes.</summary>
    internal RespReader(ReadOnlySpan<byte> frame)
    {
        _span = frame;
        ReadFirst();
    }

    /// <summary>Stands on the value of a complete frame, behind its attributes.</summary>
    internal RespReader(in ReadOnlySequence<byte> frame)
    {
        _span = frame.FirstSpan;
        if (!frame.IsSingleSegment)
        {
            _segment = _first = (ReadOnlySequenceSegment<byte>)frame.Start.GetObject()!;
            _segmentStart = _firstStart = frame.Start.GetInteger();
            _last = (ReadOnlySequenceSegment<byte>)frame.End.GetObject()!;
            _lastEnd = frame.End.GetInteger();
        }

        ReadFirst();
    }

    /// <summary>What the value is.</summary>
    public readonly RespPrefix Prefix => _prefix;

    /// <summary>The value is one of the three nulls: RESP3's, or RESP2's null string or null list.</summary>
    public readonly bool IsNull => _isNull;

    /// <summary>The value is an error of the server.</summary>
    public readonly bool IsError => _prefix is RespPrefix.SimpleError or RespPrefix.BulkError;

    /// <summary>The value contains values: array, set, map, push or attribute. Not if it is null.</summary>
    public readonly bool IsAggregate =>
        (_prefix is RespPrefix.Array or RespPrefix.Set or RespPrefix.Map or RespPrefix.Push or RespPrefix.Attribute) && !_isNull;

    /// <summary>The value is a simple, bulk or verbatim string. Not if it is null.</summary>
    public readonly bool IsString => (_prefix is RespPrefix.BulkString or RespPrefix.SimpleString or RespPrefix.VerbatimString) && !_isNull;

    /// <summary>
    /// How many values an aggregate contains directly: for maps and attributes keys and values, twice the number of pairs. 0 for null and for all that is no aggregate.
    /// Costs a pass over the content if the server did not announce it.
    /// </summary>
    public readonly int Count => !IsAggregate ? 0 : _isStreamed ? CountStreamed() : (int)_number;

    /// <summary>The values of an aggregate, one after the other, each with all it contains: <c>foreach (RespReader child in reader.Children)</c>.</summary>
    public readonly RespChildren Children => new(this);

    /// <summary>The server said something about this value.</summary>
    public readonly bool HasAttributes => _hasAttributes;

    /// <summary>
    /// What the server said about this value: an aggregate of <see cref="RespPrefix.Attribute"/>, keys and values in turn. There may be more than one: skip its children, then <see cref="MoveNextAttribute"/>.
    /// </summary>
    /// <returns>False if there is nothing.</returns>
    public readonly bool TryGetAttributes(out RespReader attributes)
    {
        attributes = default;
        if (!_hasAttributes)
            return false;
        attributes = Over(_attributes);
        attributes.ReadRaw();
        return true;
    }

    /// <summary>From behind the children of one attribute to the next one of the same value.</summary>
    /// <returns>False if there is none.</returns>
    public bool MoveNextAttribute() => HasMore() && _span[_next] == '|' && ReadRaw();

    /// <summary>Goes to the next value, depth first: the first child if the current one has children.</summary>
    /// <returns>False at the end of the reply; the reader then stands on nothing.</returns>
    public bool MoveNext()
    {
        _hasAttributes = false;
        while (HasMore())
        {
            switch (_span[_next])
            {
                case (byte)'|':
                    TakeAttributes();
                    break;
                case (byte)'>':
                    _hasAttributes = false;
                    Take(Measure(onlyAttribute: false));
                    break;
                case (byte)'.':
                    TakeLine();
                    break;
                default:
                    return ReadRaw();
            }
        }

        _prefix = RespPrefix.None;
        return false;
    }

    /// <summary>Passes over all that the current value contains, so that <see cref="MoveNext"/> goes to what follows it. Nothing for what contains nothing.</summary>
    public void Skip()
    {
        if (!IsAggregate)
            return;
        if (_isStreamed)
        {
            while (!AtStreamEnd())
                SkipValue();
            TakeLine();
            return;
        }

        for (long left = _number; left > 0; left--)
            SkipValue();
    }

    /// <summary>Goes to the next push that an old server put inside this reply, and past it.</summary>
    /// <param name="push">Stands on the push.</param>
    /// <returns>False if there is none any more.</returns>
    internal bool TryReadNestedPush(out RespReader push)
    {
        while (ReadRaw())
        {
            if (_prefix != RespPrefix.Push)
                continue;
            _hasAttributes = false;
            push = this;
            Skip();
            return true;
        }

        push = default;
        return false;
    }

    private void ReadFirst()
    {
        if (HasMore() && _span[_next] == '|')
            TakeAttributes();
        if (!ReadRaw())
            ThrowIncomplete();
    }
}

/// <summary>The values of an aggregate. See <see cref="RespReader.Children"/>.</summary>
public ref struct RespChildren
{
    private RespReader _cursor;
    private RespReader _current;
    private int _left;

    internal RespChildren(RespReader parent)
    {
        _cursor = parent;
        _left = parent.Count;
    }

    /// <summary>The value that the last <see cref="MoveNext"/> went to. Its own <see cref="RespReader.MoveNext"/> is meant for what it contains.</summary>
    public readonly RespReader Current => _current;

    /// <summary>For foreach.</summary>
    public readonly RespChildren GetEnumerator() => this;

    /// <summary>Goes to the next value.</summary>
    public bool MoveNext()
    {
        if (_left == 0)
            return false;
        _left--;
        _cursor.MoveNext();
        _current = _cursor;
        _cursor.Skip();
        return true;
    }
}
