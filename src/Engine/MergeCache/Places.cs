namespace Sluice.Caching;

/// <summary>
/// The capacity of a cache as places: an entry holds one from before it is added until after it is gone, so there are never more entries than places.
/// </summary>
/// <remarks>
/// One count for the whole cache: a share for each stripe would evict before the cache is full, because keys never fall evenly. Only sessions that
/// begin or end touch it. Any thread.
/// </remarks>
internal sealed class Places(int capacity)
{
    private int _taken;

    public int Taken => Volatile.Read(ref _taken);

    public bool TryTake()
    {
        int taken = Volatile.Read(ref _taken);
        while (taken < capacity)
        {
            int seen = Interlocked.CompareExchange(ref _taken, taken + 1, taken);
            if (seen == taken)
                return true;
            taken = seen;
        }

        return false;
    }

    public void Release(int count = 1) => Interlocked.Add(ref _taken, -count);
}
