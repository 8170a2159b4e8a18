using System.Buffers;

namespace Sluice.Flushing;

/// <summary>
/// One resource's contribution on its way from the merge cache to a lane: its key, the bytes of its delta, and whether this engine still holds the
/// resource afterwards. Key and delta share one rented buffer, which belongs to whoever holds the item: the cache until
/// <see cref="IFlushSink.TryWrite"/> returned true, the lane from then on.
/// </summary>
internal struct FlushItem
{
    /// <summary>Rented from <see cref="ArrayPool{T}.Shared"/>: the key's UTF-8 bytes, then the delta's.</summary>
    public byte[] Buffer;

    /// <summary>Length of the key's bytes, 1 to 512.</summary>
    public int KeyLength;

    /// <summary>Length of the delta's bytes; 0 when the item changes only membership or forces.</summary>
    public int DeltaLength;

    /// <summary>
    /// The flush epoch of the oldest event since the last flush; 0 when there was none. The item owns one count of that epoch in
    /// <see cref="FlushEpochs"/>, taken when the entry became dirty and returned when the coordinator acknowledged it.
    /// </summary>
    public long Epoch;

    /// <summary>Whether the engine holds the resource after this item: false ends the local session.</summary>
    public bool Holds;

    /// <summary>Seal the generation now, although others may hold it.</summary>
    public bool Force;

    /// <summary>The engine did not hold the resource before, and whoever took the reference is to be told when the server loses it. Only of references.</summary>
    public bool Takes;

    /// <summary>Why the local session ended; meaningful only when <see cref="Holds"/> is false.</summary>
    public CompletionReason Reason;

    /// <summary>The episode of <see cref="FencePolicy"/> in which the lane took the item; set by the lane.</summary>
    public int Episode;

    /// <summary>Completed when the coordinator has the item; null when nobody waits.</summary>
    public FlushWaiter? Waiter;

    public readonly ReadOnlySpan<byte> Key => Buffer.AsSpan(0, KeyLength);

    public readonly ReadOnlySpan<byte> Delta => Buffer.AsSpan(KeyLength, DeltaLength);

    /// <summary>Gives the buffer back. The item must not be used afterwards.</summary>
    public void Recycle()
    {
        byte[]? buffer = Buffer;
        Buffer = null!;
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
    }
}

/// <summary>Where the merge cache puts what has to be flushed: the bounded channels of the lanes.</summary>
internal interface IFlushSink
{
    /// <summary>
    /// Takes the item, or returns false when the partition's channel is full, in which case nothing happened and the caller still owns the item.
    /// Items of one partition are applied in the order in which they were taken. Any thread; never blocks; called under a stripe's lock.
    /// </summary>
    bool TryWrite(int partition, in FlushItem item);
}
