using System.Numerics;

namespace Sluice.Harness;

/// <summary>
/// Counts durations in buckets whose width is at most 1/64 of their value, from 1 ns to 146 years in 30 kB: percentiles with an error below 1.6 %,
/// and no allocation when recording.
/// </summary>
/// <remarks>One thread records; <see cref="Add(LatencyHistogram)"/> brings the histograms of several together when they have finished.</remarks>
public sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;

    private readonly long[] _counts = new long[(64 - SubBits) * SubBuckets];

    /// <summary>How many durations were recorded.</summary>
    public long Count { get; private set; }

    /// <summary>Records one duration; negative ones count as zero.</summary>
    public void Record(TimeSpan duration) => RecordNanoseconds((long)(duration.Ticks * 100.0));

    /// <summary>Records one duration in nanoseconds; negative ones count as zero.</summary>
    public void RecordNanoseconds(long nanoseconds)
    {
        _counts[Bucket((ulong)Math.Max(0, nanoseconds))]++;
        Count++;
    }

    /// <summary>Adds what another one recorded.</summary>
    public void Add(LatencyHistogram other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (int i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        Count += other.Count;
    }

    /// <summary>The duration in microseconds that this fraction of the recorded ones do not exceed (within the width of a bucket), or NaN without any.</summary>
    /// <param name="fraction">0 to 1, e.g. 0.99.</param>
    public double PercentileMicros(double fraction)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(fraction * Count)), seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= rank)
                return UpperBound(bucket) / 1_000.0;
        }

        return double.NaN;
    }

    // Values below 64 have a bucket each; above, the six bits after the leading one choose among the 64 buckets of a power of two.
    private static int Bucket(ulong value)
    {
        if (value < SubBuckets)
            return (int)value;
        int power = BitOperations.Log2(value) - SubBits;
        return ((power + 1) << SubBits) + (int)((value >> power) - SubBuckets);
    }

    private static ulong UpperBound(int bucket)
    {
        if (bucket < SubBuckets)
            return (ulong)bucket;
        int power = (bucket >> SubBits) - 1;
        ulong first = (ulong)((bucket & (SubBuckets - 1)) + SubBuckets) << power;
        return first + (1UL << power) - 1;
    }
}
