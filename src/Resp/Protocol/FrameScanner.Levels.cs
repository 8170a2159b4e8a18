using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice.Resp;

// The aggregates that are open, outermost first.
internal partial struct FrameScanner
{
    private const int InlineDepth = 32;
    private const int Streamed = -1;

    private struct Level
    {
        // Values to come, or Streamed.
        public int Remaining;
        public byte Token;

        // Streamed only: a key waits for its value; an attribute waits for what it is about.
        public bool IsOdd;
        public bool AwaitsValue;
    }

    [InlineArray(InlineDepth)]
    private struct Levels
    {
        private Level _outermost;
    }

    [UnscopedRef]
    private ref Level LevelAt(int index)
    {
        if (index < InlineDepth)
            return ref _levels[index];
        return ref _deepLevels![index - InlineDepth];
    }

    // A value (not an attribute, not a push inside a reply) begins.
    private void CountValue(ReadOnlySpan<byte> chunk, int at)
    {
        if (_depth == 0)
        {
            _valuePrefix = (RespPrefix)chunk[at];
            return;
        }

        ref Level top = ref LevelAt(_depth - 1);
        if (top.Remaining == Streamed)
        {
            CountElements(chunk, at, 1);
            top.AwaitsValue = false;
        }
    }

    // An attribute or a push.
    private void BeginAside(ReadOnlySpan<byte> chunk, int at)
    {
        if (_depth == 0 && _token == '>')
        {
            _valuePrefix = RespPrefix.Push;
            return;
        }

        CountElements(chunk, at, 1);
        if (_token != '>')
            return;
        if (_closedToPushes > 0)
            throw Fault(chunk, at, "A push inside an attribute or another push");
        _hasNestedPush = true;
    }

    private void CountElements(ReadOnlySpan<byte> chunk, int at, long more)
    {
        _elements += more;
        if (_elements > _limits.MaxElements)
            throw Fault(chunk, at, $"More than {_limits.MaxElements} elements in one frame ({nameof(RespLimits)}.{nameof(RespLimits.MaxElements)})", _tokenStart);
    }

    private void ThrowUnlessStreamMayEnd(ReadOnlySpan<byte> chunk, int at)
    {
        if (_depth == 0 || LevelAt(_depth - 1).Remaining != Streamed)
            throw Fault(chunk, at, "The end of a streamed aggregate where none is open");
        ref Level top = ref LevelAt(_depth - 1);
        if (top.IsOdd && top.Token == '%')
            throw Fault(chunk, at, "A streamed map that ends behind a key");
        if (top.AwaitsValue)
            throw Fault(chunk, at, "A streamed aggregate that ends behind an attribute");
    }

    // True when the frame is complete.
    private bool Open(ReadOnlySpan<byte> chunk, int at)
    {
        if (_depth == _limits.MaxDepth)
            throw Fault(chunk, at, $"More than {_limits.MaxDepth} aggregates inside one another ({nameof(RespLimits)}.{nameof(RespLimits.MaxDepth)})", _tokenStart);
        int count = Streamed;
        if (!_line.IsStreamed)
        {
            bool pairs = _token is (byte)'%' or (byte)'|';
            long announced = _line.Number > int.MaxValue ? int.MaxValue : _line.Number;
            CountElements(chunk, at, pairs ? announced * 2 : announced);
            count = (int)announced * (pairs ? 2 : 1);
        }

        if (_depth >= InlineDepth)
            MakeRoom();
        LevelAt(_depth) = new Level { Remaining = count, Token = _token };
        _depth++;
        if (_token is (byte)'|' or (byte)'>')
            _closedToPushes++;
        return count == 0 && Close(_seen + at);
    }

    private void MakeRoom()
    {
        // Twice as deep as what has really been sent, never what is only allowed.
        int deep = _depth - InlineDepth;
        if (_deepLevels is null || deep >= _deepLevels.Length)
            Array.Resize(ref _deepLevels, Math.Max(InlineDepth, deep * 2));
    }

    // The innermost aggregate has all it wants, and perhaps with it those around it. True when the frame is complete.
    private bool Close(long position)
    {
        while (true)
        {
            byte token = LevelAt(--_depth).Token;
            if (token is (byte)'|' or (byte)'>')
            {
                _closedToPushes--;
                if (token == '|')
                    return CloseAttribute(position);
                if (_depth > 0)
                {
                    LevelAt(_depth - 1).AwaitsValue = false;
                    return false;
                }
            }

            if (_depth == 0)
                return true;
            if (!TakeFromTop())
                return false;
        }
    }

    private bool CloseAttribute(long position)
    {
        if (_depth > 0)
        {
            LevelAt(_depth - 1).AwaitsValue = true;
            return false;
        }

        _attributeBytes = position;
        return _stopsAfterAttribute;
    }

    private bool EndValue(long position) => _depth == 0 || (TakeFromTop() && Close(position));

    // One value of the innermost aggregate is complete. True when it was the last.
    private bool TakeFromTop()
    {
        ref Level top = ref LevelAt(_depth - 1);
        if (top.Remaining == Streamed)
        {
            top.IsOdd = !top.IsOdd;
            return false;
        }

        return --top.Remaining == 0;
    }
}
