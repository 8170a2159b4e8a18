using System.Buffers;

namespace Sluice.Resp.Transport;

/// <summary>One buffer in the chain of received bytes: filled from the front, read from the front.</summary>
internal sealed class ReceiveSegment : ReadOnlySequenceSegment<byte>
{
    private byte[] _buffer = [];

    /// <summary>How many bytes of the buffer were received.</summary>
    public int End { get; private set; }

    public int Free => _buffer.Length - End;

    public Span<byte> FreeSpan => _buffer.AsSpan(End);

    public ReceiveSegment? Following => (ReceiveSegment?)Next;

    /// <summary>Takes a buffer; the segment begins at this position of the stream.</summary>
    public void Hold(byte[] buffer, long position)
    {
        _buffer = buffer;
        End = 0;
        RunningIndex = position;
        Memory = default;
        Next = null;
    }

    public void Append(int count)
    {
        End += count;
        Memory = new ReadOnlyMemory<byte>(_buffer, 0, End);
    }

    public void Link(ReceiveSegment next) => Next = next;

    /// <summary>Moves the bytes from <paramref name="start"/> on to the front. Only while nobody holds a sequence over the segment.</summary>
    public void Compact(int start)
    {
        int length = End - start;
        Buffer.BlockCopy(_buffer, start, _buffer, 0, length);
        RunningIndex += start;
        End = 0;
        Append(length);
    }

    /// <summary>Gives the buffer back.</summary>
    public byte[] Release()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        End = 0;
        Memory = default;
        Next = null;
        return buffer;
    }
}
