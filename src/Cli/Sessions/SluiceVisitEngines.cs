using System.Numerics;

namespace Sluice.Cli.Sessions;

/// <summary>The engines of a run: they share one coordinator in this process, and behave as separate processes do.</summary>
/// <param name="workers">How many will be started.</param>
internal sealed class SluiceVisitEngines(int workers) : IVisitEngines
{
    private const int SessionsPerPartition = 100_000;
    private const int LeastPartitions = 4;
    private const int MostPartitions = 4096;

    private static readonly TimeSpan StopDeadline = TimeSpan.FromMinutes(5);

    /// <summary>How many partitions a coordinator needs for so many workers of such a capacity.</summary>
    public static int PartitionsFor(int capacity, int workers)
    {
        long partitions = Math.Clamp((long)capacity * workers / SessionsPerPartition, LeastPartitions, MostPartitions);
        return (int)BitOperations.RoundUpToPowerOf2((ulong)partitions);
    }

    private readonly InProcessCoordinator _coordinator = new(TimeProvider.System);

    /// <inheritdoc/>
    public async ValueTask<IVisitEngine> StartAsync(VisitEngineOptions options, Action<CompletedVisit> complete, CancellationToken cancellation)
    {
        EventTimeClock? clock = options.LogClock ? new EventTimeClock() : null;
        SluiceEngine engine = await SluiceEngine.StartAsync(
            new EngineOptions
            {
                Coordinator = _coordinator,
                SessionClock = clock,
                SoftSession = options.Soft,
                HardSession = options.Hard,
                Capacity = options.Capacity,
                Partitions = PartitionsFor(options.Capacity, workers),

                // The workers' memory is the limit that was asked for; the coordinator has no other of its own.
                OpenLimit = 1_000_000,

                // There is no round trip to save by waiting for a fuller batch, and every barrier would wait.
                BatchLinger = TimeSpan.Zero,
            },
            cancellation).ConfigureAwait(false);
        return new Engine(engine, clock, complete);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _coordinator.DisposeAsync();

    private sealed class Engine : IVisitEngine
    {
        private readonly SluiceEngine _engine;
        private readonly EventTimeClock? _clock;
        private readonly Aggregator<string, Visit, Visit.Event> _visits;
        private long _clockTicks;

        public Engine(SluiceEngine engine, EventTimeClock? clock, Action<CompletedVisit> complete)
        {
            _engine = engine;
            _clock = clock;
            _visits = engine.Aggregate(Visit.Definition, options => options.OnCompleteBatch = (visits, _) =>
            {
                foreach (Completion<Visit> visit in visits)
                    complete(Visits.Of(visit));
                return ValueTask.CompletedTask;
            });
        }

        public long NextSessionDeadlineTicks => _visits.NextSessionDeadlineTicks;

        public long FlushedItems => _visits.Writes;

        public void AdvanceTo(long ticks)
        {
            if (_clock is null || ticks <= _clockTicks)
                return;
            _clockTicks = ticks;
            _clock.AdvanceTo(new DateTimeOffset(ticks, TimeSpan.Zero));
        }

        public bool TryMerge(ReadOnlySpan<byte> key, in PageView view) => _visits.TryMerge(key, Visits.Event(in view));

        public ValueTask MergeAsync(string key, PageView view, CancellationToken cancellation) => _visits.MergeAsync(key, Visits.Event(in view), cancellation);

        public ValueTask FlushAsync(CancellationToken cancellation) => _visits.FlushAsync(cancellation);

        public ValueTask SweepAsync(CancellationToken cancellation) => _visits.SweepAsync(cancellation);

        public ValueTask EndAllAsync(CancellationToken cancellation) => _visits.ExpireAllAsync(cancellation);

        public ValueTask QuiesceAsync(CancellationToken cancellation) => _engine.QuiesceAsync(cancellation);

        public async ValueTask<string?> StopAsync(CancellationToken cancellation)
        {
            ShutdownReport report = await _engine.StopAsync(StopDeadline, cancellation).ConfigureAwait(false);
            return report is { IsClean: true, DeadLetters: 0 } ? null : $"an engine stopped {report}";
        }

        public ValueTask DisposeAsync() => _engine.DisposeAsync();
    }
}
