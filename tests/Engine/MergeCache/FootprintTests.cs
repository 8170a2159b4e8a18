using Sluice.Caching;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>Two sums.</summary>
[Aggregate("footprint.hits")]
internal sealed partial class FootprintHits
{
    [Key]
    public partial string Name { get; }

    [Sum]
    public partial long Hits { get; }

    [Sum]
    public partial long Bytes { get; }
}

/// <summary>What a session costs in memory beside its key's characters and its counters.</summary>
public sealed class FootprintTests
{
    private const int Counters = 2 * sizeof(long);

    [Theory]
    [InlineData(30_000)]
    [InlineData(100_000)]
    [InlineData(150_000)]
    public void Session_costs_at_most_72_bytes_beside_its_counters(int sessions)
    {
        // Everything that grows with the sessions: tables, places and their deadlines, and what is empty of them.
        MergeCacheOptions options = new CacheUnderTest().Options with { Capacity = sessions };
        MergeCache<string, FootprintHits.Event> cache = FootprintHits.Definition.CreateCache(options, new ForgetfulSink(), new FlushEpochs());
        for (int i = 0; i < sessions; i++)
            Assert.Equal(MergeAnswer.Merged, cache.TryMerge($"visitor {i}", new FootprintHits.Event { Hits = 1, Bytes = 1 }, 0));
        double each = (cache.SessionBytes / (double)sessions) - Counters;
        TestContext.Current.TestOutputHelper!.WriteLine($"{sessions} sessions: {each:F1} bytes each");
        Assert.InRange(each, 48 + 10, 72);
    }
}
