using System.Buffers;

namespace Sluice.Resp;

/// <summary>A reply's bytes in pooled memory. Dispose it to give the memory back; nothing of it may be used afterwards.</summary>
/// <remarks>Disposing twice is harmless; a lease that is never disposed costs the pool one array. Not thread-safe.</remarks>
public sealed class RespLease : IMemoryOwner<byte>
{
    private byte[]? _array;

    private RespLease(byte[]? array, int length, bool isNull)
    {
        _array = array;
        Length = length;
        IsNull = isNull;
    }

    /// <summary>How many bytes; 0 for null.</summary>
    public int Length { get; private set; }

    /// <summary>True when the server's answer was null: there is no such value.</summary>
    public bool IsNull { get; }

    /// <summary>The bytes.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Memory<byte> Memory => _array is { } array ? array.AsMemory(0, Length) : Length == 0 ? default : throw new ObjectDisposedException(nameof(RespLease));

    /// <summary>The bytes.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public ReadOnlySpan<byte> Span => Memory.Span;

    internal static RespLease Null { get; } = new(null, 0, isNull: true);

    internal static RespLease Rent(int length) => new(length == 0 ? null : ArrayPool<byte>.Shared.Rent(length), length, isNull: false);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _array, null) is { } array)
            ArrayPool<byte>.Shared.Return(array);
    }
}
