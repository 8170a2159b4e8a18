using System.Runtime.CompilerServices;
using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <content>The ends of sessions: every way out goes through one method.</content>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
{
    // How hard a new key tries to find a victim whose lane has room before its producer is told that the cache is full.
    private const int RefusalsPerEviction = 8;
    private const int SkipsPerEviction = 64;

    /// <summary>Ends the session of one entry because the application says so. False when the lane is full.</summary>
    public bool TryEnd(int index, CompletionReason reason, bool force, FlushWaiter? waiter)
    {
        if (End(index, long.MinValue, reason, force, waiter) != Ending.Ended)
            return false;
        _parts.Places.Release();
        return true;
    }

    /// <summary>Ends the session of one entry if its deadline is not after <paramref name="now"/>. The entry's place goes to the caller.</summary>
    public Ending EndIfDue(int index, long now) => End(index, now, otherwise: null, force: false, waiter: null);

    /// <summary>Tells the coordinator to seal a resource that has no session here. False when the lane is full.</summary>
    public bool TryForce(ReadOnlySpan<byte> key, int partition, FlushWaiter? waiter)
    {
        _outlet.Begin(key);
        try
        {
            return _outlet.TryHandOver(partition, new FlushItem { Force = true, Reason = CompletionReason.Forced, Waiter = waiter });
        }
        finally
        {
            _outlet.Recycle();
        }
    }

    /// <summary>
    /// Ends one session to make room, one that is due or else the eviction hand's victim. Its place goes to the caller. False when the lanes of all
    /// that were tried are full.
    /// </summary>
    public bool TryEvict(long now)
    {
        _full.Clear();
        if (_deadlines.Earliest <= now)
        {
            int ended = 0;
            VisitDue(now, ref ended, most: 1);
            if (ended != 0)
                return true;
        }

        int savedLeft = _recency.Count, refusalsLeft = RefusalsPerEviction, skipsLeft = SkipsPerEviction, held = -1;
        while (refusalsLeft > 0 && skipsLeft > 0)
        {
            int index = _recency.Advance();
            if (index < 0)
                break;
            ref CacheEntry<TKey, TEvent, TState> candidate = ref _slab[index];

            // For one turn of the hand the bit saves an entry; not longer, because writers can set bits faster than the hand clears them.
            if (candidate.Touched && savedLeft-- > 0)
            {
                candidate.Touched = false;
                continue;
            }

            if (WouldBeRefused(ref candidate))
            {
                skipsLeft--;
                continue;
            }

            // Whoever merges right now may have been preempted: the gate does not wait for that while there is a choice.
            if (candidate.Word.IsHeld)
            {
                held = index;
                skipsLeft--;
                continue;
            }

            if (End(index, now, CompletionReason.Evicted, force: false, waiter: null) == Ending.Ended)
                return true;
            _full.Add(candidate.Partition);
            refusalsLeft--;
        }

        // To answer Full because of a merge would make the producer wait for room in a lane, which nobody may ever make: so this waits for the merge.
        return held >= 0 && !WouldBeRefused(ref _slab[held]) && End(held, now, CompletionReason.Evicted, force: false, waiter: null) == Ending.Ended;
    }

    /// <summary>Ends every session whose deadline is not after <paramref name="now"/>. False when a lane was full.</summary>
    public bool TrySweep(long now, ref int ended)
    {
        _full.Clear();
        int before = ended;
        try
        {
            return VisitDue(now, ref ended, int.MaxValue);
        }
        finally
        {
            _parts.Places.Release(ended - before);
        }
    }

    /// <summary>Ends every session. False when a lane was full.</summary>
    public bool TryEndAll(CompletionReason reason, ref int ended)
    {
        bool all = true;
        _full.Clear();
        for (int index = 0; index < _slab.Used; index++)
        {
            ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
            if (!SealWord.IsLive(entry.Word.Seen))
                continue;
            if (WouldBeRefused(ref entry) || !TryEnd(index, reason, force: false, waiter: null))
            {
                _full.Add(entry.Partition);
                all = false;
            }
            else
            {
                ended++;
            }
        }

        return all;
    }

    /// <summary>
    /// Looks at the blocks whose time has come and ends the sessions in them that are due, until <paramref name="most"/> have ended; their places go to
    /// the caller. False when a lane was full: those sessions stay due.
    /// </summary>
    private bool VisitDue(long now, ref int ended, int most)
    {
        bool all = true;
        int before = ended;
        for (int block = _deadlines.NextDue(0, now); block >= 0; block = _deadlines.NextDue(block + 1, now))
        {
            long earliest = long.MaxValue;
            int end = Math.Min((block + 1) * DeadlineBlocks.Length, _slab.Used);
            for (int index = block * DeadlineBlocks.Length; index < end; index++)
            {
                ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
                if (!SealWord.IsLive(entry.Word.Seen))
                    continue;
                if (entry.Deadline(_softTicks) <= now)
                {
                    Ending ending = WouldBeRefused(ref entry) ? Ending.Refused : EndIfDue(index, now);
                    if (ending == Ending.Ended)
                    {
                        // The block keeps its time: there may be more behind this one.
                        if (++ended - before == most)
                            return all;
                        continue;
                    }

                    if (ending == Ending.Refused)
                    {
                        _full.Add(entry.Partition);
                        all = false;
                    }
                }

                earliest = Math.Min(earliest, entry.Deadline(_softTicks));
            }

            _deadlines.Set(block, earliest);
        }

        _deadlines.Settle();
        return all;
    }

    /// <summary>
    /// The one way out. Under one claim: is it due, write the delta, hand it over, seal. The seal comes after the sink took the item, so a full lane
    /// leaves the entry as it was; and no merge can come in between, so what the item carries is all there is. Does not release the entry's place.
    /// </summary>
    /// <param name="index">A resident entry.</param>
    /// <param name="now">The session clock, or <see cref="long.MinValue"/> when the deadline does not matter.</param>
    /// <param name="otherwise">Why it ends if it is not due; null when it must not end then.</param>
    /// <param name="force">Whether the resource is to be sealed although others may hold it.</param>
    /// <param name="waiter">Who waits for the item.</param>
    [SkipLocalsInit]
    private Ending End(int index, long now, CompletionReason? otherwise, bool force, FlushWaiter? waiter)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];

        // One look without the claim saves serialising the key of an entry that merges have moved on: what it sees is not later than the truth.
        if (otherwise is null && entry.Deadline(_softTicks) > now)
            return Ending.NotDue;
        Span<byte> key = stackalloc byte[KeyCodec.MaxBytes];
        _outlet.Begin(key[.._parts.Keys.Encode(entry.Key, key)]);
        bool ended = false;
        CompletionReason reason = otherwise.GetValueOrDefault();
        try
        {
            ulong seen = Claim(ref entry);
            try
            {
                Schedule.Point(Step.Claimed);
                if (entry.Deadline(_softTicks) <= now)
                    reason = entry.DeadlineReason(_softTicks);
                else if (otherwise is null)
                    return Ending.NotDue;
                long epoch = entry.Epoch.Read(_parts.Epochs);
                if (epoch != 0)
                    entry.State.Write(_outlet);
#if SLUICE_MUTANTS
                if (Schedule.Is(Mutant.StateReadOutsideTheClaim))
                {
                    entry.Word.Release(seen);
                    Schedule.Point(Step.Written);
                    seen = Claim(ref entry);
                }
#endif
                Schedule.Point(Step.Written);
                ended = (epoch == 0 && !entry.Referenced && !force)
                    || _outlet.TryHandOver(entry.Partition, new FlushItem { Epoch = epoch, Force = force, Reason = reason, Waiter = waiter });
                Schedule.Point(Step.HandedOver);
                if (ended)
                {
                    _counts.Merges += SealWord.Merges(seen);
                    _counts.Flushed += epoch != 0 ? 1 : 0;
                }
            }
            finally
            {
#if SLUICE_MUTANTS
                bool seals = ended && !Schedule.Is(Mutant.EndWithoutSeal);
#else
                bool seals = ended;
#endif
                if (seals)
                    entry.Word.Seal(seen);
                else
                    entry.Word.Release(seen);
            }
        }
        finally
        {
            _outlet.Recycle();
        }

        if (!ended)
            return Ending.Refused;

        Schedule.Point(Step.Sealed);

        // A writer that meets the seal before this is done waits for the gate, so it need not help: under the gate no resident entry is sealed.
        _table.Remove((uint)_keys.Hash(entry.Key), index);
        _recency.Remove(index);
        _counts.CountEnd(reason);
        _slab.Return(index);
        Schedule.Point(Step.Unlinked);
        return Ending.Ended;
    }

    private bool WouldBeRefused(ref CacheEntry<TKey, TEvent, TState> entry) => _full.Contains(entry.Partition) && !entry.OwesNothing;
}
