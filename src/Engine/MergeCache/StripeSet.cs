using System.Numerics;

namespace Sluice.Caching;

/// <summary>How many stripes a cache has, and which one a key belongs to.</summary>
/// <remarks>Immutable; any thread.</remarks>
internal readonly struct StripeSet
{
    // Below this a second stripe would see so few keys that its choice of victims would be worse than its lock is worth.
    private const int KeysPerStripe = 256;

    // Above this one pass over a stripe would hold its lock, and keep new keys out, for many milliseconds.
    private const int MostKeysPerStripe = 16384;

    private readonly int _shift;

    public StripeSet(int count) => _shift = 64 - BitOperations.Log2((uint)count);

    /// <summary>A power of two: one for small caches, else four for each processor, or more so that no stripe is huge.</summary>
    public static int CountFor(int capacity, int processors)
    {
        uint most = (uint)Math.Max(1, capacity / KeysPerStripe);
        if (most < 4)
            return 1;
        uint wanted = BitOperations.RoundUpToPowerOf2((uint)Math.Max(4 * processors, capacity / MostKeysPerStripe));
        return (int)Math.Min(Math.Min(wanted, 4096), BitOperations.RoundUpToPowerOf2(most + 1) / 2);
    }

    /// <summary>
    /// The stripe of a key with this hash: its top bits, which the table does not use. The hash carries the process's secrets, so nobody outside can
    /// choose keys that crowd one stripe, and a key's stripe says nothing about its partition.
    /// </summary>
    public int IndexOf(ulong hash) => (int)((hash >> 1) >> (_shift - 1)); // in two steps: a shift by 64 would be one by 0
}
