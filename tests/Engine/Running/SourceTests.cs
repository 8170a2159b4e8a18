using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>What a broker may be told: never that an event is done before it is.</summary>
public sealed class SourceTests
{
    // The whole promise of "after flush": as long as the coordinator does not have the event, the broker must keep it.
    [Fact]
    public async Task The_watermark_moves_only_when_the_coordinator_has_the_events()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("orders-0", start: 1);
        for (int position = 1; position <= 10; position++)
            Assert.True(worker.Visits.TryMerge($"k{position % 3}", new Visit.Event { Hits = 1 }, source.At(position)));
        stage.Coordinator.Hold(static request => request is FlushRequest);

        Task reached = source.WaitForAsync(10, Stage.Cancellation).AsTask();
        Task flushed = worker.Engine.FlushAsync(Stage.Cancellation).AsTask();
        await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        Assert.Equal((0, false), (source.Watermark, reached.IsCompleted));
        stage.Coordinator.Release();
        await flushed;
        await reached.WaitAsync(Stage.Cancellation);

        Assert.Equal(10, source.Watermark);
    }

    // One lane stands still, the others move: everything after the oldest event that is not flushed has to wait, and nothing before it.
    [Fact]
    public async Task The_watermark_stops_before_the_oldest_event_that_is_not_flushed()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("orders-0", start: 1);
        Assert.True(worker.Visits.TryMerge("early", new Visit.Event { Hits = 1 }, source.At(1)));
        source.Advance(1);
        await worker.Engine.FlushAsync(Stage.Cancellation);
        Assert.Equal(1, source.Watermark);

        stage.Coordinator.Hold(static request => request is FlushRequest { Items: var items } && items.Any(static item => item.Resource.ToString() == "stuck"));
        Assert.True(worker.Visits.TryMerge("stuck", new Visit.Event { Hits = 1 }, source.At(2)));
        ValueTask stuck = worker.Visits.FlushAsync("stuck", Stage.Cancellation);
        await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        for (int position = 3; position <= 9; position++)
        {
            string free = position % 2 == 0 ? "early" : "other";
            Assert.True(worker.Visits.TryMerge(free, new Visit.Event { Hits = 1 }, source.At(position)));
        }

        source.Advance(9);
        Assert.Equal(1, source.Watermark);
        stage.Coordinator.Release();
        await stuck;
        await worker.Engine.FlushAsync(Stage.Cancellation);

        Assert.Equal(9, source.Watermark);
    }

    [Fact]
    public async Task After_merge_mode_asks_for_nothing_but_the_merge()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("fast", AckMode.AfterMerge, start: 100);

        Assert.Equal(99, source.Watermark);
        Assert.True(worker.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(100)));
        Assert.Equal(99, source.Watermark); // a merge may be under way: the next position says that it is over
        source.At(101);
        Assert.Equal(100, source.Watermark);
        await source.WaitForAsync(101, Stage.Cancellation);
        Assert.Equal(0, stage.Coordinator.Count<FlushRequest>());
    }

    [Fact]
    public async Task A_position_that_goes_back_is_refused()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource source = worker.Engine.OpenSource("orders-0");
        source.At(7);

        Assert.Throws<ArgumentOutOfRangeException>(() => source.At(6));
        Assert.Equal(7, source.At(7).Position); // one message, several aggregates
    }

    // The engine was away so long that it was replaced, and the broker has given its messages to others: sending its own again would count them twice.
    [Fact]
    public async Task A_fenced_engine_discards_what_the_broker_has_redelivered_and_cuts_the_source_off()
    {
        await using Stage stage = new();
        Worker paused = await stage.StartWorkerAsync(Short);
        Worker other = await stage.StartWorkerAsync(options =>
        {
            Short(options);
            options.SweepInterval = TimeSpan.FromSeconds(1);
        });
        EventSource source = paused.Engine.OpenSource("nsq-0", onFenced: OnFenced.Discard, start: 1);
        Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(1)));
        await paused.Engine.FlushAsync(Stage.Cancellation);
        await source.WaitForAsync(1, Stage.Cancellation);
        Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 10 }, source.At(2)));
        Task never = source.WaitForAsync(2, Stage.Cancellation).AsTask();

        // A pause, as the others see it: no sign of life of the paused engine's for longer than its lease.
        paused.Visits.PauseCompletions();
        stage.Coordinator.Hold(static request => request is BeatRequest);
        stage.Time.Advance(TimeSpan.FromSeconds(12));
        Completion<Visit> recovered = await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));
        other.Hit("k", 10); // the broker's other delivery of position 2
        stage.Coordinator.Release();
        await paused.Engine.FlushAsync(Stage.Cancellation);

        await Assert.ThrowsAsync<SourceFencedException>(() => never);
        Assert.True(source.IsFenced);
        Assert.Equal(1, source.Watermark);
        Assert.Throws<SourceFencedException>(() => source.At(3));
        await paused.Visits.ExpireAllAsync(Stage.Cancellation);
        await other.Visits.ExpireAllAsync(Stage.Cancellation);
        Completion<Visit> next = await other.NextAsync();
        Assert.Equal((1, CompletionReason.Recovered), (recovered.Value.Hits, recovered.Reason));
        Assert.Equal(10, next.Value.Hits);

        // Its next life is a new source.
        EventSource reopened = paused.Engine.OpenSource("nsq-0", onFenced: OnFenced.Discard, start: 1);
        Assert.True(paused.Visits.TryMerge("k", new Visit.Event { Hits = 1 }, reopened.At(1)));

        static void Short(EngineOptions options) => options.LeaseDuration = TimeSpan.FromSeconds(10);
    }

    // Mixed, a fenced engine would drop the events of sources that nobody delivers again.
    [Fact]
    public async Task The_sources_of_an_aggregate_agree_on_what_happens_when_it_was_fenced()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        EventSource discarding = worker.Engine.OpenSource("a", onFenced: OnFenced.Discard);
        EventSource resending = worker.Engine.OpenSource("b");
        Visit.Event one = new() { Hits = 1 };

        Assert.True(worker.Visits.TryMerge("k", one, discarding.At(0)));
        Assert.Throws<InvalidOperationException>(() => worker.Visits.TryMerge("k", one, resending.At(0)));
        Assert.Throws<InvalidOperationException>(() => worker.Visits.TryMerge("k", one));
        Assert.True(worker.Visits.TryMerge("k", one, worker.Engine.OpenSource("c", onFenced: OnFenced.Discard).At(0)));
        Assert.Throws<ArgumentException>(() => worker.Visits.TryMerge("k", one, default(SourcePosition)));
    }

    // Consumers begin together. The second used to find the first half registered, and was told that they disagree.
    [Fact]
    public async Task Sources_that_agree_may_begin_at_the_same_time()
    {
        using Barrier barrier = new(3);
        for (int round = 0; round < 50; round++)
        {
            await using SluiceEngine each = await SluiceEngine.StartAsync(new EngineOptions { Partitions = 1 }, Stage.Cancellation);
            Aggregator<string, Visit, Visit.Event> visits = each.Aggregate(Visit.Definition, static o => o.OnComplete = static (_, _) => ValueTask.CompletedTask);
            Exception?[] errors = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Task.Factory.StartNew(
                () =>
                {
                    EventSource source = each.OpenSource($"s{i}", onFenced: OnFenced.Discard);
                    barrier.SignalAndWait(Stage.Cancellation);
                    return Record.Exception(() => Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }, source.At(0))));
                },
                Stage.Cancellation,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));
            Assert.All(errors, Assert.Null);
        }
    }
}
