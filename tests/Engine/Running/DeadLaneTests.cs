using System.Text;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>
/// A lane's loop has ended by a fault: of this code, or of a coordinator that throws what it must not. It never comes back, so that whoever waits for it
/// has to be told, and what does not depend on it must go on.
/// </summary>
public sealed class DeadLaneTests
{
    private static readonly InvalidTimeZoneException Fault = new("a fault that no coordinator may have");

    // They used to wait for ever.
    [Fact]
    public async Task Who_waits_for_a_flush_when_the_lane_ends_and_who_asks_later_is_told_why_and_what_to_do()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(static options => options.Partitions = 1);
        stage.Coordinator.Fail(static request => request is FlushRequest ? Fault : null);
        worker.Hit("k");

        EngineFaultException first = await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.FlushAsync("k", Stage.Cancellation));
        stage.Coordinator.Fail(null);
        EngineFaultException[] later =
        [
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.FlushAsync("k", Stage.Cancellation)),
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.FlushAsync(Stage.Cancellation)),
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Engine.FlushAsync(Stage.Cancellation)),
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.ExpireAsync("k", Stage.Cancellation)),
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.ForceExpireAsync("k", Stage.Cancellation)),
            await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.ExpireAllAsync(Stage.Cancellation)),
        ];

        foreach (EngineFaultException error in later.Prepend(first))
        {
            Assert.Contains("'visit' to partition 0", error.Message, StringComparison.Ordinal);
            Assert.Contains("start another", error.Message, StringComparison.Ordinal);
            Assert.Same(Fault, error.InnerException);
        }
    }

    [Fact]
    public async Task A_merge_that_waits_for_room_is_told_that_there_will_be_none()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(static options => options.Partitions = options.Capacity = options.LaneCapacity = options.BatchSize = 1);
        stage.Coordinator.Hold(static request => request is FlushRequest);
        Task waiting = Task.CompletedTask;
        for (int i = 0; waiting.IsCompleted; i++)
        {
            waiting = worker.Visits.MergeAsync($"k{i}", new Visit.Event { Hits = 1 }, Stage.Cancellation).AsTask();
            if (i == 1)
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        }

        long merged = worker.Visits.Merges;
        stage.Coordinator.Fail(static request => request is FlushRequest ? Fault : null);
        stage.Time.Advance(TimeSpan.FromSeconds(6)); // the request that is held times out, and the next one is answered by the fault
        await stage.DriveAsync(DoneAsync(waiting), TimeSpan.FromSeconds(1));

        await Assert.ThrowsAsync<EngineFaultException>(() => waiting);
        await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.MergeAsync("next", new Visit.Event { Hits = 1 }, Stage.Cancellation));
        Assert.Equal(merged, worker.Visits.Merges);
    }

    // What the lane had taken keeps its epoch: no watermark of the engine ever passes it. Nobody used to tell the sources.
    [Fact]
    public async Task Who_waits_for_a_watermark_is_told_and_so_is_who_names_the_next_position_or_opens_a_source()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(static options => options.Partitions = 1);
        EventSource source = worker.Engine.OpenSource("orders", start: 1);
        EventSource fast = worker.Engine.OpenSource("fast", AckMode.AfterMerge, start: 1);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
        Task waiting = source.WaitForAsync(1, Stage.Cancellation).AsTask();
        stage.Coordinator.Fail(static request => request is FlushRequest ? Fault : null);

        await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Engine.FlushAsync(Stage.Cancellation));

        Assert.Same(Fault, (await Assert.ThrowsAsync<EngineFaultException>(() => waiting.WaitAsync(Stage.Cancellation))).InnerException);
        await Assert.ThrowsAsync<EngineFaultException>(async () => await source.WaitForAsync(1, Stage.Cancellation));
        Assert.Throws<EngineFaultException>(() => source.At(2));
        Assert.Throws<EngineFaultException>(() => worker.Engine.OpenSource("again"));
        Assert.Equal((0, false), (source.Watermark, source.IsFenced));

        // Done when it is merged: that does not depend on any lane.
        fast.Advance(fast.At(1).Position);
        Assert.Equal(1, fast.Watermark);
    }

    // The others go on, and at the stop everything that they can take must get through: it used to give up what did not fit into their channels at once.
    [Fact]
    public async Task The_other_partitions_lose_nothing_and_the_report_says_what_is_left()
    {
        await using Stage stage = new();
        string[] keys = [.. Enumerable.Range(0, 60).Select(static i => $"k{i}")];
        string[] doomed = [.. keys.Where(static key => PartitionOf(key) == 0)];
        Worker worker = await stage.StartWorkerAsync(static options => options.LaneCapacity = options.BatchSize = 1);
        stage.Coordinator.Fail(static request => request is FlushRequest flush && flush.Items.Any(static item => PartitionOf(item.Resource.ToString()) == 0) ? Fault : null);
        foreach (string key in keys)
            worker.Hit(key);
        await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.FlushAsync(doomed[0], Stage.Cancellation));

        ShutdownReport report = await stage.DriveAsync(worker.Engine.StopAsync(Timeout.InfiniteTimeSpan, Stage.Cancellation), TimeSpan.FromSeconds(1));

        Assert.Equal(keys.Length - doomed.Length, worker.Completed.Reader.Count);

        // Their sessions, and the item that the lane had when it ended.
        Assert.Equal((false, doomed.Length + 1), (report.IsClean, report.UnsettledUpdates));
        Assert.Contains($"{doomed.Length + 1} unsettled updates", report.ToString(), StringComparison.Ordinal);
    }

    // Its beats used to go on for ever: nobody could take over what the coordinator had.
    [Fact]
    public async Task What_a_dead_lane_had_flushed_is_completed_when_its_lease_has_run_out()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(static options =>
        {
            options.Partitions = 1;
            options.LeaseDuration = TimeSpan.FromSeconds(10);
        });
        worker.Hit("k", 5);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        stage.Coordinator.Fail(static request => request is FlushRequest ? Fault : null);
        worker.Hit("k", 100);
        await Assert.ThrowsAsync<EngineFaultException>(async () => await worker.Visits.FlushAsync("k", Stage.Cancellation));

        Completion<Visit> recovered = await stage.DriveAsync(worker.NextAsync(), TimeSpan.FromSeconds(11));

        Assert.Equal((5, CompletionReason.Recovered), (recovered.Value.Hits, recovered.Reason));
    }

    private static int PartitionOf(string key) => ResourceKey.PartitionOf(Encoding.UTF8.GetBytes(key), 2);

    private static async ValueTask<bool> DoneAsync(Task task)
    {
        await ((Task)task.WaitAsync(Stage.Cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }
}
