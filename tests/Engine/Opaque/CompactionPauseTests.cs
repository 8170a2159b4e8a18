using System.Threading.Channels;
using Sluice.Coordination;
using Sluice.Tests.Running;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>The loop that compacts open sessions, and a resource that the application's code can't merge.</summary>
public sealed class CompactionPauseTests
{
    private const string Name = nameof(CompactionPauseTests);

    // Prevents: an error in the application's code running once for every batch of a hot resource, with a line in the log each time.
    [Fact]
    public async Task A_resource_whose_merge_throws_is_tried_again_after_pauses_that_double_and_the_others_meanwhile()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync();
        Aggregator<string, RiggedTotal, RiggedTotal.Event> totals = engine.Aggregate(RiggedTotal.Definition);
        Channel<int> attempts = Channel.CreateUnbounded<int>();
        int count = 0, others = 0;
        Rigged.OnMerge(Name, (_, _) =>
        {
            attempts.Writer.TryWrite(++count);
            throw new InvalidOperationException("Broken.");
        });

        // The seventeenth delta is one too many.
        await ContributeAsync("k", 17);
        await NextAsync();
        foreach ((int seconds, int attempt) in new[] { (1, 2), (2, 3), (4, 4) })
        {
            stage.Time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
            await ContributeAsync("k", 3);
            await OthersAsync();
            Assert.False(attempts.Reader.TryPeek(out _), "It was tried before its pause was over.");
            stage.Time.Advance(TimeSpan.FromMilliseconds(1));
            await ContributeAsync("k", 1);
            Assert.Equal(attempt, await NextAsync());
        }

        // Once it can be merged, it is.
        Rigged.OnMerge(Name, null);
        stage.Time.Advance(TimeSpan.FromSeconds(8));
        await ContributeAsync("k", 1);
        await CompactedAsync("k");
        Assert.Equal(30, (await totals.PeekAsync("k", Stage.Cancellation))!.Total.Sum);

        async Task<int> NextAsync()
        {
            int attempt = await attempts.Reader.ReadAsync(Stage.Cancellation);
            await OthersAsync();
            return attempt;
        }

        // What was noted before this is done with after this: the loop takes one after the other.
        async Task OthersAsync()
        {
            string key = $"other {++others}";
            await ContributeAsync(key, 17, "harmless");
            await CompactedAsync(key);
        }

        Task CompactedAsync(string key) =>
            stage.Coordinator.WhenAsync<CompactRequest>(matches: request => request.Compactions[0].Resource.Equals(ResourceKey.Of(key))).WaitAsync(Stage.Cancellation);

        async Task ContributeAsync(string key, int deltas, string name = Name)
        {
            for (int i = 0; i < deltas; i++)
            {
                Assert.True(totals.TryMerge(key, new RiggedTotal.Event { Events = 1, Total = new Rigged(name, 1) }));
                await totals.FlushAsync(key, Stage.Cancellation);
            }
        }
    }
}
