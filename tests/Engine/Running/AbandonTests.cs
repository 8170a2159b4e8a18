using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>An engine that is dropped, or disposed in a hurry, with everything around it stuck.</summary>
public sealed class AbandonTests
{
    // Time stands still and nothing answers: an end that waits for either would not come.
    [Fact]
    public async Task With_everything_stuck_an_engine_is_dropped_at_once_and_leaves_nothing_running()
    {
        await using Stage stage = new();
        int armed = stage.Time.ArmedTimers;
        (Worker worker, EventSource source, Task[] waiting) = await StallAsync(stage);

        await worker.Engine.AbandonAsync().AsTask().WaitAsync(Stage.Cancellation);
        await worker.Engine.AbandonAsync();

        await AssertRefusedAsync(worker, source, waiting);
        Assert.True((await worker.Engine.StopAsync(TimeSpan.FromSeconds(1), Stage.Cancellation)).Elapsed == TimeSpan.Zero);
        await AssertNothingRunsAsync(stage, worker, armed);
    }

    // Disposal without a stop is a stop with the deadline of the options.
    [Fact]
    public async Task With_everything_stuck_disposal_ends_at_the_shutdown_timeout_and_leaves_nothing_running()
    {
        await using Stage stage = new();
        int armed = stage.Time.ArmedTimers;
        (Worker worker, EventSource source, Task[] waiting) = await StallAsync(stage);
        long sessions = worker.Visits.Merges; // one event each until now

        Task disposing = worker.Engine.DisposeAsync().AsTask();
        await Stage.UntilAsync(() => !worker.Visits.TryMerge($"k{sessions}", new Visit.Event { Hits = 1 })); // resident: refused when the cache is closed
        Assert.False(disposing.IsCompleted);
        stage.Time.Advance(TimeSpan.FromSeconds(25));
        await disposing.WaitAsync(Stage.Cancellation);

        ShutdownReport report = await worker.Engine.StopAsync(TimeSpan.Zero, Stage.Cancellation);
        Assert.False(report.IsClean);
        Assert.InRange(report.UnsettledUpdates, sessions, sessions + 1); // what was asked above may have been merged, and flushed once more
        Assert.StartsWith($"NOT CLEAN after 25.000 s: {report.UnsettledUpdates} unsettled updates, 0 unfinished", report.ToString(), StringComparison.Ordinal);
        await AssertRefusedAsync(worker, source, waiting);
        await AssertNothingRunsAsync(stage, worker, armed);
    }

    /// <summary>A lane with a batch that is not answered, a full channel, a full cache, and everybody who can wait waiting.</summary>
    private static async Task<(Worker Worker, EventSource Source, Task[] Waiting)> StallAsync(Stage stage)
    {
        Worker worker = await stage.StartWorkerAsync(static options =>
        {
            options.Partitions = options.Capacity = options.LaneCapacity = options.BatchSize = 1;
            options.ShutdownTimeout = TimeSpan.FromSeconds(25);
            options.LeaseDuration = TimeSpan.FromSeconds(10);
        });
        EventSource source = worker.Engine.OpenSource("orders", start: 1);
        stage.Coordinator.Hold(static _ => true);
        Task merging = Task.CompletedTask;
        for (int i = 1; merging.IsCompleted; i++)
        {
            merging = worker.Visits.MergeAsync($"k{i}", new Visit.Event { Hits = 1 }, source.At(i), Stage.Cancellation).AsTask();
            if (i == 2)
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        }

        return (worker, source,
        [
            merging,
            source.WaitForAsync(1, Stage.Cancellation).AsTask(),
            worker.Engine.FlushAsync(Stage.Cancellation).AsTask(),
            worker.Visits.ExpireAllAsync(Stage.Cancellation).AsTask(),
            worker.Visits.ForceExpireAsync("k1", Stage.Cancellation).AsTask(),
        ]);
    }

    private static async Task AssertRefusedAsync(Worker worker, EventSource source, Task[] waiting)
    {
        foreach (Task task in waiting)
            await Assert.ThrowsAsync<ObjectDisposedException>(() => task.WaitAsync(Stage.Cancellation));
        Visit.Event one = new() { Hits = 1 };
        Assert.False(worker.Visits.TryMerge("k1", one));
        Assert.False(worker.Visits.TryMerge("new", one));
        Assert.Equal(0, worker.Visits.TryMerge([new("k1", one)]));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await worker.Visits.MergeAsync("k1", one, Stage.Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await worker.Visits.FlushAsync(Stage.Cancellation));
        Assert.Throws<ObjectDisposedException>(() => source.At(100));
        Assert.Throws<ObjectDisposedException>(() => worker.Engine.OpenSource("late"));
        Assert.Throws<ObjectDisposedException>(() => worker.Engine.Aggregate(Download.Definition));
    }

    private static async Task AssertNothingRunsAsync(Stage stage, Worker worker, int armed)
    {
        Assert.All(worker.Visits.Runtime.Lanes, static lane => Assert.True(lane.Completion.IsCompletedSuccessfully));

        // Every loop has a timer of its own, or a request that is not answered.
        Assert.Equal(armed, stage.Time.ArmedTimers);
        int sent = stage.Coordinator.HeldBack;
        stage.Time.Advance(TimeSpan.FromHours(1));
        for (int i = 0; i < 20; i++)
            await Task.Yield();
        Assert.Equal(sent, stage.Coordinator.HeldBack);
    }
}
