using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Merging;

namespace Sluice.Bench.Scenarios;

/// <summary>The hot path: one event merged into the local entry of its key.</summary>
internal sealed class MergeScenario : IScenario
{
    private const int Resident = 100_000;
    private const int Many = 1_000_000;
    private const double Exponent = 0.99;

    // So that nothing is evicted, whichever stripe the keys fall into.
    private const int Roomy = 2 * Resident;

    private const string Dictionary = "dictionary";
    private const string ConcurrentDictionary = "concurrent-dictionary-lock";
    private const string ConcurrentDictionaryInterlocked = "concurrent-dictionary-interlocked";
    private const string OneThread = "one-thread";

    /// <summary>Popularity of the keys; hot: one key's share beside that.</summary>
    private static readonly (string Name, double Exponent, double Hot)[] Loads =
        [("zipf0", 0, 0), ($"zipf{Exponent}", Exponent, 0), ("zipf1.2", 1.2, 0), ("hot30", 0, 0.3)];

    // Half of what a plain dictionary does with such keys on the kind of machine that the targets were set on (4.5 million a second).
    private const double SoundDictionary = 2_250_000;

    public string Name => "merge";

    public string Purpose => "one event into the entry of its key: resident keys, constant eviction";

    public IEnumerable<BenchCase> Cases(BenchOptions options)
    {
        ulong seed = options.Seed;
        yield return new BenchCase($"resident-1t-zipf{Exponent}", 1, null, HasTarget: true, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Resident, 1, Exponent, seed);
            return
            [
                new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, 1, Roomy, new Comparison(Dictionary, Target.AtLeast(0.9))),
                new DictionaryVariant<string>(stream, SoundDictionary),
                new ConcurrentDictionaryVariant<string>(stream, 1, new Comparison(Dictionary)),
                new MemoryCacheVariant<string>(stream, 1, Resident, new Comparison(Dictionary)),
            ];
        });
        yield return new BenchCase($"resident-1t-zipf{Exponent}-long", 1, null, HasTarget: true, () =>
        {
            KeyStream<long> stream = KeyStream.Numbers(Resident, 1, Exponent, seed);
            return
            [
                new MergeCacheVariant<long, NumberedHits.Event, NumberedHitMaker>(NumberedHits.Definition.CreateCache, stream, 1, Roomy, new Comparison(Dictionary, Target.AtLeast(0.6))),
                new DictionaryVariant<long>(stream, SoundDictionary),
                new ConcurrentDictionaryVariant<long>(stream, 1, new Comparison(Dictionary)),
            ];
        });
        yield return new BenchCase($"evicting-1t-zipf{Exponent}", 1, null, HasTarget: true, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Many, 1, Exponent, seed);
            return
            [
                new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(
                    NamedHits.Definition.CreateCache, stream, 1, Resident, new Comparison(ConcurrentDictionary, Target.AtLeast(1)), new Comparison("memory-cache", Target.AtLeast(1.6))),
                new ConcurrentDictionaryVariant<string>(stream, 1),
                new MemoryCacheVariant<string>(stream, 1, Resident, new Comparison(ConcurrentDictionary)),
            ];
        });
        yield return new BenchCase($"batch-1t-zipf{Exponent}", 1, null, HasTarget: true, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Resident, 1, Exponent, seed);
            return
            [
                new BatchMergeVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, Roomy, new Comparison(Dictionary, Target.AtLeast(1.5))),
                new DictionaryVariant<string>(stream, SoundDictionary),
            ];
        });
        yield return new BenchCase($"batch-1t-zipf{Exponent}-long", 1, null, HasTarget: true, () =>
        {
            KeyStream<long> stream = KeyStream.Numbers(Resident, 1, Exponent, seed);
            return
            [
                new BatchMergeVariant<long, NumberedHits.Event, NumberedHitMaker>(NumberedHits.Definition.CreateCache, stream, Roomy, new Comparison(Dictionary, Target.AtLeast(1))),
                new DictionaryVariant<long>(stream, SoundDictionary),
            ];
        });
        foreach (int threads in new[] { 1, 2 }.Where(static t => t <= Environment.ProcessorCount))
        {
            foreach ((string load, double exponent, double hot) in Loads.Where(l => threads != 1 || l.Exponent != Exponent))
            {
                yield return new BenchCase($"resident-{threads}t-{load}", threads, null, HasTarget: false, () =>
                {
                    KeyStream<string> stream = KeyStream.Strings(Resident, threads, exponent, seed, hot);
                    return
                    [
                        new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, threads, Roomy, new Comparison(ConcurrentDictionary), new Comparison(ConcurrentDictionaryInterlocked)),
                        new ConcurrentDictionaryVariant<string>(stream, threads),
                        new InterlockedVariant<string>(stream, threads),
                    ];
                });
            }
        }

        // Many more threads than cores, so that holders of claims lose the processor all the time, most of them on one key.
        yield return new BenchCase("oversubscribed-32t-hot30", 32, null, HasTarget: false, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Resident, 32, 0, seed, hot: 0.3);
            return
            [
                new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, 32, Roomy, new Comparison(ConcurrentDictionary), new Comparison(OneThread)),
                new ConcurrentDictionaryVariant<string>(stream, 32),
                new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, 1, Roomy) { Alias = OneThread },
            ];
        });

        // The same work by one thread and by two, in turn: what the second core brings.
        if (Environment.ProcessorCount >= 2)
        {
            yield return new BenchCase($"second-thread-zipf{Exponent}", 2, null, HasTarget: true, () =>
            {
                KeyStream<string> stream = KeyStream.Strings(Resident, 2, Exponent, seed);
                return
                [
                    new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, 2, Roomy, new Comparison(OneThread, Target.AtLeast(1.6))),
                    new MergeCacheVariant<string, NamedHits.Event, NamedHitMaker>(NamedHits.Definition.CreateCache, stream, 1, Roomy) { Alias = OneThread },
                ];
            });
        }
    }
}
