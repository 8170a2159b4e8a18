using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <content>Spans of events.</content>
internal sealed partial class MergeCache<TKey, TEvent, TState>
{
    // As many as a core can have cache misses under way, and a little more.
    private const int GroupLength = 32;

    /// <inheritdoc/>
    public override int TryMerge(ReadOnlySpan<KeyValuePair<TKey, TEvent>> events, long epoch, out MergeAnswer last)
    {
        last = MergeAnswer.Merged;
        if (epoch == 0)
            epoch = _epochs.Current;
        _clock.ReadExactTicks();
        int merged = 0;
        try
        {
            while (merged < events.Length && last == MergeAnswer.Merged)
            {
                ReadOnlySpan<KeyValuePair<TKey, TEvent>> group = events.Slice(merged, Math.Min(GroupLength, events.Length - merged));

                // Keys of the application's own kinds are hashed one by one, each after the events before it were merged: its code may throw.
                if (_keys.IsBuiltIn)
                    MergeGroup(group, epoch, ref merged, ref last);
                else
                    MergeEach(group, epoch, ref merged, ref last);
            }
        }
        catch (Exception e) when (merged > 0 && e is FieldOverflowException or OpaqueStateException or ArgumentException)
        {
            // The caller has to learn how many were merged, which an exception would hide: it meets this event again at the head of its next call.
        }

        return merged;
    }

    private void MergeEach(ReadOnlySpan<KeyValuePair<TKey, TEvent>> group, long epoch, ref int merged, ref MergeAnswer last)
    {
        foreach (ref readonly KeyValuePair<TKey, TEvent> one in group)
        {
            TEvent contribution = one.Value;
            last = TryMerge(one.Key, in contribution, epoch);
            if (last != MergeAnswer.Merged)
                return;
            merged++;
        }
    }

    /// <summary>
    /// In passes over the group: fetch the keys, hash them and fetch their slots, read the slots and fetch their entries, merge. One event alone waits
    /// for memory in each of these steps, and the claim keeps the processor from running ahead into the next event; here the waits of a group overlap.
    /// </summary>
    /// <remarks>
    /// Everything before the last pass is a guess that may be out of date by then (the merges before may have begun or ended sessions): the last pass
    /// checks it as any merge does, and falls back to the look-up.
    /// </remarks>
    [SkipLocalsInit]
    private unsafe void MergeGroup(ReadOnlySpan<KeyValuePair<TKey, TEvent>> group, long epoch, ref int merged, ref MergeAnswer last)
    {
        if (!typeof(TKey).IsValueType && Sse.IsSupported)
        {
            foreach (ref readonly KeyValuePair<TKey, TEvent> one in group)
            {
                // The reference as an address, which may be stale when the collector has just moved the object: it is only a hint.
                TKey key = one.Key;
                Sse.Prefetch0(*(byte**)Unsafe.AsPointer(ref key) + sizeof(nint));
            }
        }

        ulong* hashes = stackalloc ulong[GroupLength];
        int* found = stackalloc int[GroupLength];
        for (int i = 0; i < group.Length; i++)
        {
            TKey key = group[i].Key;

            // A null key is refused in its turn.
            hashes[i] = !typeof(TKey).IsValueType && key is null ? 0 : _keys.Hash(key);
            StripeOf(hashes[i]).PrefetchSlot((uint)hashes[i]);
        }

        for (int i = 0; i < group.Length; i++)
            found[i] = StripeOf(hashes[i]).GuessAndPrefetch((uint)hashes[i]);

        long now = _clock.NowTicks;
        for (int i = 0; i < group.Length; i++)
        {
            ref readonly KeyValuePair<TKey, TEvent> one = ref group[i];
            TEvent contribution = one.Value;
            CacheStripe<TKey, TEvent, TState> stripe = StripeOf(hashes[i]);
            if (found[i] < 0 || stripe.IsClosed || !stripe.TryMergeGuess(found[i], one.Key, in contribution, epoch, now))
            {
                last = TryMerge(one.Key, in contribution, epoch);
                if (last != MergeAnswer.Merged)
                    return;
            }

            merged++;
        }
    }
}
