using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>A flush is a promise about what was merged before it, and must not depend on what is merged after.</summary>
public sealed class FlushUnderPressureTests
{
    private const int Keys = 20;

    public static TheoryData<bool> Both => [false, true];

    // Every entry is dirty again before the flush has come by. A flush of everything that is dirty never ends then; one of everything that was does.
    [Theory]
    [MemberData(nameof(Both))]
    public async Task A_flush_returns_although_every_key_is_merged_again_whenever_anything_was_flushed(bool ofTheEngine)
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(Narrow);
        for (int i = 0; i < Keys; i++)
            worker.Hit($"k{i}", 1_000);
        stage.Coordinator.Then(request =>
        {
            for (int i = 0; request is FlushRequest && i < Keys; i++)
                worker.Hit($"k{i}");
        });

        await (ofTheEngine ? worker.Engine.FlushAsync(Stage.Cancellation) : worker.Visits.FlushAsync(Stage.Cancellation));

        // Twice: what was in the lane before, or was merged into an entry before its turn came, goes along.
        Assert.InRange(stage.Coordinator.Count<FlushRequest>(), Keys, 2 * Keys);
        for (int i = 0; i < Keys; i++)
            Assert.InRange((await worker.Visits.PeekAsync($"k{i}", Stage.Cancellation))!.Hits, 1_000, 1_000 + (2 * Keys));
    }

    // The same in the background: it used to serve the newest updates again and again, while the oldest waited for their turn.
    [Fact]
    public async Task The_periodic_flush_reaches_every_key_although_all_are_merged_again_meanwhile()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(options =>
        {
            Narrow(options);
            options.FlushInterval = TimeSpan.FromSeconds(1);
        });
        for (int i = 0; i < Keys; i++)
            worker.Hit($"k{i}");
        HashSet<string> flushed = [];
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        stage.Coordinator.Then(request =>
        {
            if (request is not FlushRequest flush)
                return;
            flushed.UnionWith(flush.Items.Select(static item => item.Resource.ToString()));
            if (flushed.Count == Keys)
                all.TrySetResult();
            for (int i = 0; i < Keys; i++)
                worker.Hit($"k{i}");
        });

        stage.Time.Advance(TimeSpan.FromSeconds(1));

        await all.Task.WaitAsync(Stage.Cancellation);
        Assert.InRange(stage.Coordinator.Count<FlushRequest>(), Keys, 2 * Keys);
    }

    // The other half of the promise: an update that joined a delta which was dirty long before is of the epochs before the call, and so is one in an entry
    // that has just been flushed.
    [Fact]
    public async Task A_flush_covers_everything_that_was_merged_before_the_call()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(Narrow);
        worker.Hit("old");
        worker.Hit("flushed");
        await worker.Visits.FlushAsync("flushed", Stage.Cancellation);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(worker.Engine.Epochs.TryAdvance());
            worker.Hit("old");
            worker.Hit("flushed");
            worker.Hit($"new{i}");
        }

        await worker.Visits.FlushAsync(Stage.Cancellation);

        Assert.Equal(4, (await worker.Visits.PeekAsync("old", Stage.Cancellation))!.Hits);
        Assert.Equal(4, (await worker.Visits.PeekAsync("flushed", Stage.Cancellation))!.Hits);
        for (int i = 0; i < 3; i++)
            Assert.Equal(1, (await worker.Visits.PeekAsync($"new{i}", Stage.Cancellation))!.Hits);
    }

    private static void Narrow(EngineOptions options)
    {
        options.Partitions = 1;
        options.LaneCapacity = 1;
        options.BatchSize = 1;
    }
}
