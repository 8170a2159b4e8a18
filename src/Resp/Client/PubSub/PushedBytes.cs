using System.Buffers;

namespace Sluice.Resp.Client;

/// <summary>The bytes of a value in one piece: where they lie, or copied into pooled memory when they are cut.</summary>
internal ref struct PushedBytes : IDisposable
{
    private byte[]? _rented;

    public PushedBytes(in RespReader value)
    {
        if (value.TryGetSpan(out ReadOnlySpan<byte> content))
        {
            Span = content;
            return;
        }

        _rented = ArrayPool<byte>.Shared.Rent((int)value.ByteLength);
        Span = _rented.AsSpan(0, value.CopyTo(_rented));
    }

    /// <summary>The bytes; null is empty.</summary>
    public ReadOnlySpan<byte> Span { get; }

    public void Dispose()
    {
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }
}
