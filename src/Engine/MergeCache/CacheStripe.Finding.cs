using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <content>From keys to entries. Any thread, with or without the gate; under it a key that is not found is not there.</content>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
{
    // A value that the processor reads as a whole can be compared as it is: the claim will tell whether it was of the life that was seen.
    private static bool IsKeyAtomic => !typeof(TKey).IsValueType || (Unsafe.SizeOf<TKey>() <= sizeof(int) && !RuntimeHelpers.IsReferenceOrContainsReferences<TKey>())
        || (typeof(TKey) == typeof(long) && Unsafe.SizeOf<nint>() == sizeof(long));

    /// <summary>Finds the session of a key. The word that was seen is for <see cref="SealWord.TryClaim"/>; a null reference when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref CacheEntry<TKey, TEvent, TState> Find(TKey key, ulong hash, out ulong seen)
    {
        TagTable.Walk walk = new(_table.Slots, (uint)hash);
        for (int index = walk.Next(); index >= 0; index = walk.Next())
        {
            ref CacheEntry<TKey, TEvent, TState> entry = ref EntrySlab<TKey, TEvent, TState>.At(_chunks, index);
            PrefetchEnd(ref entry);
            if (TryReadKey(ref entry, out TKey resident, out seen) && _keys.AreEqual(resident, key))
                return ref entry;
        }

        seen = 0;
        return ref Unsafe.NullRef<CacheEntry<TKey, TEvent, TState>>();
    }

    /// <summary>As <see cref="Find(TKey, ulong, out ulong)"/>, for characters that would be the key.</summary>
    public ref CacheEntry<TKey, TEvent, TState> Find(ReadOnlySpan<char> key, ulong hash, out ulong seen)
    {
        TagTable.Walk walk = new(_table.Slots, (uint)hash);
        for (int index = walk.Next(); index >= 0; index = walk.Next())
        {
            ref CacheEntry<TKey, TEvent, TState> entry = ref EntrySlab<TKey, TEvent, TState>.At(_chunks, index);
            PrefetchEnd(ref entry);
            if (TryReadKey(ref entry, out TKey resident, out seen) && _keys.AreEqual(resident, key))
                return ref entry;
        }

        seen = 0;
        return ref Unsafe.NullRef<CacheEntry<TKey, TEvent, TState>>();
    }

    /// <summary>
    /// Fetches the end of an entry while its beginning is on the way. The claim keeps the processor from looking ahead, so that without this the two
    /// lines of an entry would come one after the other.
    /// </summary>
    private static unsafe void PrefetchEnd(ref CacheEntry<TKey, TEvent, TState> entry)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0((byte*)Unsafe.AsPointer(ref entry) + Unsafe.SizeOf<CacheEntry<TKey, TEvent, TState>>() - 1);
    }

    /// <summary>Fetches the first slot of a tag into the cache.</summary>
    public unsafe void PrefetchSlot(uint tag)
    {
        if (Sse.IsSupported)
        {
            ulong[] slots = _table.Slots;
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(slots), TagTable.Home(slots, tag))));
        }
    }

    /// <summary>The first place whose tag is this one, or -1; fetches its entry into the cache. Another key may have the same tag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe int GuessAndPrefetch(uint tag)
    {
        int index = new TagTable.Walk(_table.Slots, tag).Next();
        if (Sse.IsSupported && index >= 0)
        {
            byte* entry = (byte*)Unsafe.AsPointer(ref EntrySlab<TKey, TEvent, TState>.At(_chunks, index));
            Sse.Prefetch0(entry);
            Sse.Prefetch0(entry + Unsafe.SizeOf<CacheEntry<TKey, TEvent, TState>>() - 1);
        }

        return index;
    }

    /// <summary>Merges into the place that was guessed if the key lives there. False when nothing happened.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryMergeGuess(int index, TKey key, in TEvent contribution, long epoch, long now)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref EntrySlab<TKey, TEvent, TState>.At(_chunks, index);
        if (!TryReadKey(ref entry, out TKey resident, out ulong seen) || !_keys.AreEqual(resident, key))
            return false;
        Schedule.Point(Step.Found);
        return TryMerge(ref entry, seen, in contribution, epoch, now) == Attempt.Merged;
    }

    /// <summary>The index of the session of a key, or -1. Under the gate, so that the answer lasts.</summary>
    public int IndexOf(TKey key, ulong hash)
    {
        TagTable.Walk walk = new(_table.Slots, (uint)hash);
        int index = walk.Next();
        while (index >= 0 && !_keys.AreEqual(_slab[index].Key, key))
            index = walk.Next();
        return index;
    }

    /// <summary>
    /// The key of a place and the life that it is the key of. The life is read first (acquire). A key of several words is read again whole or not at
    /// all: if the life is the same after it (the barrier keeps the second look behind), no other session began in between, so nothing was torn.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadKey(ref CacheEntry<TKey, TEvent, TState> entry, out TKey key, out ulong seen)
    {
        seen = entry.Word.Seen;
        key = entry.Key;
        if (!IsKeyAtomic)
        {
            Volatile.ReadBarrier();
            if (!SealWord.IsSameLife(entry.Word.Seen, seen))
                return false;
        }

        // A class may be gone already when its session ended after the look at its life.
        return SealWord.IsLive(seen) && (typeof(TKey).IsValueType || key is not null);
    }
}
