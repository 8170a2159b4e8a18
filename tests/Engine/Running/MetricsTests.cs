using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Logging;
using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Flushing;
using Sluice.Harness;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>What dashboards, alerts and log searches stand on: names, tags and event ids, which must not change by accident.</summary>
public sealed partial class MetricsTests
{
    [Aggregate("metered")]
    internal sealed partial class Metered
    {
        [Key]
        internal partial string Name { get; }

        [Sum]
        internal partial long Hits { get; }
    }

    private static readonly string Page = Path.Combine(Root(), "docs", "metrics.md");

    // One story with everything in it, and the numbers that it must leave behind.
    [Fact]
    public async Task The_instruments_count_what_happened_under_their_documented_names()
    {
        using Readings readings = new("metered");
        await using Stage stage = new();
        (SluiceEngine engine, Aggregator<string, Metered, Metered.Event> metered) = await StartAsync(stage, isBroken: true);
        Assert.True(metered.TryMerge("a", new Metered.Event { Hits = long.MaxValue }));
        Assert.True(metered.TryMerge("b", new Metered.Event { Hits = 1 }));
        Assert.True(metered.TryMerge("b", new Metered.Event { Hits = 1 }));
        readings.Observe();
        Assert.Equal(2, readings["sluice.cache.entries"]);
        stage.Time.Advance(TimeSpan.FromSeconds(7));
        readings.Observe();
        Assert.Contains(7, readings.Ages);

        await engine.FlushAsync(Stage.Cancellation);
        Assert.True(metered.TryMerge("a", new Metered.Event { Hits = 1 })); // fits here, not there
        await metered.ExpireAllAsync(Stage.Cancellation);
        await stage.DriveAsync(DoneAsync(stage.Coordinator.WhenAsync<AbandonRequest>(4)), TimeSpan.FromSeconds(1));
        while (metered.Runtime.Completer!.Running != 0)
            await Task.Yield();
        readings.Observe();

        Assert.Equal(4, readings["sluice.merge.events"]);
        Assert.Equal(2, readings["sluice.cache.created"]);
        Assert.Equal(0, readings["sluice.cache.entries"]);
        Assert.Equal(0, readings["sluice.cache.evicted"]);
        Assert.Equal(0, readings["sluice.merge.refused"]);
        Assert.Equal(4, readings["sluice.flush.items"]); // two flushed, two let go
        Assert.InRange(readings["sluice.flush.batches"], 2, 4);
        Assert.Equal(0, readings["sluice.flush.pending"]);
        Assert.Equal(1, readings["sluice.flush.refused"]);
        Assert.Equal(4, readings["sluice.completion.attempts"]);
        Assert.Equal(4, readings["sluice.completion.failed"]);
        Assert.Equal(2, readings["sluice.completion.dead_letters"]);
        Assert.Equal(0, readings["sluice.completion.completed"]);
        Assert.Equal(readings["sluice.flush.items"], metered.Writes);
    }

    [Fact]
    public async Task Completed_sessions_are_counted_and_traced()
    {
        using Readings readings = new("metered");
        ConcurrentBag<Activity> activities = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = static source => source.Name == "Sluice",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (Equals(activity.GetTagItem("sluice.aggregate"), "metered"))
                    activities.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using Stage stage = new();
        (_, Aggregator<string, Metered, Metered.Event> metered) = await StartAsync(stage, isBroken: false);
        Assert.True(metered.TryMerge("a", new Metered.Event { Hits = 1 }));

        await metered.ExpireAllAsync(Stage.Cancellation);
        while (metered.Completions == 0)
            await Task.Yield();

        Activity activity = Assert.Single(activities);
        Assert.Equal(("sluice.complete", ActivityKind.Internal, 1), (activity.OperationName, activity.Kind, activity.GetTagItem("sluice.sessions")));
        while (readings["sluice.completion.completed"] == 0)
            await Task.Yield(); // counted right after
        Assert.Equal(1, readings["sluice.completion.completed"]);
    }

