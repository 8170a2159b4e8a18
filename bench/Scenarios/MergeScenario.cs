using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Merging;

namespace Sluice.Bench.Scenarios;

/// <summary>The hot path: one event merged into the local entry of its key.</summary>
internal sealed class MergeScenario : IScenario
{
    private const int Resident = 100_000;
    private const int Many = 1_000_000;
    private const double Exponent = 0.99;

    // Half of what a plain dictionary does with such keys on the kind of machine that the targets were set on (4.5 million a second).
    private const double SoundDictionary = 2_250_000;

    public string Name => "merge";

    public string Purpose => "one event into the entry of its key: resident keys, constant eviction";

    public IEnumerable<BenchCase> Cases(ulong seed)
    {
        yield return new BenchCase($"resident-1t-zipf{Exponent}", 1, null, HasTarget: false, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Resident, 1, Exponent, seed);
            return
            [
                new DictionaryVariant<string>(stream, SoundDictionary),
                new ConcurrentDictionaryVariant<string>(stream, 1, new Comparison("dictionary")),
                new MemoryCacheVariant<string>(stream, 1, Resident, new Comparison("dictionary")),
            ];
        });
        yield return new BenchCase($"resident-1t-zipf{Exponent}-long", 1, null, HasTarget: false, () =>
        {
            KeyStream<long> stream = KeyStream.Numbers(Resident, 1, Exponent, seed);
            return
            [
                new DictionaryVariant<long>(stream, SoundDictionary),
                new ConcurrentDictionaryVariant<long>(stream, 1, new Comparison("dictionary")),
            ];
        });
        yield return new BenchCase($"evicting-1t-zipf{Exponent}", 1, null, HasTarget: false, () =>
        {
            KeyStream<string> stream = KeyStream.Strings(Many, 1, Exponent, seed);
            return
            [
                new ConcurrentDictionaryVariant<string>(stream, 1),
                new MemoryCacheVariant<string>(stream, 1, Resident, new Comparison("concurrent-dictionary-lock")),
            ];
        });
    }
}
