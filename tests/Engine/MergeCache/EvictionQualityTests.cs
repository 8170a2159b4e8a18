using System.Buffers.Binary;
using System.Diagnostics;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Flushing;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>
/// Who leaves when there is no room: updates per flush beside exact LRU and beside the optimum that knows the future (Belady). The table in
/// docs/merge-cache.md is this test's output.
/// </summary>
public sealed class EvictionQualityTests
{
    private const int Accesses = 200_000;
    private const int Keys = 40_000;

    private static readonly int[] Capacities = [250, 500, 1_000, 2_500, 5_000];

    [Fact]
    public void Zipf_is_no_worse_than_exact_lru() => Compare("zipf 0.99", Zipf());

    [Fact]
    public void Scans_do_not_wash_the_popular_keys_out()
    {
        // Every other key comes once and never again: exact LRU gives half its places to them.
        int next = Keys;
        int[] trace = Zipf();
        for (int i = 1; i < trace.Length; i += 2)
            trace[i] = next++;
        Compare("zipf and scan", trace, atLeast: 1.02);
    }

    [Fact]
    public void Loop_that_does_not_fit_is_no_worse_than_exact_lru() =>
        Compare("loop over 6,000", [.. Enumerable.Range(0, Accesses).Select(static i => i % 6_000)], atLeast: 1);

    [Fact]
    public void Real_web_trace_is_no_worse_than_exact_lru()
    {
        string? path = RealInput.Find("cache2k-web12.trace.xz", out string absent);
        Assert.SkipUnless(path is not null, absent);
        Assert.SkipUnless(File.Exists("/usr/bin/xz"), "The program xz is not here.");
        using Process xz = Process.Start(new ProcessStartInfo("/usr/bin/xz", ["-dc", path]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        using MemoryStream bytes = new();
        xz.StandardOutput.BaseStream.CopyTo(bytes);
        xz.WaitForExit();
        byte[] all = bytes.ToArray();
        Compare("web12", [.. Enumerable.Range(0, all.Length / sizeof(int)).Select(i => BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(i * sizeof(int))))]);
    }

    private static int[] Zipf()
    {
        ZipfGenerator zipf = new(Keys, 0.99, seed: 5);
        return [.. Enumerable.Range(0, Accesses).Select(_ => zipf.Next())];
    }

    private static void Compare(string name, int[] trace, double atLeast = 0.95)
    {
        List<string> table = [];
        List<string> worse = [];
        foreach (int capacity in Capacities)
        {
            double own = (double)trace.Length / Flushes(trace, capacity);
            double lru = (double)trace.Length / LruMisses(trace, capacity);
            double best = (double)trace.Length / BeladyMisses(trace, capacity);
            table.Add($"| {name} | {capacity:N0} | {own:F2} | {lru:F2} | {best:F2} | {own / lru:F2} | {own / best:F2} |");
            if (own < atLeast * lru)
                worse.Add(table[^1]);
        }

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(Environment.NewLine, table));
        Assert.Empty(worse);
    }

    /// <summary>Each session ends with one flush.</summary>
    private static long Flushes(int[] trace, int capacity)
    {
        CacheUnderTest t = new();
        MergeCacheOptions options = t.Options with { Capacity = capacity };
        MergeCache<long, Amount, Tally> cache = new(Tally.Schema, KeyCodec.Int64, options, new ForgetfulSink(), new FlushEpochs());
        foreach (int key in trace)
            Assert.Equal(MergeAnswer.Merged, cache.TryMerge(key, new Amount(1), 0));
        return cache.Counters.Created;
    }

    private static long LruMisses(int[] trace, int capacity)
    {
        Dictionary<int, LinkedListNode<int>> resident = [];
        LinkedList<int> order = new();
        long misses = 0;
        foreach (int key in trace)
        {
            if (resident.TryGetValue(key, out LinkedListNode<int>? node))
            {
                order.Remove(node);
                order.AddLast(node);
                continue;
            }

            misses++;
            if (resident.Count == capacity)
            {
                resident.Remove(order.First!.Value);
                order.RemoveFirst();
            }

            resident[key] = order.AddLast(key);
        }

        return misses;
    }

    private static long BeladyMisses(int[] trace, int capacity)
    {
        int[] nextUse = new int[trace.Length];
        Dictionary<int, int> seen = [];
        for (int i = trace.Length - 1; i >= 0; i--)
        {
            nextUse[i] = seen.GetValueOrDefault(trace[i], int.MaxValue);
            seen[trace[i]] = i;
        }

        SortedSet<(int Next, int Key)> byNextUse = [];
        Dictionary<int, int> resident = [];
        long misses = 0;
        for (int i = 0; i < trace.Length; i++)
        {
            int key = trace[i];
            if (resident.TryGetValue(key, out int next))
            {
                byNextUse.Remove((next, key));
            }
            else
            {
                misses++;
                if (resident.Count == capacity)
                {
                    (int Next, int Key) victim = byNextUse.Max;
                    byNextUse.Remove(victim);
                    resident.Remove(victim.Key);
                }
            }

            resident[key] = nextUse[i];
            byNextUse.Add((nextUse[i], key));
        }

        return misses;
    }
}
