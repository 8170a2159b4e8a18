using System.Collections.Concurrent;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>Engines that share a coordinator behave as processes do: the last one out completes, the living finish what the dead began.</summary>
public sealed class SharedCoordinatorTests
{
    // The point of it all. Completing when the first lets go would split a session into one record per process.
    [Fact]
    public async Task The_last_engine_to_let_go_completes_once_with_what_all_have_merged()
    {
        await using Stage stage = new();
        List<Worker> workers = [];
        for (int i = 0; i < 4; i++)
            workers.Add(await stage.StartWorkerAsync());
        for (int i = 0; i < 4; i++)
        {
            workers[i].Hit("k", i + 1);
            await workers[i].Visits.FlushAsync("k", Stage.Cancellation);
        }

        foreach (Worker worker in workers)
            await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> completion = await workers[3].NextAsync();
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation);

        Assert.Equal(10, completion.Value.Hits);
        Assert.Equal(4, completion.TimesModified);
        Assert.Equal(1, completion.Attempt);
        Assert.Equal(CompletionReason.Expired, completion.Reason);
        Assert.Equal("k", completion.Value.VisitorId);
        Assert.Equal($"visit/k@{completion.Generation}", completion.IdempotencyKey);
        Assert.All(workers, worker => Assert.Equal(0, worker.Completed.Reader.Count));
        Assert.Null(await workers[0].Visits.PeekAsync("k", Stage.Cancellation));
    }

    // A process that dies keeps its references until its lease runs out; without reaping, its sessions would never be completed.
    [Fact]
    public async Task The_sessions_of_an_engine_that_died_are_completed_by_another_with_everything_that_it_had_flushed()
    {
        await using Stage stage = new();
        Worker dying = await stage.StartWorkerAsync(Short);
        Worker living = await stage.StartWorkerAsync(Short);
        dying.Hit("k", 5);
        await dying.Visits.FlushAsync("k", Stage.Cancellation);
        dying.Hit("k", 100); // in its memory only
        await dying.Engine.AbandonAsync();

        stage.Time.Advance(TimeSpan.FromSeconds(10));
        Completion<Visit> completion = await living.NextAsync();

        Assert.Equal(5, completion.Value.Hits);
        Assert.Equal(CompletionReason.Recovered, completion.Reason);

        static void Short(EngineOptions options) => options.LeaseDuration = TimeSpan.FromSeconds(10);
    }

    // As above, but the living engine holds the resource too: the dead one's updates must not be completed without those of the living.
    [Fact]
    public async Task A_resource_that_a_dead_and_a_living_engine_hold_is_completed_when_the_living_one_lets_go()
    {
        await using Stage stage = new();
        Worker dying = await stage.StartWorkerAsync(Short);
        Worker living = await stage.StartWorkerAsync(Short);
        dying.Hit("k", 5);
        await dying.Visits.FlushAsync("k", Stage.Cancellation);
        living.Hit("k", 7);
        await living.Visits.FlushAsync("k", Stage.Cancellation);
        await dying.Engine.AbandonAsync();

        // Its beats keep the living engine's own lease, the dead one's runs out.
        for (int i = 1; i <= 6; i++)
        {
            stage.Time.Advance(TimeSpan.FromSeconds(10.0 / 3) + TimeSpan.FromMicroseconds(1));
            await stage.Coordinator.WhenAsync<BeatRequest>(i).WaitAsync(Stage.Cancellation);
        }

        await stage.Coordinator.WhenAsync<ReapRequest>().WaitAsync(Stage.Cancellation);
        Assert.Equal(0, stage.Coordinator.Count<AcknowledgeRequest>());
        living.Hit("k", 1);
        await living.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> completion = await living.NextAsync();

        Assert.Equal(13, completion.Value.Hits);
        Assert.Equal(2, completion.TimesModified);

        static void Short(EngineOptions options) => options.LeaseDuration = TimeSpan.FromSeconds(10);
    }

    // Web servers produce, workers complete: nobody who holds a session may be able to complete it.
    [Fact]
    public async Task What_producers_let_go_of_is_completed_by_an_engine_that_never_held_it()
    {
        await using Stage stage = new();
        Worker first = await stage.StartProducerAsync();
        Worker second = await stage.StartProducerAsync();
        Worker completer = await stage.StartWorkerAsync(options => options.SweepInterval = TimeSpan.FromSeconds(1));
        first.Hit("k", 1);
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        second.Hit("k", 2);
        await second.Visits.ExpireAsync("k", Stage.Cancellation);
        await first.Visits.ExpireAsync("k", Stage.Cancellation);

        stage.Time.Advance(TimeSpan.FromSeconds(1));
        Completion<Visit> completion = await completer.NextAsync();

        Assert.Equal(3, completion.Value.Hits);
        Assert.Equal(0, first.Visits.Completions + second.Visits.Completions);
    }

    // During a rolling deploy two releases run side by side: reading one's records with the other's code would be garbage.
    [Fact]
    public async Task Two_versions_of_an_aggregate_run_side_by_side_without_touching_each_other()
    {
        await using Stage stage = new();
        Worker before = await stage.StartWorkerAsync();
        SluiceEngine after = await stage.StartAsync();
        TaskCompletionSource<Completion<LaterRelease.Visit>> later = new();
        Aggregator<string, LaterRelease.Visit, LaterRelease.Visit.Event> visits = after.Aggregate(LaterRelease.Visit.Definition, options =>
            options.OnComplete = (completion, _) =>
            {
                later.SetResult(completion);
                return ValueTask.CompletedTask;
            });
        before.Hit("k", 3);
        Assert.True(visits.TryMerge("k", new LaterRelease.Visit.Event { Hits = 4, Errors = 1 }));

        await before.Visits.ExpireAsync("k", Stage.Cancellation);
        await visits.ExpireAsync("k", Stage.Cancellation);

        Assert.Equal(3, (await before.NextAsync()).Value.Hits);
        LaterRelease.Visit value = (await later.Task.WaitAsync(Stage.Cancellation)).Value;
        Assert.Equal((4, 1), (value.Hits, value.Errors));
    }

    // Names keep them apart, not keys: a visitor "7" and a file 7 are two resources.
    [Fact]
    public async Task Two_aggregates_of_one_engine_share_nothing()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        TaskCompletionSource<Completion<Download>> downloaded = new();
        Aggregator<long, Download, Download.Event> downloads = worker.Engine.Aggregate(Download.Definition, options =>
            options.OnComplete = (completion, _) =>
            {
                downloaded.SetResult(completion);
                return ValueTask.CompletedTask;
            });
        worker.Hit("7", 3);
        Assert.True(downloads.TryMerge(7, new Download.Event { Bytes = 1024 }));

        await downloads.ExpireAllAsync(Stage.Cancellation);
        Completion<Download> download = await downloaded.Task.WaitAsync(Stage.Cancellation);
        Assert.Equal(1, worker.Visits.Count);
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);

        Assert.Equal((7, 1024), (download.Value.FileId, download.Value.Bytes));
        Assert.Equal("7", download.Resource);
        Assert.Equal(3, (await worker.NextAsync()).Value.Hits);
    }

    // Two registrations would be two caches that both hold the resource: the second's handler would never run.
    [Fact]
    public async Task Registering_an_aggregate_twice_with_one_engine_is_refused_by_name()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => worker.Engine.Aggregate(Visit.Definition));

        Assert.Contains("'visit'", error.Message, StringComparison.Ordinal);
    }

    // Engines are often stopped together. Each used to see the others as members and leave the completing to them, and nobody did it.
    [Fact]
    public async Task Engines_that_stop_at_the_same_time_leave_no_session_behind()
    {
        const int Keys = 100;
        await using InProcessCoordinator coordinator = new();
        ConcurrentBag<Completion<Visit>> completed = [];
        List<SluiceEngine> engines = [];
        for (int i = 0; i < 4; i++)
        {
            SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator, Partitions = 4 }, Stage.Cancellation);
            Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options =>
            {
                options.MaxConcurrentCompletions = 1;
                options.OnComplete = async (completion, _) =>
                {
                    await Task.Delay(1, Stage.Cancellation); // a sink that takes its time: a backlog forms
                    completed.Add(completion);
                };
            });
            for (int key = 0; key < Keys; key++)
                Assert.True(visits.TryMerge($"k{key}", new Visit.Event { Hits = 1 }));
            engines.Add(engine);
        }

        await Task.WhenAll(engines.Select(engine => engine.FlushAsync(Stage.Cancellation).AsTask()));
        ShutdownReport[] reports = await Task.WhenAll(engines.Select(engine => engine.StopAsync(TimeSpan.FromSeconds(30), Stage.Cancellation).AsTask()));

        Assert.All(reports, report => Assert.True(report.IsClean, report.ToString()));
        Assert.Equal(4 * Keys, completed.Sum(completion => completion.Value.Hits));
        Assert.Equal(Keys, completed.Select(completion => completion.Resource).Distinct().Count());
    }
}
