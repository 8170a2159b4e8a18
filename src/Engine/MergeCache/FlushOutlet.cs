using System.Buffers;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <summary>
/// Where a stripe's items leave the cache: it writes an item's bytes into a rented buffer (first the key, then the state appends itself) and hands
/// it to the sink. The buffer belongs to the outlet until the sink has taken it, so a full lane costs nothing but the attempt.
/// </summary>
/// <remarks>One per stripe, guarded by the stripe's gate, so that an item costs a rented buffer and no object.</remarks>
internal sealed class FlushOutlet(IFlushSink sink) : IBufferWriter<byte>
{
    private const int SmallestDelta = 32;

    private byte[]? _bytes;
    private int _keyLength;
    private int _written;

    // Deltas of one aggregate are alike: the next one probably fits where the last one did, and what waits in a lane is no bigger than it needs to be.
    private int _expectedDelta = SmallestDelta;

    private byte[] Bytes => _bytes ?? throw new InvalidOperationException("A state may write only while it is being flushed.");

    /// <summary>Rents a buffer and writes the key.</summary>
    public void Begin(ReadOnlySpan<byte> key)
    {
        _bytes = ArrayPool<byte>.Shared.Rent(key.Length + _expectedDelta);
        key.CopyTo(_bytes);
        _keyLength = _written = key.Length;
    }

    /// <summary>Offers what was written as <paramref name="item"/>, whose other fields are filled. True when the sink has it, and its buffer with it.</summary>
    public bool TryHandOver(int partition, FlushItem item)
    {
        item.Buffer = Bytes;
        item.KeyLength = _keyLength;
        item.DeltaLength = _written - _keyLength;

        // Before the item is visible: its acknowledgement may come before TryWrite returns.
        item.Waiter?.Add();
        bool taken = false;
        try
        {
            taken = sink.TryWrite(partition, in item);
        }
        finally
        {
            if (!taken)
                item.Waiter?.Release();
        }

        if (taken)
        {
            _expectedDelta = Math.Max(SmallestDelta, item.DeltaLength);
            _bytes = null;
        }

        return taken;
    }

    /// <summary>Gives the buffer back unless the sink has it.</summary>
    public void Recycle()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Bytes.Length - _written);
        _written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return Bytes.AsMemory(_written);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return Bytes.AsSpan(_written);
    }

    private void Ensure(int sizeHint)
    {
        int needed = Math.Max(1, sizeHint);
        if (Bytes.Length - _written >= needed)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(checked(_written + Math.Max(needed, _written)));
        Bytes.AsSpan(0, _written).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(Bytes);
        _bytes = larger;
    }
}
