using System.Buffers;

namespace Sluice.Resp.Transport;

/// <summary>
/// The buffers of all connections of the process. Not the shared array pool: that keeps one array of each size for every thread that returned one, and a connection reads
/// on a thread of its own, so an idle connection would go on holding a buffer.
/// </summary>
/// <remarks>Thread-safe, without locks: a slot is emptied and filled by exchange. It keeps 4 MiB at most; what is more goes to the collector.</remarks>
internal static class TransportBuffers
{
    /// <summary>A batch of some thousand small replies; below the size from which arrays are collected with the oldest generation only.</summary>
    public const int SlabBytes = 64 * 1024;

    /// <summary>The largest buffer for a frame that needs many.</summary>
    public const int LargestBytes = 1024 * 1024;

    private const int Kept = 64;
    private static readonly byte[]?[] Slabs = new byte[]?[Kept];

    /// <summary>A buffer of at least <paramref name="bytes"/>, its content whatever it was.</summary>
    public static byte[] Rent(int bytes)
    {
        if (bytes > SlabBytes)
            return ArrayPool<byte>.Shared.Rent(bytes);
        for (int i = 0; i < Slabs.Length; i++)
        {
            // The read before the exchange spares the empty slots their cache line's ownership.
            if (Volatile.Read(ref Slabs[i]) is not null && Interlocked.Exchange(ref Slabs[i], null) is { } slab)
                return slab;
        }

        return GC.AllocateUninitializedArray<byte>(SlabBytes);
    }

    public static void Return(byte[] buffer)
    {
        if (buffer.Length != SlabBytes)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }

        for (int i = 0; i < Slabs.Length; i++)
        {
            if (Volatile.Read(ref Slabs[i]) is null && Interlocked.CompareExchange(ref Slabs[i], buffer, null) is null)
                return;
        }
    }
}
