using System.Collections.Concurrent;
using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>
/// An engine was away, and its broker has delivered to others what it had not acknowledged. Everything that was merged before is dropped wherever it is,
/// and nothing that came after.
/// </summary>
public sealed class FenceEpisodeTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    // What waits in the lane's channel behind the batch that finds out used to be sent on the new life: counted twice.
    [Fact]
    public async Task What_waits_in_the_lanes_channel_when_the_fence_is_noticed_is_dropped_too()
    {
        await using Stage stage = new();
        ConcurrentQueue<LossReport> losses = new();
        Worker paused = await stage.StartWorkerAsync(options =>
        {
            OnePartition(options);
            options.OnLoss = losses.Enqueue;
        });
        Worker other = await StartOtherAsync(stage);
        EventSource source = await BeginAsync(paused);
        IncarnationId identity = paused.Visits.Runtime.Lanes[0].Identity.Incarnation;
        stage.Coordinator.Hold(request => request is BeatRequest or FlushRequest);
        List<Task> flushes = [];
        foreach ((string key, int position) in new[] { ("outstanding", 2), ("waiting", 3), ("behind", 4) })
        {
            Assert.True(paused.Visits.TryMerge(key, new Visit.Event { Hits = 10 }, source.At(position)));
            flushes.Add(paused.Visits.FlushAsync(key, Stage.Cancellation).AsTask());
            if (position == 2)
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation); // the loop is at the door with one batch: the others stay in the channel
        }

        stage.Time.Advance(Lease + TimeSpan.FromSeconds(2));
        Completion<Visit> recovered = await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));
        stage.Coordinator.Release();
        await Task.WhenAll(flushes).WaitAsync(Stage.Cancellation);
        await paused.Visits.ExpireAllAsync(Stage.Cancellation);

        Assert.Equal(1, recovered.Value.Hits);
        Assert.NotEqual(identity, paused.Visits.Runtime.Lanes[0].Identity.Incarnation);
        Assert.True(source.IsFenced);
        foreach (string key in new[] { "k", "outstanding", "waiting", "behind" })
            Assert.Null(await other.Visits.PeekAsync(key, Stage.Cancellation));
        string[] reported = [.. losses.SelectMany(static loss => loss.Items).Select(static item => item.Key).Order(StringComparer.Ordinal)];
        Assert.Equal(["behind", "outstanding", "waiting"], reported);
    }

    // Its consumer is quick: the source is opened again while the engine is still dropping. What it merges is its own, and must not go with the old.
    [Fact]
    public async Task A_source_that_is_opened_while_everything_is_dropped_keeps_its_events()
    {
        await using Stage stage = new();
        StoppableClock clock = new();
        Worker paused = await stage.StartWorkerAsync(options =>
        {
            OnePartition(options);
            options.Capacity = 100; // one stripe, with one gate
            options.SessionClock = clock;
        });
        Worker other = await StartOtherAsync(stage);
        paused.Visits.PauseCompletions();
        EventSource old = paused.Engine.OpenSource("orders", onFenced: OnFenced.Discard, start: 1);
        Assert.True(paused.Visits.TryMerge("late", new Visit.Event { Hits = 1 }, old.At(1)));
        Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, old.At(2)));
        await paused.Engine.FlushAsync(Stage.Cancellation);
        Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 10 }, old.At(3)));
        stage.Coordinator.Hold(static request => request is BeatRequest);
        stage.Time.Advance(Lease + TimeSpan.FromSeconds(2));
        await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));
        await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));

        // The request that will find the fence is on its way when the gate is taken: it needs the gate itself.
        stage.Coordinator.Hold(static request => request is BeatRequest or FlushRequest);
        Task noticing = paused.Visits.ForceExpireAsync("nobody", Stage.Cancellation).AsTask();

        // A merge that sleeps under the gate, where new sessions read the clock, holds the drop up in the middle: the sources are cut off already.
        SourcePosition slowly = old.At(4);
        Thread merging = Start(() =>
        {
            clock.StopsHere();
            Assert.True(paused.Visits.TryMerge("new", new Visit.Event { Hits = 100 }, slowly));
        });
        await clock.Stopped.WaitAsync(Stage.Cancellation);
        stage.Coordinator.Release();
        await Stage.UntilAsync(() => old.IsFenced);
        EventSource? reopened = null;
        Thread opening = Start(() =>
        {
            EventSource source = paused.Engine.OpenSource("orders", onFenced: OnFenced.Discard, start: 3);
            Assert.True(paused.Visits.TryMerge("late", new Visit.Event { Hits = 7 }, source.At(3)));
            source.Advance(3);
            Volatile.Write(ref reopened, source);
        });
        await Stage.UntilAsync(() => Volatile.Read(ref reopened) is not null || opening.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        clock.Go();
        await Stage.UntilAsync(() => !merging.IsAlive && !opening.IsAlive);
        await noticing.WaitAsync(Stage.Cancellation);
        await paused.Engine.FlushAsync(Stage.Cancellation);

        Assert.Equal((3, false), (reopened!.Watermark, reopened.IsFenced));
        Assert.Equal(7, (await other.Visits.PeekAsync("late", Stage.Cancellation))!.Hits);
        Assert.Null(await other.Visits.PeekAsync("k", Stage.Cancellation));
        Assert.Null(await other.Visits.PeekAsync("new", Stage.Cancellation));
    }

    // The first pause fenced one partition and spared another. What the spared one has when a second pause fences it was taken for what the first had
    // dropped already, and was sent: counted twice.
    [Fact]
    public void A_lane_that_survived_a_pause_drops_what_it_has_when_the_next_one_fences_it()
    {
        Flushing.LaneUnderTest lane = new(discards: true);
        lane.Acknowledged("k", true, 1);
        lane.Terms.Fence.Begin([lane.Machine.Incarnation]); // another lane has noticed the pause
        lane.Machine.Enqueue(lane.Item("k", true, 2), lane.Terms.Fence.Episode);
        lane.Cut();
        lane.Reply(FlushStatus.Applied, 2);
        lane.Machine.Enqueue(lane.Item("k", true, 3), lane.Terms.Fence.Episode);
        lane.Cut();

        lane.Reply(FlushStatus.Fenced, 2);

        Assert.Equal([(LossCause.Discarded, 0, 0, "3")], lane.Losses);
        Assert.Equal("k+:", Flushing.LaneUnderTest.Text(lane.Cut()));
    }

    // The same for a lane that had nothing to send between the pauses: its beats are the sign of life.
    [Fact]
    public async Task Beats_between_two_pauses_make_the_second_one_count()
    {
        await using Stage stage = new();
        Worker paused = await stage.StartWorkerAsync(OnePartition);
        await BeginAsync(paused);
        Lane lane = paused.Visits.Runtime.Lanes[0];
        FencePolicy policy = paused.Visits.Runtime.FencePolicy;
        policy.Begin([lane.Identity.Incarnation]);
        Assert.True(policy.Covers(lane.Identity.Incarnation));

        stage.Time.Advance(Lease / 3);
        await stage.Coordinator.WhenAsync<BeatRequest>().WaitAsync(Stage.Cancellation);

        await Stage.UntilAsync(() => !policy.Covers(lane.Identity.Incarnation));
    }

    // Two aggregates of one engine: a second pause is noticed in the first, while the other has shown no life since the first pause. What waits in the
    // other's lane was merged after that pause, by sources that the second has cut off.
    [Fact]
    public async Task Every_pause_drops_what_waits_in_the_lanes_of_all_aggregates_that_are_fed_so()
    {
        await using Stage stage = new();
        Worker paused = await stage.StartWorkerAsync(OnePartition);
        Worker other = await StartOtherAsync(stage);
        Aggregator<long, Download, Download.Event> downloads = paused.Engine.Aggregate(Download.Definition);
        EventSource source = await BeginAsync(paused);
        Assert.True(downloads.TryMerge(1, new Download.Event { Bytes = 1 }, source.At(2)));
        source.Advance(2);
        await paused.Engine.FlushAsync(Stage.Cancellation);
        IncarnationId silent = downloads.Runtime.Lanes[0].Identity.Incarnation;
        Task first = Task.CompletedTask;
        for (int pause = 1; pause <= 2; pause++)
        {
            if (pause == 2)
            {
                // Between the pauses: a new source feeds both, and nothing of the downloads gets through.
                source = paused.Engine.OpenSource("again", onFenced: OnFenced.Discard, start: 1);
                Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
                await paused.Visits.FlushAsync("k", Stage.Cancellation);
                stage.Coordinator.Hold(request => request is BeatRequest || (request is FlushRequest flush && flush.Incarnation == silent));
                Assert.True(downloads.TryMerge(1, new Download.Event { Bytes = 10 }, source.At(2)));
                first = downloads.FlushAsync(1, Stage.Cancellation).AsTask();
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
                Assert.True(downloads.TryMerge(2, new Download.Event { Bytes = 20 }, source.At(3)));
                _ = downloads.FlushAsync(2, Stage.Cancellation).AsTask();
            }
            else
            {
                stage.Coordinator.Hold(static request => request is BeatRequest);
            }

            stage.Time.Advance(Lease + TimeSpan.FromSeconds(2));
            await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));
            await paused.Visits.ForceExpireAsync("nobody", Stage.Cancellation);
            Assert.True(source.IsFenced);
            if (pause == 1)
                Assert.Equal(silent, downloads.Runtime.Lanes[0].Identity.Incarnation);
        }

        stage.Coordinator.Release();
        await first.WaitAsync(Stage.Cancellation);
        await downloads.FlushAsync(2, Stage.Cancellation);

        // What was with the coordinator already may be counted; what was not must not.
        Assert.Null(await downloads.PeekAsync(2, Stage.Cancellation));
    }

    // It was fenced while it waited: the broker has delivered the event to somebody else, and room that comes later must not count it again.
    [Fact]
    public async Task A_merge_that_waits_for_room_while_its_source_is_fenced_is_not_made()
    {
        await using Stage stage = new();
        Worker paused = await stage.StartWorkerAsync(options =>
        {
            OnePartition(options);
            options.Capacity = options.LaneCapacity = 1;
        });
        EventSource source = await BeginAsync(paused);
        await paused.Visits.ExpireAllAsync(Stage.Cancellation);
        stage.Coordinator.Hold(static request => request is FlushRequest);
        int position = 1;
        Task waiting = Task.CompletedTask;
        while (waiting.IsCompleted)
        {
            position++;
            waiting = paused.Visits.MergeAsync($"k{position}", new Visit.Event { Hits = 1 }, source.At(position), Stage.Cancellation).AsTask();
            if (position == 3)
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        }

        long merged = paused.Visits.Merges;
        source.Fence();
        stage.Coordinator.Release();

        await Assert.ThrowsAsync<SourceFencedException>(() => waiting.WaitAsync(Stage.Cancellation));
        Assert.Equal(merged, paused.Visits.Merges);
    }

    private static void OnePartition(EngineOptions options)
    {
        options.Partitions = 1;
        options.BatchSize = 1;
        options.LeaseDuration = Lease;
        options.RequestTimeout = TimeSpan.FromMinutes(5);
        options.SweepInterval = TimeSpan.FromHours(1);
    }

    private static Task<Worker> StartOtherAsync(Stage stage) => stage.StartWorkerAsync(options =>
    {
        OnePartition(options);
        options.SweepInterval = TimeSpan.FromSeconds(1);
    });

    /// <summary>A source that discards, and one session, "k", that the coordinator has one hit of. The engine leaves completions to others.</summary>
    private static async Task<EventSource> BeginAsync(Worker worker)
    {
        worker.Visits.PauseCompletions();
        EventSource source = worker.Engine.OpenSource("orders", onFenced: OnFenced.Discard, start: 1);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
        await worker.Engine.FlushAsync(Stage.Cancellation);
        return source;
    }

    private static Thread Start(ThreadStart action)
    {
        Thread thread = new(action) { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>A clock that one thread gets stuck in, once.</summary>
    private sealed class StoppableClock : SessionClock
    {
        private readonly ManualResetEventSlim _go = new();
        private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Thread? _stops;

        public Task Stopped => _stopped.Task;

        public override bool IsEventTime => false;

        public override long NowTicks
        {
            get
            {
                if (Interlocked.CompareExchange(ref _stops, null, Thread.CurrentThread) == Thread.CurrentThread)
                {
                    _stopped.SetResult();
                    _go.Wait();
                }

                return 1_000;
            }
        }

        public void StopsHere() => Volatile.Write(ref _stops, Thread.CurrentThread);

        public void Go() => _go.Set();
    }
}
