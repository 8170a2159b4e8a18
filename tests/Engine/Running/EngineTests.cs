using System.Collections.Concurrent;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>The main job, as the first page of the documentation tells it.</summary>
public sealed class EngineTests
{
    // What a user tries first: merge, stop, and find one exact record per key.
    [Fact]
    public async Task Merging_and_stopping_completes_every_key_once_with_its_exact_total()
    {
        ConcurrentBag<Completion<Visit>> completed = [];
        SluiceEngine engine = await SluiceEngine.StartAsync(cancellation: TestContext.Current.CancellationToken);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, o => o.OnComplete = (completion, _) =>
        {
            completed.Add(completion);
            return ValueTask.CompletedTask;
        });

        for (int i = 0; i < 1000; i++)
            Assert.True(visits.TryMerge($"visitor-{i % 100}", new Visit.Event { Hits = 1, Pages = $"/page-{i % 7}", LastPages = $"/page-{i}" }));
        ShutdownReport report = await engine.StopAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        Assert.True(report.IsClean, report.ToString());
        Assert.Equal(100, completed.Count);
        Assert.Equal(100, completed.Select(completion => completion.Resource).Distinct().Count());
        Assert.All(completed, completion => Assert.Equal(10, completion.Value.Hits));
        Assert.All(completed, completion => Assert.Equal(3, completion.Value.LastPages.Count));
    }
}
