namespace Sluice.Exploration;

/// <summary>
/// The states that have been seen, by 64 bits of each: two states would have to collide in all of them for one to be missed, which among a hundred million
/// has a chance of one in four thousand. 8 bytes a state at a load of at most 3/4.
/// </summary>
internal sealed class StateSet
{
    private ulong[] _slots = new ulong[1 << 16];
    private int _count;

    public int Count => _count;

    public bool Add(ulong code)
    {
        code = code == 0 ? 1 : code;
        if (_count >= _slots.Length / 4 * 3)
            Grow();
        if (!Insert(_slots, code))
            return false;
        _count++;
        return true;
    }

    private static bool Insert(ulong[] slots, ulong code)
    {
        for (uint at = (uint)(code >> 20); ; at++)
        {
            ref ulong slot = ref slots[at & (uint)(slots.Length - 1)];
            if (slot == code)
                return false;
            if (slot != 0)
                continue;
            slot = code;
            return true;
        }
    }

    private void Grow()
    {
        ulong[] larger = new ulong[_slots.Length * 2];
        foreach (ulong code in _slots)
        {
            if (code != 0)
                Insert(larger, code);
        }

        _slots = larger;
    }
}
