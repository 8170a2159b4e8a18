using System.Runtime.CompilerServices;
using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <content>Flushes: a delta leaves and its session goes on.</content>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
{
    /// <summary>Hands over the delta of one entry, if it has one of an epoch up to <paramref name="upToEpoch"/>. False when the lane is full.</summary>
    [SkipLocalsInit]
    public bool TryFlush(CacheEntry<TKey, TEvent, TState> entry, long upToEpoch, FlushWaiter? waiter)
    {
        // A delta that is seen here stays until the claim below: under the gate only this method and its neighbours empty one.
        if (!IsDirty(entry, upToEpoch))
            return true;
        Span<byte> key = stackalloc byte[KeyCodec.MaxBytes];
        _outlet.Begin(key[.._parts.Keys.Encode(entry.Key, key)]);
        bool taken = false;
        try
        {
            Claim(entry);
            try
            {
                entry.State.Write(_outlet);
                taken = _outlet.TryHandOver(entry.Partition, new FlushItem { Epoch = entry.Epoch, Holds = _holdReferences, Waiter = waiter });
                if (taken)
                {
                    // The count of the epoch went with the item.
                    entry.State.Reset();
                    entry.Epoch = 0;
                    entry.Referenced = _holdReferences;
                    _counts.Flushed++;
                }
            }
            finally
            {
                entry.Word.Release();
            }
        }
        finally
        {
            _outlet.Recycle();
        }

        return taken;
    }

    /// <summary>Hands over every delta of an epoch up to <paramref name="upToEpoch"/>. False when a lane was full.</summary>
    public bool TryFlushDirty(long upToEpoch)
    {
        bool all = true;
        _full.Clear();
        for (ResidentNode? node = _recency.Newest; node is not null; node = node.Older)
        {
            CacheEntry<TKey, TEvent, TState> entry = Entry(node);
            if (!IsDirty(entry, upToEpoch))
                continue;
            if (_full.Contains(entry.Partition) || !TryFlush(entry, upToEpoch, waiter: null))
            {
                _full.Add(entry.Partition);
                all = false;
            }
        }

        return all;
    }

    /// <summary>Empties every delta and returns its epoch's count.</summary>
    public int DiscardDeltas()
    {
        int dropped = 0;
        for (ResidentNode? node = _recency.Newest; node is not null; node = node.Older)
        {
            CacheEntry<TKey, TEvent, TState> entry = Entry(node);
            if (!IsDirty(entry, long.MaxValue))
                continue;
            Claim(entry);
            long epoch = entry.Epoch;
            entry.State.Reset();
            entry.Epoch = 0;
            entry.Word.Release();
            _parts.Epochs.Remove(epoch);
            dropped++;
        }

        return dropped;
    }

    // Without the claim. Every merge that returned before the caller began is seen, and one that is under way may be missed as if it came later.
    private static bool IsDirty(CacheEntry<TKey, TEvent, TState> entry, long upToEpoch)
    {
        long epoch = Volatile.Read(ref entry.Epoch);
        return epoch != 0 && epoch <= upToEpoch;
    }
}
