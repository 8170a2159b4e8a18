using System.Numerics;
using System.Security.Cryptography;

namespace Sluice.Caching;

/// <summary>How many stripes a cache has, and which one a key belongs to.</summary>
/// <remarks>Immutable; any thread.</remarks>
internal readonly struct StripeSet
{
    // Below this a second stripe would see so few keys that its choice of victims would be worse than its lock is worth.
    private const int KeysPerStripe = 256;

    // Above this one pass over a stripe would hold its lock, and keep new keys out, for many milliseconds.
    private const int MostKeysPerStripe = 16384;

    private readonly ulong _multiplier;
    private readonly int _shift;

    public StripeSet(int count)
    {
        Span<byte> drawn = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(drawn);
        _multiplier = BitConverter.ToUInt64(drawn) | 1;
        _shift = 64 - BitOperations.Log2((uint)count);
    }

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
    /// The stripe of a key with this public hash. The product with a secret odd number decides, so that nobody outside can choose keys that crowd
    /// one stripe, and so that a key's stripe says nothing about its partition.
    /// </summary>
    public int IndexOf(ulong hash) => _shift == 64 ? 0 : (int)((hash * _multiplier) >> _shift);
}
