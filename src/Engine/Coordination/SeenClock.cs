namespace Sluice.Coordination;

/// <summary>
/// The highest generation or token that an engine has seen in each partition. Every request carries it, so that a server that fell behind (a replica
/// that was promoted, a clock that was set back) never issues a number again. Any thread.
/// </summary>
internal sealed class SeenClock(int partitions)
{
    private readonly long[] _seen = new long[partitions];

    public long this[int partition] => Volatile.Read(ref _seen[partition]);

    public void Raise(int partition, long clock)
    {
        ref long seen = ref _seen[partition];
        long before = Volatile.Read(ref seen);
        while (clock > before)
        {
            long found = Interlocked.CompareExchange(ref seen, clock, before);
            if (found == before)
                return;
            before = found;
        }
    }
}
