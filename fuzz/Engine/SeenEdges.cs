using System.Numerics;
using System.Runtime.InteropServices;
using Sluice.Fuzz.Coverage;

namespace Sluice.Fuzz.Engine;

/// <summary>Which edges were ever taken, and about how often in one execution: once, twice, three times, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more.</summary>
internal sealed class SeenEdges
{
    private static readonly byte[] Buckets = MakeBuckets();

    // A bit for each bucket.
    private readonly byte[] _seen = new byte[EdgeMap.Size];

    /// <summary>Edges taken at least once.</summary>
    public int Edges { get; private set; }

    /// <summary>Edges and buckets.</summary>
    public int Features { get; private set; }

    /// <summary>Turns the counters of an execution into buckets, in place, and collects the edges that were taken.</summary>
    /// <returns>A number that is the same for executions with the same buckets.</returns>
    public static ulong Classify(Span<byte> counters, List<int> taken)
    {
        taken.Clear();
        ulong hash = 14695981039346656037;
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(counters);
        int at = 0;
        while (true)
        {
            int skip = IndexOfNonZero(words[at..]);
            if (skip < 0)
                return hash;
            at += skip;
            for (int i = at * 8; i < (at + 1) * 8; i++)
            {
                if (counters[i] == 0)
                    continue;
                counters[i] = Buckets[counters[i]];
                taken.Add(i);
                hash = (hash ^ (((ulong)i << 8) | counters[i])) * 1099511628211;
            }

            at++;
        }
    }

    /// <summary>Remembers what was taken.</summary>
    /// <returns>True if there was something new.</returns>
    public bool Add(ReadOnlySpan<byte> classified, List<int> taken)
    {
        bool isNew = false;
        foreach (int edge in taken)
        {
            int unseen = classified[edge] & ~_seen[edge];
            if (unseen == 0)
                continue;
            if (_seen[edge] == 0)
                Edges++;
            Features += BitOperations.PopCount((uint)unseen);
            _seen[edge] |= (byte)unseen;
            isNew = true;
        }

        return isNew;
    }

    private static int IndexOfNonZero(Span<ulong> words) => words.IndexOfAnyExcept(0UL);

    private static byte[] MakeBuckets()
    {
        byte[] buckets = new byte[256];
        for (int count = 1; count < 256; count++)
        {
            buckets[count] = count switch
            {
                <= 3 => (byte)(1 << (count - 1)),
                < 8 => 8,
                < 16 => 16,
                < 32 => 32,
                < 128 => 64,
                _ => 128,
            };
        }

        return buckets;
    }
}
