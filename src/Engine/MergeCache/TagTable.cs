using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Caching;

/// <summary>
/// From the hash of a key to the index of its entry: open addressing with linear probing over slots of 8 bytes, a 32-bit tag of the hash and the
/// index. Eight slots are a cache line, and a slot holds no reference, so that the collector neither scans nor marks the table.
/// </summary>
/// <remarks>
/// <para>Changed under the stripe's lock only. Readers need no lock: a slot is read and written as a whole. A removal moves the slots behind it
/// forward, so a reader that walks meanwhile may miss a key that is there (never see one that is not: who finds an index compares the key and claims
/// the life). A miss leads to the lock, under which it looks again, so a miss that is wrong costs time and nothing else. The same holds for a reader
/// of an array that has been replaced by a larger one.</para>
/// <para>The index of a hash is tag * length / 2^32, so that the length is free and growth by a third keeps the table at least 3/5 full.</para>
/// </remarks>
internal struct TagTable
{
    private const int Shortest = 16;

    private ulong[] _slots;

    public TagTable() => _slots = new ulong[Shortest];

    /// <summary>The slots, to walk with <see cref="Walk"/>. Any thread.</summary>
    public readonly ulong[] Slots => Volatile.Read(in _slots);

    /// <summary>Bytes of the slots.</summary>
    public readonly long Bytes => sizeof(ulong) * (long)_slots.Length;

    /// <summary>Makes room for so many entries, one more than there are, so that the next <see cref="Add"/> can't fail.</summary>
    public void Reserve(int count)
    {
        // At most 4/5 full: a hit takes three looks then, nearly always in one line.
        if (5L * count <= 4L * _slots.Length)
            return;
        ulong[] larger = new ulong[_slots.Length + (_slots.Length / 3)];
        foreach (ulong slot in _slots)
        {
            if (slot != 0)
                larger[VacantFor(larger, slot)] = slot;
        }

        Volatile.Write(ref _slots, larger);
    }

    /// <summary>Adds an entry. The write releases: who finds the index sees the entry as it was filled before.</summary>
    public void Add(uint tag, int index)
    {
        ulong slot = SlotOf(tag, index);
        Volatile.Write(ref _slots[VacantFor(_slots, slot)], slot);
    }

    /// <summary>Removes an entry that is there.</summary>
    public void Remove(uint tag, int index)
    {
        ulong[] slots = _slots;
        ulong slot = SlotOf(tag, index);
        int hole = Home(slots, tag);
        while (slots[hole] != slot)
            hole = Next(slots, hole);

        // What comes behind and may lie at the hole moves there, so that no walk ends early; the new hole is where it came from.
        for (int at = Next(slots, hole); slots[at] != 0; at = Next(slots, at))
        {
            int home = Home(slots, (uint)(slots[at] >> 32));
            bool isBetween = hole < at ? home > hole && home <= at : home > hole || home <= at;
            if (isBetween)
                continue;
            Volatile.Write(ref slots[hole], slots[at]);
            hole = at;
        }

        Volatile.Write(ref slots[hole], 0);
    }

    /// <summary>Walks the slots that may hold a tag. Any thread.</summary>
    internal ref struct Walk
    {
        private readonly ulong[] _slots;
        private readonly uint _tag;
        private int _at;
        private int _left;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Walk(ulong[] slots, uint tag)
        {
            _slots = slots;
            _tag = tag;
            _at = Home(slots, tag);

            // Whoever walks while others remove may chase the holes; one round is enough.
            _left = slots.Length;
        }

        /// <summary>The next index whose key may be the one, or -1.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Next()
        {
            ref ulong first = ref MemoryMarshal.GetArrayDataReference(_slots);
            while (_left-- > 0)
            {
                ulong slot = Volatile.Read(ref Unsafe.Add(ref first, (nint)(uint)_at));
                if (++_at == _slots.Length)
                    _at = 0;
                if ((uint)(slot >> 32) == _tag && slot != 0)
                    return (int)(uint)slot - 1;
                if (slot == 0)
                    break;
            }

            return -1;
        }
    }

    /// <summary>The slot where the walk for a tag begins: to prefetch.</summary>
    public static int Home(ulong[] slots, uint tag) => (int)(((ulong)tag * (uint)slots.Length) >> 32);

    private static ulong SlotOf(uint tag, int index) => ((ulong)tag << 32) | (uint)(index + 1);

    private static int Next(ulong[] slots, int at) => at + 1 == slots.Length ? 0 : at + 1;

    private static int VacantFor(ulong[] slots, ulong slot)
    {
        int at = Home(slots, (uint)(slot >> 32));
        while (slots[at] != 0)
            at = Next(slots, at);
        return at;
    }
}
