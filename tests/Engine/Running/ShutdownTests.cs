using System.Diagnostics;
using Sluice.Coordination;
using Sluice.Harness.Faults;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>The end of an engine: clean when it can be, bounded and honest when it can't. In real time, because deadlines are what is tested.</summary>
public sealed class ShutdownTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_a_stop_merges_are_refused_and_calls_say_why_instead_of_waiting()
    {
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync();
        Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }));

        ShutdownReport report = await engine.StopAsync(Long, Cancellation);

        Assert.True(report.IsClean, report.ToString());
        Assert.StartsWith("clean", report.ToString(), StringComparison.Ordinal);
        Assert.False(visits.TryMerge("k", new Visit.Event { Hits = 1 }));
        Assert.False(visits.TryMerge("new", new Visit.Event { Hits = 1 }));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await visits.MergeAsync("k", new Visit.Event { Hits = 1 }, Cancellation));
        Assert.Throws<ObjectDisposedException>(() => engine.Aggregate(Download.Definition));

        // It used to wait for ever for room in a lane that had ended.
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await visits.ForceExpireAsync("k", Cancellation));
        await visits.FlushAsync(Cancellation);
        await visits.ExpireAllAsync(Cancellation);
        Assert.Equal(1, visits.Completions);
    }

    [Fact]
    public async Task Stopping_again_returns_the_first_report_and_disposal_adds_nothing()
    {
        (SluiceEngine engine, _) = await StartAsync();

        ShutdownReport[] reports = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => engine.StopAsync(Long, Cancellation).AsTask()));
        await engine.DisposeAsync();

        Assert.All(reports, report => Assert.Same(reports[0], report));
    }

    // Who forgets to stop must not lose a thing.
    [Fact]
    public async Task Disposal_completes_what_is_held()
    {
        int hits = 0;
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(options => options.OnComplete = (completion, _) =>
        {
            Interlocked.Add(ref hits, (int)completion.Value.Hits);
            return ValueTask.CompletedTask;
        });
        await using (engine)
        {
            for (int i = 0; i < 100; i++)
                Assert.True(visits.TryMerge($"k{i % 10}", new Visit.Event { Hits = 1 }));
        }

        Assert.Equal(100, hits);
    }

    public static TheoryData<TimeSpan> DeadlinesThatAreNone => [TimeSpan.FromMilliseconds(-2), TimeSpan.MinValue, TimeSpan.FromHours(25), TimeSpan.MaxValue];

    // It used to mark the engine as stopping and then fail, now and at disposal, with everything still in memory.
    [Theory]
    [MemberData(nameof(DeadlinesThatAreNone))]
    public async Task A_deadline_that_is_none_is_refused_and_the_engine_goes_on(TimeSpan deadline)
    {
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await engine.StopAsync(deadline, Cancellation));

        Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }));
        Assert.True((await engine.StopAsync(Timeout.InfiniteTimeSpan, Cancellation)).IsClean);
        Assert.Equal(1, visits.Completions);
    }

    // SIGKILL follows SIGTERM: a sink that fails must not keep the engine beyond its deadline, and the report must not call that clean.
    [Fact]
    public async Task With_a_sink_that_fails_it_ends_at_the_deadline_and_reports_what_was_not_completed()
    {
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(options =>
            options.OnComplete = static (_, _) => throw new InvalidOperationException("the database is away"));
        for (int i = 0; i < 3; i++)
            Assert.True(visits.TryMerge($"k{i}", new Visit.Event { Hits = 1 }));

        ShutdownReport report = await engine.StopAsync(Short, Cancellation);

        Assert.False(report.IsClean);
        Assert.Equal((0, 0, 3), (report.UnsettledUpdates, report.UnfinishedCompletions, report.UncompletedSessions));
        Assert.StartsWith("NOT CLEAN", report.ToString(), StringComparison.Ordinal);
    }

    // A handler that hangs, and even one that does not listen to its token.
    [Fact]
    public async Task With_a_sink_that_hangs_it_ends_at_the_deadline_and_cancels_the_handlers_token()
    {
        TaskCompletionSource cancelled = new();
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(options => options.OnComplete = async (_, lost) =>
        {
            lost.Register(cancelled.SetResult);
            await new TaskCompletionSource().Task;
        });
        Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }));

        ShutdownReport report = await engine.StopAsync(Short, Cancellation);

        await cancelled.Task.WaitAsync(Cancellation);
        Assert.Equal((1, 1), (report.UnfinishedCompletions, report.UncompletedSessions));
        Assert.False(report.IsClean);
    }

    // Everything hangs, also the questions for the report: it used to ask 64 partitions twice, each until the request's own time-out.
    [Fact]
    public async Task With_a_coordinator_that_hangs_it_ends_at_the_deadline_and_reports_every_session()
    {
        WatchedCoordinator coordinator = new();
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(configure: options =>
        {
            options.Coordinator = coordinator;
            options.LaneCapacity = 1;
            options.Partitions = 1;
            options.BatchSize = 1;
        });
        coordinator.Hold(static _ => true);
        for (int i = 0; i < 10; i++)
            Assert.True(visits.TryMerge($"k{i}", new Visit.Event { Hits = 1 }));

        long began = Stopwatch.GetTimestamp();
        ShutdownReport report = await engine.StopAsync(Short, Cancellation);

        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(4), "It waited for answers that nobody gave.");
        Assert.False(report.IsClean);
        Assert.Equal(10, report.UnsettledUpdates);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await visits.FlushAsync(Cancellation));
    }

    [Fact]
    public async Task Cancelling_is_the_deadline_at_once()
    {
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(options =>
            options.OnComplete = static async (_, lost) => await Task.Delay(Timeout.Infinite, lost));
        Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }));
        using CancellationTokenSource now = new();

        Task<ShutdownReport> stop = engine.StopAsync(Timeout.InfiniteTimeSpan, now.Token).AsTask();
        await now.CancelAsync();

        Assert.False((await stop.WaitAsync(Cancellation)).IsClean);
    }

    // A producer that waits for room must learn that there will be none.
    [Fact]
    public async Task A_merge_that_waits_for_room_is_told_of_the_stop()
    {
        WatchedCoordinator coordinator = new();
        (SluiceEngine engine, Aggregator<string, Visit, Visit.Event> visits) = await StartAsync(configure: options =>
        {
            options.Coordinator = coordinator;
            options.Partitions = options.Capacity = options.LaneCapacity = options.BatchSize = 1;
        });
        coordinator.Hold(static request => request is FlushRequest);
        Task waiting = Task.CompletedTask;
        for (int i = 0; waiting.IsCompleted; i++)
        {
            waiting = visits.MergeAsync($"k{i}", new Visit.Event { Hits = 1 }, Cancellation).AsTask();
            if (i == 1)
                await coordinator.Held.WaitAsync(Cancellation); // the lane's loop is at the door: from now on nothing leaves
        }


        await engine.StopAsync(Short, Cancellation);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
    }

    // Web servers that only produce are restarted all day: each used to report the sessions that the workers were completing as lost.
    [Fact]
    public async Task A_producer_on_a_shared_coordinator_stops_cleanly_and_the_completer_completes_before_it_stops()
    {
        await using InProcessCoordinator coordinator = new();
        (SluiceEngine completer, Aggregator<string, Visit, Visit.Event> completing) = await StartAsync(configure: options => options.Coordinator = coordinator);
        SluiceEngine producer = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator, Partitions = 4 }, Cancellation);
        Aggregator<string, Visit, Visit.Event> producing = producer.Aggregate(Visit.Definition);
        for (int i = 0; i < 20; i++)
            Assert.True(producing.TryMerge($"k{i}", new Visit.Event { Hits = 1 }));

        ShutdownReport producers = await producer.StopAsync(Long, Cancellation);
        ShutdownReport completers = await completer.StopAsync(Long, Cancellation);

        Assert.True(producers.IsClean, producers.ToString());
        Assert.True(completers.IsClean, completers.ToString());
        Assert.Equal(20, completing.Completions);
    }

    // On a coordinator of its own, nobody else ever completes: that has to be said.
    [Fact]
    public async Task A_producer_on_a_coordinator_of_its_own_reports_what_nobody_will_complete()
    {
        SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Partitions = 4 }, Cancellation);
        Assert.True(engine.Aggregate(Visit.Definition).TryMerge("k", new Visit.Event { Hits = 1 }));

        Assert.Equal(1, (await engine.StopAsync(Long, Cancellation)).UncompletedSessions);
    }

    private static async Task<(SluiceEngine Engine, Aggregator<string, Visit, Visit.Event> Visits)> StartAsync(
        Action<AggregateOptions<Visit>>? aggregate = null, Action<EngineOptions>? configure = null)
    {
        EngineOptions options = new() { Partitions = 4 };
        configure?.Invoke(options);
        SluiceEngine engine = await SluiceEngine.StartAsync(options, Cancellation);
        return (engine, engine.Aggregate(Visit.Definition, o =>
        {
            aggregate?.Invoke(o);
            o.OnComplete ??= static (_, _) => ValueTask.CompletedTask;
        }));
    }
}
