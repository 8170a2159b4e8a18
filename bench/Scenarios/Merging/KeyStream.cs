using System.Globalization;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Merging;

/// <summary>
/// The keys of a merge case and, for each thread, an endless sequence of them with zipfian popularity, drawn beforehand so that the draw costs nothing
/// while measuring. Every variant of a case walks the same sequences. One key may have a share of the traffic beside its popularity (<c>hot</c>).
/// </summary>
internal sealed class KeyStream<TKey>
{
    /// <summary>Long enough that a lap outlasts every cache of the processor; a power of two.</summary>
    private const int Lap = 1 << 20;

    private readonly int[][] _ranks;

    public KeyStream(TKey[] keys, int threads, double exponent, ulong seed, double hot = 0)
    {
        Keys = keys;
        ZipfGenerator zipf = new(keys.Length, exponent, seed);
        _ranks = [.. Enumerable.Range(0, threads).Select(thread => Draw(zipf.WithSeed(seed + (ulong)thread), hot, new SplitMix64(seed - (ulong)thread - 1)))];
    }

    /// <summary>Every key. Their order says nothing about their popularity in memory: they were shuffled before they were ranked.</summary>
    public TKey[] Keys { get; }

    /// <summary>A thread's key at a position of its sequence.</summary>
    public TKey At(int thread, long position) => Keys[_ranks[thread][(int)position & (Lap - 1)]];

    private static int[] Draw(ZipfGenerator zipf, double hot, SplitMix64 random)
    {
        int[] ranks = new int[Lap];
        for (int i = 0; i < ranks.Length; i++)
            ranks[i] = hot != 0 && random.NextDouble() < hot ? 0 : zipf.Next();
        return ranks;
    }
}

/// <summary>Makes key streams.</summary>
internal static class KeyStream
{
    public static KeyStream<string> Strings(int count, int threads, double exponent, ulong seed, double hot = 0) =>
        new(Shuffled([.. Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"visitor:{i:x8}"))], seed), threads, exponent, seed, hot);

    public static KeyStream<long> Numbers(int count, int threads, double exponent, ulong seed) =>
        new(Shuffled([.. Enumerable.Range(0, count).Select(i => i * 0x1E3779B97F4A7C1L)], seed), threads, exponent, seed);

    // Keys made one after the other lie one after the other: without the shuffle popular keys would share cache lines, as they never do in life.
    private static TKey[] Shuffled<TKey>(TKey[] keys, ulong seed)
    {
        SplitMix64 random = new(seed);
        for (int i = keys.Length - 1; i > 0; i--)
        {
            int other = random.Next(i + 1);
            (keys[i], keys[other]) = (keys[other], keys[i]);
        }

        return keys;
    }
}
