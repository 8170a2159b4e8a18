using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Sluice.Coordination;
using Sluice.Hashing;

namespace Sluice.Flushing;

/// <summary>A batch with its number: from here on its bytes never change, and a retry sends the same object.</summary>
internal sealed class FrozenBatch
{
    public FrozenBatch(ulong layout, IncarnationId incarnation, long number, ImmutableArray<PendingItem> items, FlushTerms terms, long seen)
    {
        Items = items;
        BatchItem[] frozen = new BatchItem[items.Length];
        for (int i = 0; i < frozen.Length; i++)
        {
            PendingItem item = items[i];
            frozen[i] = new BatchItem(item.Resource, item.Delta, item.Holds, item.Force, item.Reason);
            Bytes += item.Resource.Bytes.Length + item.Delta.Length + 16;
        }

        Request = new FlushRequest(layout, incarnation, number, HashOf(frozen), ImmutableCollectionsMarshal.AsImmutableArray(frozen), terms) { Seen = seen };
    }

    public FlushRequest Request { get; }

    public ImmutableArray<PendingItem> Items { get; }

    /// <summary>About how much memory it keeps.</summary>
    public int Bytes { get; }

    public long Number => Request.Number;

    /// <summary>Server time of the acknowledgement, once there is one.</summary>
    public long AcknowledgedAt { get; set; }

    /// <summary>A hash of everything that the batch does, so that two engines with one identity are told apart.</summary>
    private static ulong HashOf(ReadOnlySpan<BatchItem> items)
    {
        ulong hash = (ulong)items.Length;
        Span<byte> link = stackalloc byte[32];
        foreach (BatchItem item in items)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(link, hash);
            BinaryPrimitives.WriteUInt64LittleEndian(link[8..], item.Resource.Hash);
            BinaryPrimitives.WriteUInt64LittleEndian(link[16..], XxHash64.Hash(item.Delta.Span));
            BinaryPrimitives.WriteInt32LittleEndian(link[24..], (item.Holds ? 1 : 0) | (item.Force ? 2 : 0));
            BinaryPrimitives.WriteInt32LittleEndian(link[28..], (int)item.Reason);
            hash = XxHash64.Hash(link);
        }

        return hash;
    }
}
