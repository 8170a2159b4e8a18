using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>The engine's loops run code that is not its own. Whatever that throws, they go on.</summary>
public sealed class SurvivalTests
{
    // A logging provider whose disk is full used to end the lane that only wanted to say that a request had failed.
    [Fact]
    public async Task A_logger_that_throws_ends_no_loop()
    {
        await using Stage stage = new();
        using ThrowingLoggers loggers = new();
        int failures = 0;
        Worker worker = await stage.StartWorkerAsync(
            options =>
            {
                options.LoggerFactory = loggers;
                options.LeaseDuration = TimeSpan.FromSeconds(3);
            },
            options =>
            {
                options.MaxCompletionAttempts = 2;
                options.OnComplete = (_, _) => throw new InvalidOperationException("the sink is broken");
            });
        stage.Coordinator.Fail(request => Interlocked.Increment(ref failures) % 2 == 1 ? new CoordinatorException(RequestOutcome.NotApplied, "away") : null);
        worker.Hit("k");

        Task expired = worker.Visits.ExpireAsync("k", Stage.Cancellation).AsTask();
        await stage.DriveAsync(DoneAsync(stage.Coordinator.WhenAsync<AbandonRequest>(2)), TimeSpan.FromSeconds(1));
        await stage.DriveAsync(DoneAsync(stage.Coordinator.WhenAsync<BeatRequest>(4)), TimeSpan.FromSeconds(1));
        await expired.WaitAsync(Stage.Cancellation);
        stage.Coordinator.Fail(null);

        Assert.Single(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
        Assert.True(loggers.Lines > 4);
        Assert.True((await stage.DriveAsync(worker.Engine.StopAsync(Timeout.InfiniteTimeSpan, Stage.Cancellation), TimeSpan.FromMilliseconds(1))).IsClean);
    }

    // The report of a loss is handed to the application on the lane's own loop.
    [Fact]
    public async Task A_loss_handler_that_throws_does_not_end_the_lane()
    {
        await using Stage stage = new();
        int reports = 0;
        Worker worker = await stage.StartWorkerAsync(options =>
        {
            options.Partitions = 1;
            options.DeadLetterLimit = 0;
            options.OnLoss = _ =>
            {
                Interlocked.Increment(ref reports);
                throw new InvalidOperationException("a handler with a bug");
            };
        });
        worker.Hit("k", long.MaxValue);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        worker.Hit("k", 1); // overflows at the coordinator, which may not keep it

        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        worker.Hit("next", 2);
        await worker.Visits.FlushAsync("next", Stage.Cancellation);

        Assert.Equal(1, reports);
        Assert.Equal(2, (await worker.Visits.PeekAsync("next", Stage.Cancellation))!.Hits);
    }

    // Keys are encoded again when their delta leaves. What throws in one round must not end the loop that would have had the next.
    [Fact]
    public async Task A_key_codec_that_throws_in_one_flush_and_one_sweep_does_not_end_their_loops()
    {
        await using Stage stage = new();
        FragileKeys keys = new();
        int thrown = 0;
        int armed = stage.Time.ArmedTimers;
        SluiceEngine engine = await stage.StartAsync(options =>
        {
            options.Partitions = 1;
            options.FlushInterval = TimeSpan.FromSeconds(1);
            options.SessionSweepInterval = TimeSpan.FromSeconds(1);
            options.SoftSession = TimeSpan.FromHours(1);
        });
        Aggregator<string, Fragile, Fragile.Event> fragile = engine.Aggregate(Fragile.With(keys));
        await stage.Time.WhenArmedAsync(armed + 4).WaitAsync(Stage.Cancellation);
        Assert.True(fragile.TryMerge("k", new Fragile.Event { Hits = 3 }));
        keys.OnEncode = _ =>
        {
            if (Interlocked.Increment(ref thrown) == 1)
                throw new InvalidTimeZoneException("a codec with a bug");
        };

        stage.Time.Advance(TimeSpan.FromSeconds(1));
        await Stage.UntilAsync(() => Volatile.Read(ref thrown) == 1);
        stage.Time.Advance(TimeSpan.FromSeconds(1));
        await stage.Coordinator.WhenAsync<FlushRequest>().WaitAsync(Stage.Cancellation);
        Assert.Equal(3, (await fragile.PeekAsync("k", Stage.Cancellation))!.Hits);
        Volatile.Write(ref thrown, 0);
        stage.Time.Advance(TimeSpan.FromHours(1));
        await Stage.UntilAsync(() => Volatile.Read(ref thrown) != 0);
        stage.Time.Advance(TimeSpan.FromSeconds(1));
        await stage.Coordinator.WhenAsync<FlushRequest>(2).WaitAsync(Stage.Cancellation);

        Assert.Equal(0, fragile.Count);
    }

    public static TheoryData<string> LoopsOfRequests => [nameof(BeatRequest), nameof(PokeRequest), nameof(ClaimRequest), nameof(ExtendRequest)];

    // Errors that no coordinator may have, a cancellation that nobody asked for among them: the first used to end the claims, or the life of all claims,
    // and the second every sign of life.
    [Theory]
    [MemberData(nameof(LoopsOfRequests))]
    public async Task An_error_that_a_coordinator_must_not_have_costs_one_round(string request)
    {
        await using Stage stage = new();
        TaskCompletionSource mayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentQueue<string> completed = new();
        Worker worker = await stage.StartWorkerAsync(
            static options =>
            {
                options.LeaseDuration = TimeSpan.FromSeconds(3);
                options.SweepInterval = TimeSpan.FromSeconds(1);
                options.ClaimLease = TimeSpan.FromSeconds(3);
            },
            options => options.OnComplete = async (completion, _) =>
            {
                await mayEnd.Task.WaitAsync(Stage.Cancellation);
                completed.Enqueue(completion.Resource);
            });
        worker.Hit("stays");
        await worker.Visits.FlushAsync("stays", Stage.Cancellation);
        int errors = 0;
        stage.Coordinator.Fail(sent => sent.GetType().Name != request || (sent is PokeRequest { Limit: 0 }) ? null : Interlocked.Increment(ref errors) switch
        {
            1 => new InvalidTimeZoneException("no error for a coordinator"),
            2 => new TaskCanceledException("by nobody"),
            _ => null,
        });
        worker.Hit("goes");
        await worker.Visits.ExpireAsync("goes", Stage.Cancellation);

        await stage.DriveAsync(DoneAsync(Stage.UntilAsync(() => Volatile.Read(ref errors) >= 4)), TimeSpan.FromSeconds(1));
        mayEnd.SetResult();
        await stage.DriveAsync(DoneAsync(Stage.UntilAsync(() => !completed.IsEmpty)), TimeSpan.FromSeconds(1));

        Assert.Equal(["goes"], completed.Distinct()); // its claim may have run out meanwhile: then it was delivered again
        Assert.Equal(1, (await worker.Visits.PeekAsync("stays", Stage.Cancellation))!.Hits);
    }

    // A record that the code can't read any more, a codec with a bug, an exception whose own message throws: each is a failed attempt, and a dead letter in
    // the end, while the sessions beside it are completed. Nothing of it may end the unit of work with all of its claims.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_session_that_can_not_be_read_becomes_a_dead_letter_and_the_others_are_completed(bool inBulk)
    {
        await using Stage stage = new();
        ConcurrentQueue<string> completed = new();
        TaskCompletionSource both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FragileKeys keys = new()
        {
            OnDecode = static key =>
            {
                if (key == "codec")
                    throw new InvalidTimeZoneException("a codec with a bug");
            },
        };
        SluiceEngine engine = await stage.StartAsync(static options => options.Partitions = 1);
        Aggregator<string, Fragile, Fragile.Event> fragile = engine.Aggregate(
            Fragile.With(keys, static key =>
            {
                if (key == "record")
                    throw new SilentException();
                if (key == "cancelled")
                    throw new OperationCanceledException("by the record");
            }),
            options =>
            {
                options.MaxCompletionAttempts = 2;
                if (inBulk)
                {
                    options.OnCompleteBatch = (completions, _) =>
                    {
                        foreach (Completion<Fragile> completion in completions)
                            Complete(completion);
                        return ValueTask.CompletedTask;
                    };
                }
                else
                {
                    options.OnComplete = (completion, _) =>
                    {
                        Complete(completion);
                        return ValueTask.CompletedTask;
                    };
                }
            });
        fragile.PauseCompletions();
        foreach (string key in new[] { "codec", "fine", "record", "cancelled", "as well" })
            Assert.True(fragile.TryMerge(key, new Fragile.Event { Hits = 1 }));
        await fragile.ExpireAllAsync(Stage.Cancellation);
        fragile.ResumeCompletions();

        await stage.DriveAsync(DoneAsync(Task.WhenAll(stage.Coordinator.WhenAsync<AbandonRequest>(6), both.Task)), TimeSpan.FromSeconds(1));

        Assert.Equal(["as well", "fine"], completed.Order(StringComparer.Ordinal));
        IReadOnlyList<DeadLetter> letters = await fragile.ListDeadLettersAsync(cancellation: Stage.Cancellation);
        Assert.Equal(["cancelled", "codec", "record"], letters.Select(static letter => letter.Resource).Order(StringComparer.Ordinal));
        Assert.All(letters, static letter => Assert.Equal((true, 2), (letter.IsCompletion, letter.Attempts)));
        Assert.Contains(letters, static letter => letter.Error.Contains("a codec with a bug", StringComparison.Ordinal));
        Assert.Contains(letters, static letter => letter.Error.StartsWith(nameof(SilentException), StringComparison.Ordinal));

        // The others run beside those that fail, and may well end after them.
        void Complete(Completion<Fragile> completion)
        {
            completed.Enqueue(completion.Resource);
            if (completed.Count == 2)
                both.TrySetResult();
        }
    }

    private static async ValueTask<bool> DoneAsync(Task task)
    {
        await task.WaitAsync(Stage.Cancellation);
        return true;
    }

    private sealed class SilentException : Exception
    {
        public override string Message => throw new NotSupportedException("no message either");
    }

    private sealed class ThrowingLoggers : ILoggerFactory, ILogger
    {
        private int _lines;

        public int Lines => Volatile.Read(ref _lines);

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => throw new IOException("The disk is full.");

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Interlocked.Increment(ref _lines);
            throw new IOException("The disk is full.");
        }

        public void Dispose()
        {
        }
    }
}
