namespace Sluice.Harness;

/// <summary>
/// Draws ranks 0 to n - 1 with probability proportional to 1 / (rank + 1)^exponent, in constant time: Walker's alias method with Vose's table
/// (A linear algorithm for generating random numbers with a given distribution, 1991). Exact up to the rounding of a double.
/// </summary>
/// <remarks>12 bytes a rank. <see cref="Next"/> is for one thread; give each thread a generator with a seed of its own by <see cref="WithSeed"/>.</remarks>
public sealed class ZipfGenerator
{
    private readonly double[] _keep;
    private readonly int[] _alias;
    private SplitMix64 _random;

    /// <summary>Builds the table; time and memory linear in <paramref name="count"/>.</summary>
    /// <param name="count">How many ranks, 1 or more.</param>
    /// <param name="exponent">0 (uniform) or more; 0.99 is YCSB's.</param>
    /// <param name="seed">Of the draws.</param>
    public ZipfGenerator(int count, double exponent, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(exponent);
        (_keep, _alias) = BuildTable(Probabilities(count, exponent));
        _random = new SplitMix64(seed);
    }

    private ZipfGenerator(ZipfGenerator table, ulong seed)
    {
        (_keep, _alias) = (table._keep, table._alias);
        _random = new SplitMix64(seed);
    }

    /// <summary>How many ranks there are.</summary>
    public int Count => _keep.Length;

    /// <summary>A generator with another seed that shares this one's (immutable) table.</summary>
    public ZipfGenerator WithSeed(ulong seed) => new(this, seed);

    /// <summary>The next rank; 0 is the most frequent.</summary>
    public int Next()
    {
        int column = _random.Next(_keep.Length);
        return _random.NextDouble() < _keep[column] ? column : _alias[column];
    }

    /// <summary>The probability with which the table yields each rank: the whole mass of its columns, not the formula it was built from.</summary>
    public double[] TableProbabilities()
    {
        double[] mass = new double[Count];
        for (int column = 0; column < Count; column++)
        {
            mass[column] += _keep[column] / Count;
            mass[_alias[column]] += (1 - _keep[column]) / Count;
        }

        return mass;
    }

    internal static double[] Probabilities(int count, double exponent)
    {
        double[] weights = new double[count];
        double sum = 0;

        // From the smallest: adding small numbers to a large sum would lose their last bits.
        for (int rank = count - 1; rank >= 0; rank--)
            sum += weights[rank] = Math.Pow(rank + 1, -exponent);
        for (int rank = 0; rank < count; rank++)
            weights[rank] /= sum;
        return weights;
    }

    private static (double[] Keep, int[] Alias) BuildTable(double[] probabilities)
    {
        int count = probabilities.Length;
        double[] keep = new double[count];
        int[] alias = new int[count];
        Stack<int> small = new(), large = new();
        for (int rank = 0; rank < count; rank++)
        {
            keep[rank] = probabilities[rank] * count;
            alias[rank] = rank;
            (keep[rank] < 1 ? small : large).Push(rank);
        }

        while (small.Count > 0 && large.Count > 0)
        {
            int under = small.Pop(), over = large.Pop();
            alias[under] = over;
            keep[over] -= 1 - keep[under];
            (keep[over] < 1 ? small : large).Push(over);
        }

        // What is left differs from 1 only by rounding.
        foreach (int rank in small.Concat(large))
            keep[rank] = 1;
        return (keep, alias);
    }
}
