using System.Runtime.CompilerServices;
using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <content>Flushes: a delta leaves and its session goes on.</content>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
{
    /// <summary>Hands over the delta of one entry, if it has one of an epoch up to <paramref name="upToEpoch"/>. False when the lane is full.</summary>
    [SkipLocalsInit]
    public bool TryFlush(int index, long upToEpoch, FlushWaiter? waiter)
    {
        // A delta that is seen here stays until the claim below: under the gate only this method and its neighbours empty one.
        ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
        if (!IsDirty(ref entry, upToEpoch))
            return true;
        Span<byte> key = stackalloc byte[KeyCodec.MaxBytes];
        _outlet.Begin(key[.._parts.Keys.Encode(entry.Key, key)]);
        bool taken = false;
        try
        {
            ulong seen = Claim(ref entry);
            try
            {
                Schedule.Point(Step.Claimed);
                entry.State.Write(_outlet);
                Schedule.Point(Step.Written);
                FlushItem item = new() { Epoch = entry.Epoch.Read(_parts.Epochs), Holds = _holdReferences, Waiter = waiter };
                taken = _outlet.TryHandOver(entry.Partition, item);
                Schedule.Point(Step.HandedOver);
                if (taken)
                {
#if SLUICE_MUTANTS
                    if (Schedule.Is(Mutant.ResetOutsideTheClaim))
                    {
                        entry.Word.Release(seen);
                        Schedule.Point(Step.HandedOver);
                        seen = Claim(ref entry);
                    }
#endif

                    // The count of the epoch went with the item.
                    entry.State.Reset();
                    entry.Epoch.Clear();
                    entry.Referenced = _holdReferences;
                    _counts.Flushed++;
                }
            }
            finally
            {
                entry.Word.Release(seen);
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
        for (int index = 0; index < _slab.Used; index++)
        {
            ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
            if (!IsDirty(ref entry, upToEpoch))
                continue;
            if (_full.Contains(entry.Partition) || !TryFlush(index, upToEpoch, waiter: null))
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
        for (int index = 0; index < _slab.Used; index++)
        {
            ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
            if (!IsDirty(ref entry, long.MaxValue))
                continue;
            ulong seen = Claim(ref entry);
            long epoch = entry.Epoch.Read(_parts.Epochs);
            entry.State.Reset();
            entry.Epoch.Clear();
            entry.Word.Release(seen);
            _parts.Epochs.Remove(epoch);
            dropped++;
        }

        return dropped;
    }

    // Without the claim. Every merge that returned before the caller began is seen, and one that is under way may be missed as if it came later. A
    // vacant place is clean.
    private bool IsDirty(ref CacheEntry<TKey, TEvent, TState> entry, long upToEpoch)
    {
        long epoch = entry.Epoch.Read(_parts.Epochs);
        return epoch != 0 && epoch <= upToEpoch;
    }
}
