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

    private readonly List<(CacheEntry<TKey, TEvent, TState> Entry, long At)> _setAside = [];

    /// <summary>Ends the session of one entry because the application says so. False when the lane is full.</summary>
    public bool TryEnd(CacheEntry<TKey, TEvent, TState> entry, CompletionReason reason, bool force, FlushWaiter? waiter)
    {
        if (End(entry, long.MinValue, reason, force, waiter) != Ending.Ended)
            return false;
        _parts.Places.Release();
        return true;
    }

    /// <summary>Ends the session of one entry if its deadline is not after <paramref name="now"/>. The entry's place goes to the caller.</summary>
    public Ending EndIfDue(CacheEntry<TKey, TEvent, TState> entry, long now) => End(entry, now, otherwise: null, force: false, waiter: null);

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
        while (_deadlines.Earliest <= now)
        {
            CacheEntry<TKey, TEvent, TState> due = Entry(_deadlines.Root);
            Ending ending = EndIfDue(due, now);
            if (ending == Ending.Ended)
                return true;
            if (ending == Ending.Refused)
            {
                _full.Add(due.Partition);
                break;
            }
        }

        int savedLeft = _recency.Count, refusalsLeft = RefusalsPerEviction, skipsLeft = SkipsPerEviction;
        while (refusalsLeft > 0 && skipsLeft > 0 && _recency.Advance() is { } node)
        {
            // For one turn of the hand the bit saves an entry; not longer, because writers can set bits faster than the hand clears them.
            if (node.Touched && savedLeft-- > 0)
            {
                node.Touched = false;
                continue;
            }

            CacheEntry<TKey, TEvent, TState> victim = Entry(node);
            if (WouldBeRefused(victim))
            {
                skipsLeft--;
                continue;
            }

            if (End(victim, now, CompletionReason.Evicted, force: false, waiter: null) == Ending.Ended)
                return true;
            _full.Add(victim.Partition);
            refusalsLeft--;
        }

        return false;
    }

    /// <summary>Ends every session whose deadline is not after <paramref name="now"/>. False when a lane was full.</summary>
    public bool TrySweep(long now, ref int ended)
    {
        _full.Clear();
        try
        {
            while (_deadlines.Earliest <= now)
            {
                CacheEntry<TKey, TEvent, TState> entry = Entry(_deadlines.Root);
                if (IsScheduledLater(entry, now))
                    continue;
                Ending ending = WouldBeRefused(entry) ? Ending.Refused : EndIfDue(entry, now);
                if (ending == Ending.Ended)
                {
                    _parts.Places.Release();
                    ended++;
                }
                else if (ending == Ending.Refused)
                {
                    // Set aside, so that those behind it in the heap have their turn.
                    _full.Add(entry.Partition);
                    _setAside.Add((entry, _deadlines.Earliest));
                    _deadlines.Remove(entry);
                }
            }

            return _setAside.Count == 0;
        }
        finally
        {
            foreach ((CacheEntry<TKey, TEvent, TState> entry, long at) in _setAside)
                _deadlines.Add(entry, at);
            _setAside.Clear();
        }
    }

    /// <summary>Ends every session. False when a lane was full.</summary>
    public bool TryEndAll(CompletionReason reason, ref int ended)
    {
        bool all = true;
        _full.Clear();
        ResidentNode? next;
        for (ResidentNode? node = _recency.Newest; node is not null; node = next)
        {
            next = node.Older;
            CacheEntry<TKey, TEvent, TState> entry = Entry(node);
            if (WouldBeRefused(entry) || !TryEnd(entry, reason, force: false, waiter: null))
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
    /// The one way out. Under one claim: is it due, write the delta, hand it over, seal. The seal comes after the sink took the item, so a full lane
    /// leaves the entry as it was; and no merge can come in between, so what the item carries is all there is. Does not release the entry's place.
    /// </summary>
    /// <param name="entry">A resident entry.</param>
    /// <param name="now">The session clock, or <see cref="long.MinValue"/> when the deadline does not matter.</param>
    /// <param name="otherwise">Why it ends if it is not due; null when it must not end then.</param>
    /// <param name="force">Whether the resource is to be sealed although others may hold it.</param>
    /// <param name="waiter">Who waits for the item.</param>
    [SkipLocalsInit]
    private Ending End(CacheEntry<TKey, TEvent, TState> entry, long now, CompletionReason? otherwise, bool force, FlushWaiter? waiter)
    {
        // One look without the claim saves serialising the key of an entry that merges have moved on.
        if (otherwise is null && IsScheduledLater(entry, now))
            return Ending.NotDue;
        Span<byte> key = stackalloc byte[KeyCodec.MaxBytes];
        _outlet.Begin(key[.._parts.Keys.Encode(entry.Key, key)]);
        bool ended = false;
        CompletionReason reason = otherwise.GetValueOrDefault();
        try
        {
            Claim(entry);
            try
            {
                if (entry.Deadline(_softTicks) <= now)
                    reason = entry.DeadlineReason(_softTicks);
                else if (otherwise is null)
                    return Ending.NotDue;
                bool isDirty = entry.Epoch != 0;
                if (isDirty)
                    entry.State.Write(_outlet);
                ended = (!isDirty && !entry.Referenced && !force)
                    || _outlet.TryHandOver(entry.Partition, new FlushItem { Epoch = entry.Epoch, Force = force, Reason = reason, Waiter = waiter });
                if (ended && isDirty)
                    _counts.Flushed++;
            }
            finally
            {
                if (ended)
                    entry.Word.Seal();
                else
                    entry.Word.Release();
            }
        }
        finally
        {
            _outlet.Recycle();
        }

        if (!ended)
            return Ending.Refused;

        // A writer that meets the seal before this is done waits for the gate, so it need not help: under the gate no resident entry is sealed.
        _parts.Table.Remove(entry.Key, entry);
        _deadlines.Remove(entry);
        _recency.Remove(entry);
        _counts.Merges += entry.Merges;
        _counts.CountEnd(reason);
        return Ending.Ended;
    }

    private bool WouldBeRefused(CacheEntry<TKey, TEvent, TState> entry) => _full.Contains(entry.Partition) && !entry.OwesNothing;

    // What is read without the claim is not later than the true deadline, so it may be scheduled.
    private bool IsScheduledLater(CacheEntry<TKey, TEvent, TState> entry, long now)
    {
        long deadline = entry.Deadline(_softTicks);
        if (deadline <= now)
            return false;
        _deadlines.Reschedule(entry, deadline);
        return true;
    }
}
