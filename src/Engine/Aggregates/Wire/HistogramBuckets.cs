namespace Sluice.Aggregates.Wire;

/// <summary>
/// The buckets of a histogram of precision p: each power of two is divided into 2^p of equal width, which is the exponent and the first p bits of the
/// mantissa of a double. No logarithm is taken, so every machine puts every number into the same bucket. Bucket 0 is for what is below 2^-30.
/// </summary>
/// <remarks>Stateless; any thread; no allocation.</remarks>
internal static class HistogramBuckets
{
    public const int MinPrecision = 2;
    public const int MaxPrecision = 9;

    private const int SmallestExponent = -30;
    private const int EndExponent = 63;
    private const int MantissaBits = 52;
    private const int ExponentBias = 1023;

    /// <summary>Numbers from here on have no bucket.</summary>
    public static readonly double End = Math.ScaleB(1, EndExponent);

    private static readonly double Smallest = Math.ScaleB(1, SmallestExponent);

    /// <summary>How many buckets there are.</summary>
    public static int CountOf(int precision) => 1 + ((EndExponent - SmallestExponent) << precision);

    /// <summary>Half the width of the widest bucket beside its numbers.</summary>
    public static double RelativeErrorOf(int precision) => Math.ScaleB(1, -(precision + 1));

    /// <summary>The bucket of a number from 0 to less than <see cref="End"/>.</summary>
    public static int IndexOf(double value, int precision) => value < Smallest
        ? 0
        : 1 + (int)(BitConverter.DoubleToInt64Bits(value) >> (MantissaBits - precision)) - ((ExponentBias + SmallestExponent) << precision);

    /// <summary>The smallest number of a bucket; of the one behind the last, <see cref="End"/>.</summary>
    public static double LowerOf(int index, int precision) => index == 0
        ? 0
        : BitConverter.Int64BitsToDouble((index - 1L + ((long)(ExponentBias + SmallestExponent) << precision)) << (MantissaBits - precision));
}
