namespace Sluice.Bench.Scenarios.Merging;

/// <summary>One event of the merge scenario.</summary>
/// <param name="Hits">Added to the first counter.</param>
/// <param name="Bytes">Added to the second.</param>
internal readonly record struct Hit(long Hits, long Bytes);

/// <summary>What every reference keeps per key: an object with two counters.</summary>
internal sealed class HitCounters
{
    public long Hits;
    public long Bytes;
}
