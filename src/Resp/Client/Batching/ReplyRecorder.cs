using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>
/// Copies the replies to one frame of several commands into memory, to be read by the caller. The connection's thread writes while the frame is under way, the caller reads afterwards; a frame that was given up
/// writes no more.
/// </summary>
internal sealed class ReplyRecorder : ReplyCollector, IDisposable
{
    private readonly ByteStore _bytes = new();
    private int[] _ends = [];
    private int _expected;

    /// <inheritdoc/>
    public override int Expected => _expected;

    /// <summary>How many replies came.</summary>
    public int Count { get; private set; }

    /// <summary>A reply as it came, with the attributes in front of it: a <see cref="RespReader"/> passes over those.</summary>
    public ReadOnlySpan<byte> this[int index] => _bytes.Span[(index == 0 ? 0 : _ends[index - 1])..(index < Count ? _ends[index] : 0)];

    /// <summary>Forgets everything and waits for so many replies.</summary>
    public void Begin(int expected)
    {
        _expected = expected;
        Count = 0;
        _bytes.Clear();
        if (_ends.Length < expected)
            _ends = new int[Math.Max(expected, 2 * _ends.Length)];
    }

    /// <inheritdoc/>
    public override void Collect(int index, ref RespReader reply)
    {
        reply.CopyFrameTo(_bytes.Take(checked((int)reply.FrameLength)));
        _ends[index] = _bytes.Length;
        Count = index + 1;
    }

    public void Dispose() => _bytes.Dispose();
}
