using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Sluice.Testing.Tests;

public sealed class EngineStageTests : IAsyncDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly EngineStage _stage = new();
    private readonly CompletionRecorder<Visit> _completed = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // The sentence that the package is for.
    [Fact]
    public async Task A_session_ends_in_the_advance_that_reaches_its_deadline_and_in_none_before()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync(static options => options.SoftSession = 30 * Second);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });
        await _stage.AdvanceAsync(7 * Second, Cancellation);
        visits.TryMerge("a", new Visit.Event { Hits = 2 });

        await _stage.AdvanceAsync(30 * Second - TimeSpan.FromTicks(1), Cancellation);
        Assert.Empty(_completed.All);
        await _stage.AdvanceAsync(TimeSpan.FromTicks(1), Cancellation);

        Completion<Visit> completion = _completed.Single("a");
        Assert.Equal((3, CompletionReason.Idle), (completion.Value.Hits, completion.Reason));
        Assert.Equal(_stage.Clock.GetUtcNow(), completion.SealedAt);
    }

    // Prevents an advance that returns a moment too early: on a loaded machine, one time of a thousand, a completion would be missing.
    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public async Task Nothing_that_is_due_is_left_when_an_advance_returns(int partitions)
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync(options =>
        {
            options.SoftSession = 10 * Second;
            options.Partitions = partitions;
        });
        for (int round = 0; round < 200; round++)
        {
            for (int key = 0; key < 20; key++)
                visits.TryMerge($"{round}-{key}", new Visit.Event { Hits = key + 1 });
            await _stage.AdvanceAsync(10 * Second, Cancellation);

            ImmutableArray<Completion<Visit>> completed = _completed.Take();
            Assert.Equal(20, completed.Length);
            Assert.All(completed, completion => Assert.Equal($"{round}-{completion.Value.Hits - 1}", completion.Resource));
        }
    }

    // The same, while the machine is busy: threads that hold work for long must not look like rest.
    [Fact]
    public async Task A_busy_machine_changes_no_result()
    {
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Task[] noise = [.. Enumerable.Range(0, Environment.ProcessorCount * 4).Select(_ => Task.Run(
            async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    Thread.SpinWait(20_000);
                    await Task.Yield();
                }
            },
            Cancellation))];
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync(static options => options.SoftSession = 10 * Second);
        for (int round = 0; round < 30; round++)
        {
            for (int key = 0; key < 20; key++)
                visits.TryMerge($"{round}-{key}", new Visit.Event { Hits = 1 });
            await _stage.AdvanceAsync(10 * Second, Cancellation);
            Assert.Equal(20, _completed.Take().Length);
        }

        await enough.CancelAsync();
        await Task.WhenAll(noise);
    }

    // A handler that is slow in real time belongs to what is due.
    [Fact]
    public async Task An_advance_waits_for_handlers()
    {
        SluiceEngine engine = await _stage.StartEngineAsync(static options => options.SoftSession = 10 * Second, Cancellation);
        TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously), written = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = async (completion, lost) =>
        {
            entered.SetResult();
            await written.Task;
            await _completed.RecordAsync(completion, lost);
        });
        visits.TryMerge("a", new Visit.Event { Hits = 1 });

        Task advance = _stage.AdvanceAsync(10 * Second, Cancellation);
        await entered.Task.WaitAsync(Cancellation);
        Assert.False(advance.IsCompleted);
        written.SetResult();
        await advance;

        Assert.Equal(1, _completed.Single("a").Value.Hits);
    }

    // A test that hangs tells nobody why: what takes too long is named, and how to help it.
    [Fact]
    public async Task A_handler_that_does_not_return_is_named()
    {
        await using EngineStage impatient = new() { Patience = TimeSpan.FromMilliseconds(50) };
        SluiceEngine engine = await impatient.StartEngineAsync(static options => options.SoftSession = 10 * Second, Cancellation);
        TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = async (_, _) => await released.Task);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });

        TimeoutException error = await Assert.ThrowsAsync<TimeoutException>(() => impatient.AdvanceAsync(10 * Second, Cancellation));
        released.SetResult();

        Assert.Contains("a completion handler has not returned", error.Message, StringComparison.Ordinal);
        Assert.Contains("EngineStage.Clock.Advance", error.Message, StringComparison.Ordinal);
    }

    // A handler that waits for the stage's clock can't end before the clock moves: then the test moves it.
    [Fact]
    public async Task A_handler_that_waits_for_the_clock_can_be_helped()
    {
        SluiceEngine engine = await _stage.StartEngineAsync(static options => options.SoftSession = 10 * Second, Cancellation);
        TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = async (completion, lost) =>
        {
            Task pause = Task.Delay(5 * Second, _stage.Clock, lost);
            entered.SetResult();
            await pause;
            await _completed.RecordAsync(completion, lost);
        });
        visits.TryMerge("a", new Visit.Event { Hits = 1 });

        Task advance = _stage.AdvanceAsync(10 * Second, Cancellation);
        await entered.Task.WaitAsync(Cancellation);
        Assert.False(advance.IsCompleted);
        _stage.Clock.Advance(5 * Second);
        await advance;

        Assert.Equal(1, _completed.Single("a").Value.Hits);
    }

    // What a database that is away looks like: same session, same key, one attempt more, when the back-off has passed and not before.
    [Fact]
    public async Task A_refused_completion_comes_again_after_its_backoff()
    {
        SluiceEngine engine = await _stage.StartEngineAsync(cancellation: Cancellation);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options =>
        {
            options.OnComplete = _completed.RecordAsync;
            options.CompletionBackoff = 4 * Second;
        });
        _completed.RefuseNext(1);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });
        await visits.ExpireAsync("a", Cancellation);
        await _stage.SettleAsync(Cancellation);
        Completion<Visit> refused = Assert.Single(_completed.Refused);

        await _stage.AdvanceAsync(4 * Second - TimeSpan.FromMilliseconds(1), Cancellation);
        Assert.Empty(_completed.All);
        await _stage.AdvanceAsync(TimeSpan.FromMilliseconds(1), Cancellation);

        Completion<Visit> taken = _completed.Single("a");
        Assert.Equal((refused.IdempotencyKey, 2), (taken.IdempotencyKey, taken.Attempt));
        Assert.True(taken.FencingToken > refused.FencingToken);
    }

    // The reason for having leases, in three lines of a test.
    [Fact]
    public async Task What_a_crashed_engine_had_flushed_is_completed_by_another_when_the_lease_has_run_out()
    {
        Aggregator<string, Visit, Visit.Event> survivor = await StartAsync();
        SluiceEngine doomed = await _stage.StartEngineAsync(static options => options.SoftSession = null, Cancellation);
        Aggregator<string, Visit, Visit.Event> visits = doomed.Aggregate(Visit.Definition);
        visits.TryMerge("a", new Visit.Event { Hits = 2 });
        await visits.FlushAsync(Cancellation);
        visits.TryMerge("a", new Visit.Event { Hits = 5 });

        await _stage.CrashAsync(doomed, Cancellation);
        await _stage.AdvanceAsync(9 * Second, Cancellation);
        Assert.Empty(_completed.All);
        await _stage.AdvanceAsync(11 * Second, Cancellation);

        Completion<Visit> recovered = _completed.Single("a");
        Assert.Equal((2, CompletionReason.Recovered), (recovered.Value.Hits, recovered.Reason));
        Assert.Equal(0, survivor.Count);
    }

    // Flushes come when they are due, and an event that came after the tick waits for the next: a test can rely on what others see.
    [Fact]
    public async Task Events_are_seen_by_others_from_the_flush_after_them()
    {
        Aggregator<string, Visit, Visit.Event> first = await StartAsync(static options => options.FlushInterval = 5 * Second);
        Aggregator<string, Visit, Visit.Event> second = await StartAsync();
        for (int i = 1; i <= 20; i++)
        {
            first.TryMerge("a", new Visit.Event { Hits = 1 });
            Assert.Equal(i == 1 ? null : i - 1, (await second.PeekAsync("a", Cancellation))?.Hits);
            await _stage.AdvanceAsync(5 * Second, Cancellation);
            Assert.Equal(i, (await second.PeekAsync("a", Cancellation))!.Hits);
        }
    }

    // Stopping must not hang because time stands still.
    [Fact]
    public async Task A_stop_completes_everything_and_moves_no_time_that_it_does_not_need()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync();
        SluiceEngine engine = await _stage.StartEngineAsync(cancellation: Cancellation);
        Aggregator<string, Visit, Visit.Event> others = engine.Aggregate(Visit.Definition);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });
        others.TryMerge("a", new Visit.Event { Hits = 2 });
        DateTimeOffset before = _stage.Clock.GetUtcNow();

        ShutdownReport report = await _stage.StopAsync(engine, cancellation: Cancellation);
        await visits.ExpireAsync("a", Cancellation);
        await _stage.SettleAsync(Cancellation);

        Assert.True(report.IsClean, report.ToString());
        Assert.Equal(before, _stage.Clock.GetUtcNow());
        Assert.Equal(3, _completed.Single("a").Value.Hits);
    }

    // A stop that has to wait, for a sink that comes back or a window, gets the time that it waits for.
    [Fact]
    public async Task A_stop_that_waits_for_the_clock_gets_it()
    {
        SluiceEngine engine = await _stage.StartEngineAsync(static options => options.DurabilityWindow = 2 * Second, Cancellation);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = _completed.RecordAsync);
        _completed.RefuseNext(3);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });

        ShutdownReport report = await _stage.StopAsync(engine, cancellation: Cancellation);

        Assert.True(report.IsClean, report.ToString());
        Assert.Equal((1, CompletionReason.Shutdown, 4), (_completed.Single("a").Value.Hits, _completed.Single("a").Reason, _completed.Single("a").Attempt));
    }

    // With a durability window completions wait on the clock: they must neither be waited for by the advance before, nor missed by the one that ends the wait.
    [Fact]
    public async Task Completions_wait_for_the_durability_window()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync(static options => options.DurabilityWindow = 2 * Second);
        visits.TryMerge("a", new Visit.Event { Hits = 1 });
        await visits.ExpireAsync("a", Cancellation);
        await _stage.SettleAsync(Cancellation);

        await _stage.AdvanceAsync(2 * Second - TimeSpan.FromMilliseconds(1), Cancellation);
        Assert.Empty(_completed.All);
        await _stage.AdvanceAsync(TimeSpan.FromMilliseconds(1), Cancellation);

        Assert.Equal(1, _completed.Single("a").Value.Hits);
    }

    // Paused completions are no work; resumed ones are, before anything else happens.
    [Fact]
    public async Task Paused_completions_wait_and_resumed_ones_are_settled()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync();
        for (int i = 0; i < 50; i++)
        {
            visits.PauseCompletions();
            visits.TryMerge("a", new Visit.Event { Hits = 1 });
            await visits.ExpireAsync("a", Cancellation);
            await _stage.SettleAsync(Cancellation);
            Assert.Empty(_completed.All);
            visits.ResumeCompletions();
            await _stage.SettleAsync(Cancellation);
            Assert.Single(_completed.Take());
        }
    }

    // Locks on the same clock: leases of engines that share a coordinator are renewed within an advance, and run out when their engine has crashed.
    [Fact]
    public async Task A_lock_is_kept_over_any_advance_and_lost_with_its_engine()
    {
        SluiceEngine holder = await _stage.StartEngineAsync(cancellation: Cancellation);
        SluiceEngine other = await _stage.StartEngineAsync(cancellation: Cancellation);
        LockHandle handle = await holder.Locks.Mutex("report").AcquireAsync(cancellation: Cancellation);
        await _stage.AdvanceAsync(TimeSpan.FromMinutes(10), Cancellation);
        Assert.True(handle.IsHeld);
        Assert.Null(await other.Locks.Mutex("report").TryAcquireAsync(TimeSpan.Zero, Cancellation));

        await _stage.CrashAsync(holder, Cancellation);
        await _stage.AdvanceAsync(TimeSpan.FromMinutes(1), Cancellation);

        await using LockHandle? taken = await other.Locks.Mutex("report").TryAcquireAsync(TimeSpan.Zero, Cancellation);
        Assert.NotNull(taken);
        Assert.True(taken.FencingToken > handle.FencingToken);
    }

    [Fact]
    public async Task Values_of_the_dogpile_cache_age_with_the_stage()
    {
        SluiceEngine engine = await _stage.StartEngineAsync(cancellation: Cancellation);
        DogpileEntryOptions hourly = new() { Expiry = TimeSpan.FromHours(1) };
        int creations = 0;
        ValueTask<int> GetAsync() => engine.Dogpile.GetOrCreateAsync("report", _ => ValueTask.FromResult(++creations), hourly, Cancellation);

        Assert.Equal(1, await GetAsync());
        await _stage.AdvanceAsync(TimeSpan.FromMinutes(59), Cancellation);
        Assert.Equal(1, await GetAsync());
        await _stage.AdvanceAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal(2, await GetAsync());
    }

    [Fact]
    public async Task The_last_reference_calls_back_within_the_advance_that_takes_it_from_the_dead()
    {
        List<string> ended = [];
        SluiceEngine doomed = await _stage.StartEngineAsync(cancellation: Cancellation);
        SluiceEngine other = await _stage.StartEngineAsync(cancellation: Cancellation);
        IReferenceSet[] sets = [.. new[] { doomed, other }.Select(engine => engine.References("files", (last, _) =>
        {
            lock (ended)
                ended.Add(last.Key);
            return ValueTask.CompletedTask;
        }))];
        await sets[0].AcquireAsync("f", Cancellation);

        await _stage.CrashAsync(doomed, Cancellation);
        Assert.Empty(ended);
        await _stage.AdvanceAsync(TimeSpan.FromMinutes(1), Cancellation);

        Assert.Equal(["f"], ended);
    }

    // An application's own host can be put on a stage: the test does not start the engine then.
    [Fact]
    public async Task A_hosts_engine_can_be_put_on_a_stage()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSluice().Configure(options => _stage.Direct(options).SoftSession = 30 * Second)
            .AddAggregate(Visit.Definition, (options, _) => options.OnComplete = _completed.RecordAsync);
        using IHost host = builder.Build();
        await host.StartAsync(Cancellation);

        host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().TryMerge("a", new Visit.Event { Hits = 1 });
        await _stage.AdvanceAsync(30 * Second, Cancellation);
        await host.StopAsync(Cancellation);

        Assert.Equal(CompletionReason.Idle, _completed.Single("a").Reason);
    }

    // An hour has tens of thousands of moments at which something is due. Prevents that somebody shortens it by leaving some out, and that it takes minutes.
    [Fact]
    public async Task An_hour_passes_with_everything_in_it()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync(static options => options.HardSession = TimeSpan.FromHours(1));
        visits.TryMerge("a", new Visit.Event { Hits = 1 });

        await _stage.AdvanceAsync(TimeSpan.FromHours(1) - Second, Cancellation);
        Assert.Empty(_completed.All);
        Assert.Equal(1, (await visits.PeekAsync("a", Cancellation))!.Hits);
        await _stage.AdvanceAsync(Second, Cancellation);

        Assert.Equal(CompletionReason.HardDeadline, _completed.Single("a").Reason);
    }

    // A recorder that finds something else than was asked for has to say what.
    [Fact]
    public async Task A_recorder_says_what_was_completed_instead()
    {
        Aggregator<string, Visit, Visit.Event> visits = await StartAsync();
        visits.TryMerge("a", new Visit.Event { Hits = 1 });
        await visits.ExpireAsync("a", Cancellation);
        await _stage.SettleAsync(Cancellation);

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => _completed.Single("b"));
        Assert.Equal("'b' was completed 0 times instead of once. Completed were: a (Expired).", error.Message);
    }

    [Fact]
    public void A_stage_refuses_options_that_name_servers()
    {
        EngineOptions options = new() { Redis = { "redis://somewhere" } };
        Assert.Contains("Redis", Assert.Throws<InvalidOperationException>(() => _stage.Direct(options)).Message, StringComparison.Ordinal);
    }

    private async Task<Aggregator<string, Visit, Visit.Event>> StartAsync(Action<EngineOptions>? configure = null)
    {
        SluiceEngine engine = await _stage.StartEngineAsync(
            options =>
            {
                (options.SoftSession, options.HardSession) = (null, null);
                configure?.Invoke(options);
            },
            Cancellation);
        return engine.Aggregate(Visit.Definition, options => options.OnComplete = _completed.RecordAsync);
    }
}
