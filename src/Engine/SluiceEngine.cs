using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Flushing;
using Sluice.Locking;
using Sluice.Referencing;
using Sluice.Running;
using Sluice.Waiting;

namespace Sluice;

/// <summary>
/// The engine: merges a flood of small updates in memory, flushes few exact writes to a coordinator, and completes each finished session once.
/// </summary>
/// <remarks>
/// One engine serves a whole process; all members are thread-safe. Stop it with <see cref="StopAsync"/>, or let disposal do so with
/// <see cref="EngineOptions.ShutdownTimeout"/>.
/// </remarks>
/// <example>
/// <code>
/// await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);
/// var visits = engine.Aggregate(Visit.Definition, o => o.OnComplete = async (visit, lost) => await SaveAsync(visit.Value, visit.IdempotencyKey, lost));
/// visits.TryMerge("10.1.2.3", new Visit.Event { Hits = 1, LastPages = "/a" });
/// </code>
/// </example>
public sealed partial class SluiceEngine : ISluiceEngine
{
    private readonly Lock _gate = new();
    private readonly Random? _seeded;
    private readonly CancellationTokenSource _flushing = new();
    private readonly LockService _creationLocks;
    private ImmutableArray<AggregateRuntime> _runtimes = [];
    private ImmutableArray<EventSource> _sources = [];
    private Task _flushLoop = Task.CompletedTask;
    private Task<ShutdownReport>? _stop;
    private EngineFaultException? _fault;
    private bool _hasStopped;
    private bool _isDone;

    private SluiceEngine(EngineOptions options, Coordinator? own)
    {
        Options = options;
        OwnsCoordinator = own is not null;
        Coordinator = own ?? options.Coordinator!;
        SessionClock = options.SessionClock ?? SessionClock.FromTimeProvider(options.TimeProvider);
        Logger = options.LoggerFactory is { } logging ? new GuardedLogger(logging.CreateLogger<SluiceEngine>()) : NullLogger.Instance;
        Epochs = new FlushEpochs(options.TimeProvider);
        Metrics = new EngineMetrics(() => _runtimes, Epochs, () => Locks?.Held ?? 0);
        _seeded = options.IdentitySeed is { } seed ? new Random(seed) : null;
        Origin = NextRandom();
        SweepSeed = (int)NextRandom();
        Locks = new LockService(options.Locks, () => ConnectLocks(LockTerms.Of(options.Locks, options.RequestTimeout, IsShared)));
        _creationLocks = new LockService(
            options.Locks, () => ConnectLocks(LockTerms.OfCreations(options.Locks, options.CreationHeartbeat, options.RequestTimeout, IsShared)));
        CreationMutex = new LockCreationMutex(_creationLocks, options.CreationHeartbeat * 2);
        Dogpile = new DogpileCache(DogpileOptions());
    }

    /// <summary>Values by key that one caller creates while the others wait or go on with the old one. Disposed when the engine stops.</summary>
    public DogpileCache Dogpile { get; }

    /// <summary>
    /// Keeps the creators of dogpile caches apart, in all processes that share the coordinator. A creator that dies is replaced within two
    /// <see cref="EngineOptions.CreationHeartbeat"/>s. <see cref="Dogpile"/> has it if it has a store; give it to caches of your own.
    /// </summary>
    public ICreationMutex CreationMutex { get; }

    /// <summary>Mutexes, semaphores, reader-writer locks and what is made of them, between everything that shares the coordinator. Ends with the engine.</summary>
    /// <exception cref="NotSupportedException">On first use: the coordinator has no locks.</exception>
    public LockService Locks { get; }

    ILockService ISluiceEngine.Locks => Locks;

    internal EngineOptions Options { get; }

    internal Coordinator Coordinator { get; }

    internal bool OwnsCoordinator { get; }

    internal SessionClock SessionClock { get; }

    internal ILogger Logger { get; }

    internal EngineMetrics Metrics { get; }

    internal FlushEpochs Epochs { get; }

    internal ulong Origin { get; }

    internal int SweepSeed { get; }

    /// <summary>The stop has come to its end; its report is there, or will be at once.</summary>
    internal bool HasStopped => Volatile.Read(ref _isDone);

    internal bool IsStopping => Volatile.Read(ref _stop) is not null;