    [Fact]
    public async Task Locks_are_counted_by_their_ends()
    {
        // Engines of other tests have locks too: each measurement is compared with what it was, and only what grows by itself here is looked at.
        HandDrivenTimeProvider time = new();
        using EngineMetrics metrics = new(static () => [], new FlushEpochs(time), static () => 7);
        List<(string Name, double Value, object? Outcome)> readings = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (ReferenceEquals(instrument.Meter, metrics.Meter) && instrument.Name.StartsWith("sluice.locks.", StringComparison.Ordinal))
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => readings.Add((instrument.Name, value, Outcome(tags))));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => readings.Add((instrument.Name, value, Outcome(tags))));
        listener.Start();
        InProcessLockCoordinator server = new(time);
        LockTerms terms = LockTerms.Of(new EngineLockOptions { LeaseDuration = TimeSpan.FromSeconds(9) }, TimeSpan.FromSeconds(2), runsOut: true);
        LockClient client = new(server, new LockNamespace("metered", 1), terms, new LockEngineId(1, 1), time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, metrics.Locks);
        EngineMutex mutex = new(new LockTarget(client, LockTarget.MutexKind, "x", new LockOptions(), TimeSpan.FromSeconds(1)), LockMode.Exclusive);

        LockHandle held = await mutex.AcquireAsync(cancellation: Stage.Cancellation);
        Assert.Null(await mutex.TryAcquireAsync(cancellation: Stage.Cancellation));
        using CancellationTokenSource enough = new();
        Task<LockHandle?> cancelled = mutex.TryAcquireAsync(Timeout.InfiniteTimeSpan, enough.Token).AsTask();
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Task<LockHandle?> waiting = mutex.TryAcquireAsync(Timeout.InfiniteTimeSpan, Stage.Cancellation).AsTask();
        time.Advance(TimeSpan.FromSeconds(2));
        await held.ReleaseAsync(Stage.Cancellation);
        LockHandle next = (await waiting)!;
        Assert.Equal(1, client.Held);
        time.Advance(TimeSpan.FromSeconds(2));
        await client.Keeper.IdleAsync();
        time.Leap(TimeSpan.FromSeconds(20));
        Assert.False(next.IsHeld);
        listener.RecordObservableInstruments();

        Assert.Equal(2, Sum("sluice.locks.acquisitions", "granted"));
        Assert.Equal(1, Sum("sluice.locks.acquisitions", "refused"));
        Assert.Equal(1, Sum("sluice.locks.acquisitions", "cancelled"));
        Assert.Equal([0, 2], readings.Where(static reading => reading.Name == "sluice.locks.wait").Select(static reading => reading.Value));
        Assert.Equal(1, Sum("sluice.locks.lost", null));
        Assert.Equal(1, Sum("sluice.locks.renewals", "renewed"));
        Assert.Equal(7, Sum("sluice.locks.held", null));
        await client.StopAsync(Stage.Cancellation);

        double Sum(string name, string? outcome) => readings.Where(reading => reading.Name == name && Equals(reading.Outcome, outcome)).Sum(static reading => reading.Value);

        static object? Outcome(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach ((string key, object? value) in tags)
            {
                if (key == "sluice.outcome")
                    return value;
            }

            return null;
        }
    }

    [Fact]
    public async Task A_dogpile_cache_counts_what_happened_under_its_documented_names()
    {
        using Readings readings = new("metered", "sluice.region");
        Away away = new();
        await using DogpileCache cache = new(new DogpileCacheOptions { Region = "metered", Store = away, Mutex = away, Capacity = 1, TimeProvider = new HandDrivenTimeProvider() });
        DogpileEntryOptions options = new() { ServeStaleOnError = true };
        Assert.Equal(1, await cache.GetOrCreateAsync("a", static _ => ValueTask.FromResult(1), options, Stage.Cancellation));
        await Assert.ThrowsAsync<InvalidOperationException>(() => cache.GetOrCreateAsync<int>("b", static _ => throw new InvalidOperationException("broken"), options, Stage.Cancellation).AsTask());
        Assert.Equal(2, await cache.GetOrCreateAsync("b", static _ => ValueTask.FromResult(2), options, Stage.Cancellation));
        cache.TryGet("b", out int _);
        await Assert.ThrowsAsync<TimeoutException>(() => cache.ExpireAsync("b", Stage.Cancellation).AsTask());
        Assert.Equal(2, await cache.GetOrCreateAsync<int>("b", static _ => throw new InvalidOperationException("broken"), options, Stage.Cancellation));
        away.Lease = new LostLease();
        Assert.Equal(3, await cache.GetOrCreateAsync("c", async token => away.Lease is null ? 3 : await away.LoseAsync(token), options, Stage.Cancellation));
        readings.Observe();

        Assert.Equal(1, readings["sluice.dogpile.entries"]);
        Assert.Equal(3, readings["sluice.dogpile.created"]);
        Assert.Equal(2, readings["sluice.dogpile.failed"]);
        Assert.Equal(1, readings["sluice.dogpile.served_stale"]);
        Assert.Equal(2, readings["sluice.dogpile.evicted"]);
        Assert.Equal(1, readings["sluice.dogpile.leases_lost"]);
        Assert.Equal(5, readings["sluice.dogpile.mutex_failures"]);
        Assert.Equal(9, readings["sluice.dogpile.store_failures"]); // a look before each creation, another one with a lease, and three writes
        Assert.Equal(3, readings["sluice.dogpile.creation.duration"]);
    }

    // A dashboard that is made from the page must find what the page says.
    [Fact]
    public async Task The_page_lists_every_instrument_with_its_kind_and_unit_and_no_other()
    {
        using Readings readings = new("metered");
        await using Stage stage = new();
        await StartAsync(stage, isBroken: false);

        string[] listed = [.. File.ReadLines(Page).Where(static line => line.StartsWith("| `sluice.", StringComparison.Ordinal) && line.Split('|').Length == 6)
            .Select(static line => string.Join('|', line.Split('|')[1..4].Select(static cell => cell.Trim(' ', '`'))))];

        Assert.Equal(readings.Instruments.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    // Alerts on log events go by number.
    [Fact]
    public void The_page_lists_every_log_event_with_its_level_and_no_two_share_a_number()
    {
        LoggerMessageAttribute[] events = [.. typeof(EngineLog).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(static method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()];

        string[] listed = [.. File.ReadLines(Page).Select(static line => line.Split('|')).Where(static cells => cells.Length == 6 && int.TryParse(cells[1], CultureInfo.InvariantCulture, out _))
            .Select(static cells => $"{cells[1].Trim()} {cells[2].Trim()} {cells[3].Trim()}")];

        Assert.NotEmpty(events);
        Assert.Equal(events.Length, events.Select(static e => e.EventId).Distinct().Count());
        Assert.Equal(
            typeof(EngineLog).GetMethods(BindingFlags.Public | BindingFlags.Static).Select(static method => (method.Name, Event: method.GetCustomAttribute<LoggerMessageAttribute>()!))
                .Select(static log => $"{log.Event.EventId} {log.Name} {log.Event.Level}").Order(StringComparer.Ordinal),
            listed.Order(StringComparer.Ordinal));
    }

    // The story again, as the log tells it.
    [Fact]
    public async Task The_log_tells_of_start_failure_dead_letter_refusal_and_stop()
    {
        RecordingLoggers loggers = new();
        await using Stage stage = new();
        (SluiceEngine engine, Aggregator<string, Metered, Metered.Event> metered) = await StartAsync(stage, isBroken: true, options => options.LoggerFactory = loggers);
        Assert.True(metered.TryMerge("secret-key", new Metered.Event { Hits = long.MaxValue }));
        await engine.FlushAsync(Stage.Cancellation);
        Assert.True(metered.TryMerge("secret-key", new Metered.Event { Hits = 1 }));
        await metered.ExpireAllAsync(Stage.Cancellation);
        await stage.DriveAsync(DoneAsync(stage.Coordinator.WhenAsync<AbandonRequest>(2)), TimeSpan.FromSeconds(1));
        await stage.DriveAsync(engine.StopAsync(Timeout.InfiniteTimeSpan, Stage.Cancellation), TimeSpan.FromMilliseconds(1));

        (EventId Id, LogLevel Level, string Text)[] lines = [.. loggers.Lines];
        Assert.Equal([1, 2, 13, 20, 21], lines.Select(static line => line.Id.Id).Distinct().Order());
        Assert.All(lines, static line => Assert.DoesNotContain("secret-key", line.Text, StringComparison.Ordinal));
        Assert.Contains(lines, static line => line is { Id.Name: "DeadLettered", Level: LogLevel.Error } && line.Text.Contains("broken", StringComparison.Ordinal));
    }

    private static async ValueTask<bool> DoneAsync(Task task)
    {
        await task.WaitAsync(Stage.Cancellation);
        return true;
    }

    private static async Task<(SluiceEngine Engine, Aggregator<string, Metered, Metered.Event> Metered)> StartAsync(
        Stage stage, bool isBroken, Action<EngineOptions>? configure = null)
    {
        SluiceEngine engine = await stage.StartAsync(configure);
        Aggregator<string, Metered, Metered.Event> metered = engine.Aggregate(Metered.Definition, options =>
        {
            options.MaxCompletionAttempts = 2;
            options.OnComplete = (_, _) => isBroken ? throw new InvalidOperationException("broken") : ValueTask.CompletedTask;
        });
        await stage.Time.WhenArmedAsync(5).WaitAsync(Stage.Cancellation);
        return (engine, metered);
    }

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }

    /// <summary>The sums and last values of one aggregate's measurements; other tests' engines run in this process too.</summary>
    private sealed class Readings : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentDictionary<string, double> _values = new();
        private readonly ConcurrentDictionary<string, byte> _instruments = new();

        public Readings(string tagged, string tag = "sluice.aggregate")
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != "Sluice")
                    return;
                _instruments.TryAdd($"{instrument.Name}|{KindOf(instrument)}|{instrument.Unit}", 0);
                listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                if (!tags.Contains(new KeyValuePair<string, object?>(tag, tagged)))
                    return;
                if (instrument.IsObservable)
                    _values[instrument.Name] = value;
                else
                    _values.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            });
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            {
                if (instrument.IsObservable)
                    Ages.Add(value);
                else if (tags.Contains(new KeyValuePair<string, object?>(tag, tagged)))
                    _values.AddOrUpdate(instrument.Name, 1, static (_, count) => count + 1);
            });
            _listener.Start();
        }

        public IEnumerable<string> Instruments => _instruments.Keys;

        /// <summary>Of all engines of the process: the age has no tag to tell them apart.</summary>
        public ConcurrentBag<double> Ages { get; } = [];

        public double this[string name] => _values.GetValueOrDefault(name);

        public void Observe() => _listener.RecordObservableInstruments();

        public void Dispose() => _listener.Dispose();

        private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
        {
            "Counter" or "ObservableCounter" => "counter",
            "ObservableUpDownCounter" => "up-down counter",
            "ObservableGauge" => "gauge",
            "Histogram" => "histogram",
            var other => other,
        };
    }

    /// <summary>A store that fails, and a mutex that fails or gives a lease that is lost.</summary>
    private sealed class Away : IDogpileStore, ICreationMutex
    {
        public LostLease? Lease { get; set; }

        /// <summary>In the middle of a creation.</summary>
        public async ValueTask<int> LoseAsync(CancellationToken token)
        {
            LostLease lost = Lease!;
            Lease = null;
            await lost.Source.CancelAsync();
            token.ThrowIfCancellationRequested();
            return -1;
        }

        public ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation) =>
            Lease is null ? throw new TimeoutException() : ValueTask.FromResult<CreationLease?>(Lease);

        public ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation) => throw new TimeoutException();

        public ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation) => throw new TimeoutException();

        public ValueTask RemoveAsync(string key, CancellationToken cancellation) => throw new TimeoutException();
    }

    private sealed class LostLease : CreationLease
    {
        public CancellationTokenSource Source { get; } = new();

        public override long FencingToken => 1;

        public override CancellationToken LostToken => Source.Token;

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class RecordingLoggers : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<(EventId Id, LogLevel Level, string Text)> Lines { get; } = new();

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue((eventId, logLevel, formatter(state, exception)));

        public void Dispose()
        {
            // Holds nothing.
        }
    }
}
