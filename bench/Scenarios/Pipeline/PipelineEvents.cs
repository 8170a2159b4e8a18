using System.Globalization;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Pipeline;

/// <summary>The keys of the events, which all processes know, and how often each occurs.</summary>
internal static class PipelineEvents
{
    public const int Keys = 100_000;
    public const double Exponent = 1.0;

    public static string Name(int rank) => string.Create(CultureInfo.InvariantCulture, $"page:{rank:x11}");

    /// <summary>
    /// Events per written resource that coalescing can give a process between two flushes: the events over the expected number of distinct keys among them, the sum of
    /// 1 - (1 - p)^n over all keys.
    /// </summary>
    /// <param name="events">Events of one process between two flushes.</param>
    public static double PredictedCompression(double events)
    {
        double mass = 0, distinct = 0;
        for (int rank = Keys; rank >= 1; rank--)
            mass += Math.Pow(rank, -Exponent);
        for (int rank = Keys; rank >= 1; rank--)
        {
            double p = Math.Pow(rank, -Exponent) / mass;
            distinct += 1 - Math.Exp(events * Math.Log(1 - p)); // p is small enough against 1 for the logarithm to be exact in a double
        }

        return events / distinct;
    }

    /// <summary>A lap of ranks that outlasts every cache, drawn beforehand so that the draw costs nothing while measuring.</summary>
    public static int[] Draw(ulong seed)
    {
        ZipfGenerator zipf = new(Keys, Exponent, seed);
        int[] ranks = new int[1 << 20];
        for (int i = 0; i < ranks.Length; i++)
            ranks[i] = zipf.Next();
        return ranks;
    }
}

/// <summary>What is counted of a key.</summary>
[Aggregate("bench.pages")]
internal sealed partial class PageHits
{
    [Key]
    public partial string Name { get; }

    [Sum]
    public partial long Hits { get; }
}
