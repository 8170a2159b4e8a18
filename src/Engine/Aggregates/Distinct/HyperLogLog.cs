using System.Numerics;

namespace Sluice.Aggregates.Distinct;

/// <summary>The sketch's parameters, which are Redis's, and its estimator.</summary>
internal static class HyperLogLog
{
    /// <summary>How many bits of a hash choose the register.</summary>
    public const int Precision = 14;

    /// <summary>How many registers there are.</summary>
    public const int Registers = 1 << Precision;

    /// <summary>The highest rank: one more than the bits that are left for it.</summary>
    public const int MaxRank = 64 - Precision + 1;

    /// <summary>The register and the rank of a hash: low bits choose, the number of trailing zeros of the others (plus one) ranks.</summary>
    public static (int Register, int Rank) Place(ulong hash) =>
        ((int)(hash & (Registers - 1)), BitOperations.TrailingZeroCount((hash >> Precision) | (1UL << (64 - Precision))) + 1);

    /// <summary>
    /// The improved raw estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 4: one formula
    /// without bias tables or switches, for empty sketches and saturated ones alike.
    /// </summary>
    /// <param name="ranks">How many registers have each rank, 0 to <see cref="MaxRank"/>.</param>
    public static long Estimate(ReadOnlySpan<int> ranks)
    {
        const double m = Registers;
        double z = m * Tau(1 - (ranks[MaxRank] / m));
        for (int rank = MaxRank - 1; rank >= 1; rank--)
            z = 0.5 * (z + ranks[rank]);
        z += m * Sigma(ranks[0] / m);
        return (long)Math.Round(m * m / (2 * Math.Log(2) * z));
    }

    // The series of the registers that are still empty.
    private static double Sigma(double x)
    {
        if (x == 1)
            return double.PositiveInfinity;
        double y = 1, z = x, previous;
        do
        {
            x *= x;
            previous = z;
            z += x * y;
            y += y;
        }
        while (z != previous);
        return z;
    }

    // The series of the registers that are full.
    private static double Tau(double x)
    {
        if (x is 0 or 1)
            return 0;
        double y = 1, z = 1 - x, previous;
        do
        {
            x = Math.Sqrt(x);
            previous = z;
            y *= 0.5;
            z -= (1 - x) * (1 - x) * y;
        }
        while (z != previous);
        return z / 3;
    }
}
