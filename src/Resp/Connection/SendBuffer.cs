using System.Buffers;

namespace Sluice.Resp.Connection;

/// <summary>Frames that wait to be written: a chain of pooled arrays, none while it is empty.</summary>
/// <remarks>Not thread-safe: the append side belongs to the connection's lock, the side that is being written to the writer.</remarks>
internal sealed class SendBuffer
{
    private const int SegmentBytes = 16 * 1024;

    private ArraySegment<byte>[] _segments = new ArraySegment<byte>[4];
    private bool _holdsSecret;

    /// <summary>How many arrays hold bytes.</summary>
    public int Count { get; private set; }

    /// <summary>All bytes.</summary>
    public long Length { get; private set; }

    /// <summary>The bytes of one array.</summary>
    public ReadOnlyMemory<byte> this[int index] => _segments[index];

    /// <summary>Copies a frame behind the others, or throws and changes nothing.</summary>
    /// <param name="frame">One or more commands.</param>
    /// <param name="isSecret">The bytes are wiped before their memory is given back: the pool's next user may be anybody.</param>
    public void Append(ReadOnlySpan<byte> frame, bool isSecret = false)
    {
        _holdsSecret |= isSecret;
        if (Count != 0)
        {
            ref ArraySegment<byte> last = ref _segments[Count - 1];
            byte[] array = last.Array!;
            if (array.Length - last.Count >= frame.Length)
            {
                frame.CopyTo(array.AsSpan(last.Count));
                last = new ArraySegment<byte>(array, 0, last.Count + frame.Length);
                Length += frame.Length;
                return;
            }
        }

        AppendSegment(frame);
    }

    /// <summary>Gives the arrays back.</summary>
    public void Clear()
    {
        for (int index = 0; index < Count; index++)
        {
            if (_holdsSecret)
                _segments[index].AsSpan().Clear();
            ArrayPool<byte>.Shared.Return(_segments[index].Array!);
            _segments[index] = default;
        }

        Count = 0;
        Length = 0;
        _holdsSecret = false;
    }

    private void AppendSegment(ReadOnlySpan<byte> frame)
    {
        if (Count == _segments.Length)
            Array.Resize(ref _segments, Count * 2);
        byte[] array = ArrayPool<byte>.Shared.Rent(Math.Max(SegmentBytes, frame.Length));
        frame.CopyTo(array);
        _segments[Count++] = new ArraySegment<byte>(array, 0, frame.Length);
        Length += frame.Length;
    }
}
