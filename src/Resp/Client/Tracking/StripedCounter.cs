namespace Sluice.Resp.Client;

/// <summary>A count that many threads raise without taking a cache line from each other.</summary>
internal sealed class StripedCounter
{
    private const int Stripes = 16;
    private const int Apart = 16; // longs: 128 bytes

    private readonly long[] _counts = new long[(Stripes + 1) * Apart];

    /// <summary>Adds one. Any thread.</summary>
    public void Increment() => Interlocked.Increment(ref _counts[((Environment.CurrentManagedThreadId & (Stripes - 1)) + 1) * Apart]);

    /// <summary>All that was added before.</summary>
    public long Sum()
    {
        long sum = 0;
        for (int stripe = 1; stripe <= Stripes; stripe++)
            sum += Volatile.Read(ref _counts[stripe * Apart]);
        return sum;
    }
}
