using System.Buffers;

namespace Sluice.Resp.Client;

/// <summary>Bytes one behind the other in one pooled array that grows. One thread at a time.</summary>
internal sealed class ByteStore : IDisposable
{
    private byte[] _bytes = [];

    /// <summary>How many there are.</summary>
    public int Length { get; private set; }

    /// <summary>All of them.</summary>
    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    /// <summary>Room for so many more, which count at once.</summary>
    public Span<byte> Take(int length)
    {
        int end = checked(Length + length);
        if (end > _bytes.Length)
            Grow(end);
        Span<byte> room = _bytes.AsSpan(Length, length);
        Length = end;
        return room;
    }

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Forgets the bytes and keeps the memory.</summary>
    public void Clear() => Length = 0;

    public void Dispose()
    {
        byte[] bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Grow(int least)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(2L * least, 256, Math.Max(least, Array.MaxLength)));
        Span.CopyTo(larger);
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