    /// <summary>Starts an engine.</summary>
    /// <param name="options">Checked and copied; null = the defaults, without a server.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="CoordinatorException">A server can't be reached (see <see cref="RedisOptions.Start"/>).</exception>
    /// <exception cref="UnsuitableServerException">A server lacks what is needed; the message says what and how to give it.</exception>
    public static async Task<SluiceEngine> StartAsync(EngineOptions? options = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        EngineOptions copy = options?.Copy() ?? new EngineOptions();
        copy.Validate();
        Coordinator? own = copy.Coordinator is not null ? null
            : copy.Redis.Count == 0 ? new InProcessCoordinator(copy.TimeProvider)
            : await RedisCoordinator.ConnectAsync(copy.Redis, copy.LoggerFactory, cancellation).ConfigureAwait(false);
        SluiceEngine engine = new(copy, own);
        engine.Logger.Started(engine.Origin, copy.Partitions, copy.Prefix);
        copy.Work?.Join(engine.Sweep, engine.KeepLocksAsync);
        engine._flushLoop = WorkCount.Run(copy.Work, engine.FlushLoopAsync);
        return engine;
    }

    /// <summary>Registers an aggregate with this engine. Once per aggregate and engine.</summary>
    /// <typeparam name="TKey">The key.</typeparam>
    /// <typeparam name="TValue">The aggregate.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <param name="definition">The generated definition.</param>
    /// <param name="configure">Sets the completion handler and what differs from the engine's options. Without a handler this engine only produces.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The aggregate is registered already.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public Aggregator<TKey, TValue, TEvent> Aggregate<TKey, TValue, TEvent>(
        AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>>? configure = null)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
    {
        ArgumentNullException.ThrowIfNull(definition);
        AggregateOptions<TValue> options = new();
        configure?.Invoke(options);
        options.Validate(definition.Schema.Name);
        CoordinationNamespace space = new(Options.Prefix, definition.Schema, Options.Partitions, Coordinator.Servers);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(IsStopping, this);
            if (_runtimes.Any(runtime => runtime.Space.Schema.Name == definition.Schema.Name))
                throw new InvalidOperationException($"The aggregate '{definition.Schema.Name}' is registered with this engine already.");
            TimeSpan? soft = options.SoftSession ?? Options.SoftSession;
            TimeSpan? hard = options.HardSession ?? Options.HardSession;
            AggregateRuntime runtime = new(this, space, FlushTermsOf(hard));
            MergeCache<TKey, TEvent> cache = definition.CreateCache(
                new MergeCacheOptions
                {
                    Capacity = options.Capacity ?? Options.Capacity,
                    SoftTicks = Ticks(soft),
                    HardTicks = Ticks(hard),
                    Clock = SessionClock,
                    Partitions = Options.Partitions,
                    HoldReferences = Options.SessionEnding == SessionEnding.ByReference,
                    Origin = Origin,
                },
                runtime,
                Epochs);
            runtime.Start(cache, CompleterOf(definition, options, runtime), definition.Schema.HasOpaqueFields ? new Compactor(runtime, definition) : null);
            Coordinator.Attach(space, runtime.Completer is not null);
            _runtimes = _runtimes.Add(runtime);
            return new Aggregator<TKey, TValue, TEvent>(this, runtime, definition, cache);
        }
    }

    IAggregator<TKey, TValue, TEvent> ISluiceEngine.Aggregate<TKey, TValue, TEvent>(
        AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>>? configure) => Aggregate(definition, configure);

    /// <summary>
    /// References to named resources, counted over all engines that share the coordinator: whoever lets go last runs a callback. Once per name and engine.
    /// </summary>
    /// <param name="name">What engines have in common: 1 to 53 characters of <c>a-z A-Z 0-9 . _ -</c>.</param>
    /// <param name="onLastRelease">
    /// Runs when nobody holds a resource any more, in exactly one engine at a time, until it has succeeded once: in the engine that let go last, or, if that one died or failed, in
    /// any other that has the set. So every engine that may hold a resource registers it. Throwing means another try; the token is cancelled when the claim was lost.
    /// </param>
    /// <param name="configure">Changes how callbacks run; null = the defaults.</param>
    /// <exception cref="ArgumentException">The name is empty, too long, or has other characters.</exception>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">The set is registered already.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public IReferenceSet References(string name, Func<LastRelease, CancellationToken, ValueTask> onLastRelease, Action<ReferenceOptions>? configure = null)
    {
        (ReferenceDefinition definition, ReferenceOptions options) = ReferenceRegistration.Check(name, onLastRelease, configure);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(IsStopping, this);
            if (_runtimes.Any(runtime => runtime.Space.Schema.Name == definition.Schema.Name))
                throw new InvalidOperationException($"The references '{name}' are registered with this engine already.");
            AggregateRuntime runtime = ReferenceRegistration.Start(this, name, definition, onLastRelease, options);
            Coordinator.Attach(runtime.Space, hasHandler: true);
            _runtimes = _runtimes.Add(runtime);
            return new EngineReferenceSet(this, runtime, (ReferenceTable)runtime.Cache, name);
        }
    }

    /// <summary>Opens a source of events whose watermark tells what its broker may forget. Dispose it when its consumer ends.</summary>
    /// <param name="name">For logs and errors.</param>
    /// <param name="mode">When an event counts as done.</param>
    /// <param name="onFenced">What happens to unflushed events when this engine was away and has been replaced.</param>
    /// <param name="start">The first position; positions before it are taken as done.</param>
    /// <exception cref="EngineFaultException">The engine can't flush everything any more, so the watermark would not move.</exception>
    /// <exception cref="ObjectDisposedException">The engine has stopped.</exception>
    public EventSource OpenSource(string name, AckMode mode = AckMode.AfterFlush, OnFenced onFenced = OnFenced.Resend, long start = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_hasStopped, this);
            if (mode == AckMode.AfterFlush && _fault is { } fault)
                throw fault.Again();
            EventSource source = new(name, mode, onFenced, start, Epochs, CloseSource);
            _sources = [.. _sources.Where(static open => !open.IsFenced), source];
            return source;
        }
    }

    private void CloseSource(EventSource source)
    {
        lock (_gate)
            _sources = _sources.Remove(source);
    }

    /// <summary>Returns when the coordinator has everything that was merged before the call, in all aggregates.</summary>
    /// <param name="cancellation">Stops waiting; the flush goes on.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellation = default)
    {
        // Only what is of the epochs until now: what is merged meanwhile must not keep the call from returning.
        long upTo = Epochs.Current;
        Epochs.TryAdvance();
        await Task.WhenAll(_runtimes.Select(runtime => runtime.FlushAsync(upTo, cancellation).AsTask())).ConfigureAwait(false);
    }

    /// <summary>
    /// Returns when nothing is due and no claim is open in this engine's aggregates, whoever holds it: every session that had ended has been completed
    /// or is a dead letter. Never returns while a handler keeps failing, or when no engine has one.
    /// </summary>
    /// <param name="cancellation">Stops waiting.</param>
    public async ValueTask QuiesceAsync(CancellationToken cancellation = default)
    {
        Options.Work?.Begin();
        try
        {
            foreach (AggregateRuntime runtime in _runtimes)
                await Quiescence.WaitAsync(runtime, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Options.Work?.End();
        }
    }

    /// <summary>
    /// Stops: refuses new events, flushes and lets go of everything, completes what is claimed (with a coordinator that ends with the process: all that
    /// is due), leaves. At the deadline it stops waiting and reports what is left. Calls after the first return the first one's report.
    /// </summary>
    /// <param name="deadline">How long it may take: 0 to 24 hours, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellation">As the deadline, at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">The deadline is outside its range; the engine goes on.</exception>
    public async ValueTask<ShutdownReport> StopAsync(TimeSpan deadline, CancellationToken cancellation = default)
    {
        if ((deadline < TimeSpan.Zero || deadline > TimeSpan.FromHours(24)) && deadline != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(nameof(deadline), deadline, "The deadline must be 0 to 24 hours, or Timeout.InfiniteTimeSpan.");
        Task<ShutdownReport> stop;
        lock (_gate)
            stop = _stop ??= WorkCount.Run(Options.Work, () => StopCoreAsync(deadline, cancellation));
        return await stop.ConfigureAwait(false);
    }

    /// <summary>Stops with <see cref="EngineOptions.ShutdownTimeout"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(Options.ShutdownTimeout).ConfigureAwait(false);

    /// <summary>Drops the engine without a goodbye, as a crash would: for tests and demonstrations of recovery.</summary>
    internal async ValueTask AbandonAsync()
    {
        lock (_gate)
        {
            if (_stop is not null)
                return;
            _stop = Task.FromResult(new ShutdownReport(TimeSpan.Zero, 0, 0, 0, 0));
        }

        await _flushing.CancelAsync().ConfigureAwait(false);
        await _flushLoop.ConfigureAwait(false);
        await Dogpile.DisposeAsync().ConfigureAwait(false);
        await _creationLocks.AbandonAsync().ConfigureAwait(false);
        await Locks.AbandonAsync().ConfigureAwait(false);
        foreach (AggregateRuntime runtime in _runtimes)
        {
            await runtime.AbandonAsync().ConfigureAwait(false);
            Coordinator.Detach(runtime.Space, runtime.Completer is not null);
        }

        StopSources();
        Metrics.Dispose();
    }

    /// <summary>Ends the sessions that are past their deadline now, for whoever moves the time.</summary>
    private void Sweep()
    {
        if (IsStopping)
            return;
        foreach (AggregateRuntime runtime in _runtimes)
            runtime.Cache.TrySweep(out _);
    }

    /// <summary>Returns when the keepers of locks have done what is due.</summary>
    private async ValueTask KeepLocksAsync()
    {
        await Locks.IdleAsync().ConfigureAwait(false);
        await _creationLocks.IdleAsync().ConfigureAwait(false);
    }

    internal IncarnationId NewIdentity(long serverNow)
    {
        ulong high = NextRandom();
        return new IncarnationId(serverNow, (uint)high, NextRandom());
    }

    internal void RefreshSources()
    {
        foreach (EventSource source in _sources)
            source.Refresh();
    }

    /// <summary>A lane has ended by a fault. What it had taken keeps its epochs, so that no watermark reaches what came after: who waits is told.</summary>
    internal void OnFault(EngineFaultException fault)
    {
        lock (_gate)
        {
            _fault ??= fault;
            foreach (EventSource source in _sources)
                source.Fault(fault);
        }
    }

    /// <summary>
    /// The broker has delivered what was not acknowledged to somebody else: the sources that say so are cut off, then every unflushed delta of
    /// the aggregates that they feed is dropped. Once for all lanes that the same pause has fenced.
    /// </summary>
    /// <remarks>
    /// Under the gate that <see cref="OpenSource"/> takes: a source that is opened meanwhile begins after the drop, so that nothing of it is dropped. A
    /// merge that was under way on a source that is cut off may still land in an emptied entry: it counts twice, like anything that is in flight when
    /// a broker redelivers.
    /// </remarks>
    internal void DiscardUnflushed(AggregateRuntime fenced, IncarnationId dead)
    {
        List<(AggregateRuntime Runtime, int Updates)> dropped = [];
        lock (_gate)
        {
            if (fenced.FencePolicy.Covers(dead))
                return;
            foreach (EventSource source in _sources.Where(static source => source.WhenFenced == OnFenced.Discard))
                source.Fence();
            foreach (AggregateRuntime runtime in _runtimes.Where(static runtime => runtime.FencePolicy.Discards))
            {
                dropped.Add((runtime, runtime.Cache.DiscardDeltas()));

                // Everywhere, whatever earlier episodes covered: what waits in the other lanes is of sources that have just been cut off too.
                runtime.FencePolicy.Begin([dead, .. runtime.Lanes.Select(static lane => lane.Identity.Incarnation).Where(static id => !id.IsNone)]);
            }
        }

        // Outside the gate: the report goes to the application.
        foreach ((AggregateRuntime runtime, int updates) in dropped)
            runtime.ReportDiscarded(updates);
    }

    /// <summary>After the last acknowledgement: who still waits for a watermark would wait for ever.</summary>
    private void StopSources()
    {
        lock (_gate)
        {
            _hasStopped = true;
            foreach (EventSource source in _sources)
                source.Stop();
            _sources = [];
        }
    }

    private static long Ticks(TimeSpan? span) => span is { } value && value != Timeout.InfiniteTimeSpan ? value.Ticks : long.MaxValue;

    private FlushTerms FlushTermsOf(TimeSpan? hard) => new(
        Durations.Micros(Options.LeaseDuration),
        Durations.Micros(Options.Linger),
        SessionClock.IsEventTime ? Durations.Never : Durations.Micros(hard),
        Options.SessionEnding == SessionEnding.ByInactivity ? Durations.Micros(Options.InactivityGap) : 0,
        Durations.Micros(Options.TombstoneLife),
        Options.OpenLimit,
        Options.DeadLetterLimit);

    private Completer? CompleterOf<TKey, TValue, TEvent>(
        AggregateDefinition<TKey, TValue, TEvent> definition, AggregateOptions<TValue> options, AggregateRuntime runtime)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
    {
        if (options.OnComplete is null && options.OnCompleteBatch is null)
            return null;
        CompletionTerms terms = new()
        {
            Concurrency = options.MaxConcurrentCompletions,
            BulkSize = options.OnCompleteBatch is null ? 0 : options.CompletionBatchSize,
            MaxAttempts = options.MaxCompletionAttempts,
            FirstBackoff = options.CompletionBackoff,
            LastBackoff = options.MaxCompletionBackoff,
            ClaimLease = Options.ClaimLease,
            DurabilityWindow = Options.DurabilityWindow,
            Poison = options.Poison == PoisonHandling.Skip ? PoisonRule.Skip : PoisonRule.Park,
            DeadLetterLimit = Options.DeadLetterLimit,
        };
        return new Completer(
            runtime.Space, definition, Coordinator, terms, new CompletionHandler<TKey, TValue, TEvent>(definition, options), new CompletionObserver(runtime), runtime.Seen,
            Options.TimeProvider, Options.Work);
    }

    private async Task FlushLoopAsync()
    {
        try
        {
            using Ticker ticker = new(Options.FlushInterval, Options.TimeProvider, Options.Work);
            while (await ticker.WaitAsync(_flushing.Token).ConfigureAwait(false))
            {
                long upTo = Epochs.Current;
                Epochs.TryAdvance();
                foreach (AggregateRuntime runtime in _runtimes)
                    runtime.RequestFlush(upTo);
                RefreshSources();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task<ShutdownReport> StopCoreAsync(TimeSpan deadline, CancellationToken cancellation)
    {
        long began = Options.TimeProvider.GetTimestamp();
        using CancellationTokenSource timeout = new(deadline, Options.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        Shutdown shutdown = new(this, _runtimes, either.Token);
        await _flushing.CancelAsync().ConfigureAwait(false);
        await _flushLoop.ConfigureAwait(false);
        ShutdownReport report = await shutdown.RunAsync(began).ConfigureAwait(false);
        StopSources();

        // A factory that does not hear its token must not hold the stop up beyond its deadline.
        await Dogpile.DisposeAsync().AsTask().WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        await _creationLocks.StopAsync(either.Token).ConfigureAwait(false);

        // After the handlers have ended: they may hold locks until then.
        await Locks.StopAsync(either.Token).ConfigureAwait(false);
        if (OwnsCoordinator)
            await Coordinator.DisposeAsync().ConfigureAwait(false);
        Metrics.Dispose();
        Logger.Stopped(report);
        Volatile.Write(ref _isDone, true);
        return report;
    }

    /// <summary>Nobody but this engine reaches a coordinator of its own in this process, and both end together: there is nothing that a lease could bound.</summary>
    private bool IsShared => !(OwnsCoordinator && Coordinator.IsEphemeral);

    /// <summary>Values that processes share are created by one of them. Without a store they share none, and where nobody else can be, nobody needs to be kept away.</summary>
    private DogpileCacheOptions DogpileOptions()
    {
        DogpileCacheOptions options = Options.Dogpile ?? new DogpileCacheOptions { TimeProvider = Options.TimeProvider, LoggerFactory = Options.LoggerFactory };
        return options is { Store: not null, Mutex: null } && IsShared && Coordinator.Locks is not null ? options with { Mutex = CreationMutex } : options;
    }

    private LockClient ConnectLocks(LockTerms terms) => new(
        Coordinator.Locks ?? throw new NotSupportedException($"{Coordinator.GetType().Name} has no locks."),
        new LockNamespace(Options.Prefix, Options.Partitions, Coordinator.Servers),
        terms,
        new LockEngineId((uint)NextRandom(), NextRandom()),
        Options.TimeProvider,
        Logger,
        Metrics.Locks);

    private ulong NextRandom()
    {
        if (_seeded is not null)
        {
            lock (_seeded)
                return (ulong)_seeded.NextInt64(long.MinValue, long.MaxValue);
        }

        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
