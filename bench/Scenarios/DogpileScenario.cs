using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Dogpiling;
using Sluice.Bench.Scenarios.Merging;

namespace Sluice.Bench.Scenarios;

/// <summary>Values that are created once: what a hit costs, and what a stampede does.</summary>
internal sealed class DogpileScenario : IScenario
{
    private const int Many = 100_000;
    private const int Few = 1_000;
    private const double Exponent = 0.99;
    private const string ConcurrentDictionary = "concurrent-dictionary";
    private const string LazyInDictionary = "lazy-in-dictionary";

    // At most 1.3 times as long.
    private const double HitTarget = 1 / 1.3;

    public string Name => "dogpile";

    public string Purpose => "values that one caller creates: hits, and 1,000 callers at once";

    public IEnumerable<BenchCase> Cases(BenchOptions options)
    {
        yield return Hit($"hit-1t-zipf{Exponent}", Many, threads: 1, hasTarget: true, options.Seed);
        yield return Hit($"hit-{Environment.ProcessorCount}t-zipf{Exponent}", Many, Environment.ProcessorCount, hasTarget: false, options.Seed);

        // So few keys that they stay in the processor's first caches: what is left is the difference in instructions.
        yield return Hit("hit-1t-few", Few, threads: 1, hasTarget: false, options.Seed);
        yield return new BenchCase("stampede", Environment.ProcessorCount, StampedeVariant.Callers, HasTarget: true, () =>
        [
            new DogpileStampede(new Comparison(LazyInDictionary, Target.AtLeast(0.5)), new Comparison("memory-cache")),
            new LazyStampede(),
            new MemoryCacheStampede(new Comparison(LazyInDictionary)),
        ]);
    }

    private static BenchCase Hit(string name, int keys, int threads, bool hasTarget, ulong seed) => new(name, threads, null, hasTarget, () =>
    {
        KeyStream<string> stream = KeyStream.Strings(keys, threads, Exponent, seed);
        return
        [
            new DogpileHit(stream, threads, new Comparison(ConcurrentDictionary, hasTarget ? Target.AtLeast(HitTarget) : null), new Comparison("memory-cache")),
            new ConcurrentDictionaryHit(stream, threads),
            new MemoryCacheHit(stream, threads, new Comparison(ConcurrentDictionary)),
        ];
    });
}
