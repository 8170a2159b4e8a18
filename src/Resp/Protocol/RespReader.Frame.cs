using System.Buffers;

namespace Sluice.Resp;

// The reply as it lies there, for whoever reads it later on a thread of their own.
public ref partial struct RespReader
{
    /// <summary>Bytes of the whole reply. Only of a reader that was made over a frame.</summary>
    internal readonly long FrameLength => _first is null ? _span.Length : FrameBytes.Length;

    private readonly ReadOnlySequence<byte> FrameBytes => new(_first!, _firstStart, _last!, _lastEnd);

    /// <summary>Copies the whole reply as it came. Only of a reader that was made over a frame.</summary>
    internal readonly void CopyFrameTo(Span<byte> destination)
    {
        if (_first is null)
            _span.CopyTo(destination);
        else
            FrameBytes.CopyTo(destination);
    }
}
