using Sluice.Waiting;

namespace Sluice.Testing;

/// <summary>
/// Engines on one coordinator in this process, in time that stands still until the test moves it: merge, advance, and look at what was completed.
/// </summary>
/// <remarks>
/// <para>The engines are the real ones, with their own loops and threads. What they have under way is counted, without gaps, so <see cref="AdvanceAsync"/> returns when everything
/// that fell due has been done, and no sooner: no test has to sleep, to poll, or to be tried again.</para>
/// <para>Handlers belong to what is waited for; tasks that the test itself has started do not: await them yourself. Thread-safe, but only one may move the time.</para>
/// </remarks>
/// <example>
/// <code>
/// await using EngineStage stage = new();
/// SluiceEngine engine = await stage.StartEngineAsync(options => options.SoftSession = TimeSpan.FromSeconds(30));
/// CompletionRecorder&lt;Visit&gt; completed = new();
/// var visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = completed.RecordAsync);
///
/// visits.TryMerge("10.1.2.3", new Visit.Event { Hits = 1 });
/// await stage.AdvanceAsync(TimeSpan.FromSeconds(30));
///
/// Assert.Equal(CompletionReason.Idle, completed.Single("10.1.2.3").Reason);
/// </code>
/// </example>
public sealed class EngineStage : IAsyncDisposable
{
    private readonly WorkCount _work = new();
    private readonly Lock _gate = new();
    private readonly List<SluiceEngine> _engines = [];
    private int _seeds;

    /// <summary>A stage whose time begins at 2030-01-01 00:00 UTC.</summary>
    public EngineStage()
        : this(new HandDrivenClock())
    {
    }

    /// <summary>A stage in the time of <paramref name="clock"/>, which others may share.</summary>
    /// <param name="clock">The clock.</param>
    public EngineStage(HandDrivenClock clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        Clock = clock;
        Coordinator = new InProcessCoordinator(clock);
    }

    /// <summary>The time of the engines and of the coordinator; give it to what else in the test needs the time.</summary>
    public HandDrivenClock Clock { get; }

    /// <summary>What the engines share, as they would share a server.</summary>
    public InProcessCoordinator Coordinator { get; }

    /// <summary>
    /// How long, in real time, the stage waits for the engines to have nothing left to do before it says that something hangs: more than 0, or
    /// <see cref="Timeout.InfiniteTimeSpan"/>. Default 30 s; it is no part of any result.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Starts an engine as one process of the service would. It belongs to the stage, which drops it at the end.</summary>
    /// <param name="configure">Sets the options; null = the defaults.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public async Task<SluiceEngine> StartEngineAsync(Action<EngineOptions>? configure = null, CancellationToken cancellation = default)
    {
        EngineOptions options = new();
        configure?.Invoke(options);
        SluiceEngine engine = await SluiceEngine.StartAsync(Direct(options), cancellation).ConfigureAwait(false);
        lock (_gate)
            _engines.Add(engine);
        return engine;
    }

    /// <summary>
    /// Puts an engine on this stage that something else starts and stops, such as a host: sets the clock, the coordinator and the seed of its identities, and lets batches leave
    /// without lingering. All other options are as they were.
    /// </summary>
    /// <param name="options">The options that the engine will be started with.</param>
    /// <returns>These options.</returns>
    /// <exception cref="InvalidOperationException">The options name servers: the stage has none.</exception>
    public EngineOptions Direct(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Redis.Count != 0)
            throw new InvalidOperationException("The options name servers. A stage is in this process: leave EngineOptions.Redis empty in the test.");
        options.TimeProvider = Clock;
        options.Coordinator = Coordinator;
        options.IdentitySeed ??= Interlocked.Increment(ref _seeds);
        options.Work = _work;

        // It bundles what arrives within a millisecond, which in time that stands still would be for ever.
        options.BatchLinger = TimeSpan.Zero;
        return options;
    }

    /// <summary>Returns when the engines have nothing left to do at this moment: what was merged beyond the capacity, expired or forced is completed.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="TimeoutException">They still have after <see cref="Patience"/>.</exception>
    public async Task SettleAsync(CancellationToken cancellation = default)
    {
        await RestAsync(cancellation).ConfigureAwait(false);
        _work.Sweep();
        await RestAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Moves the time on and returns when everything that fell due has been done: sessions have ended, batches were sent, leases were renewed or have run out, completions were
    /// delivered and acknowledged or given back. Time stands still at each moment at which something is due, until that has been done.
    /// </summary>
    /// <param name="by">0 or more.</param>
    /// <param name="cancellation">Stops; the time stays where it has got to.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="by"/> is negative.</exception>
    /// <exception cref="TimeoutException">
    /// The engines were not done with what was due at some moment after <see cref="Patience"/>. A handler that itself waits for <see cref="Clock"/> is such a case: move the clock
    /// with <see cref="HandDrivenClock.Advance"/> while this call waits.
    /// </exception>
    public async Task AdvanceAsync(TimeSpan by, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        await SettleAsync(cancellation).ConfigureAwait(false);
        long target = Clock.GetTimestamp() + by.Ticks;
        while (Clock.UntilNextTimer is { } next && next.Ticks <= target - Clock.GetTimestamp())
            await FireAsync(next, cancellation).ConfigureAwait(false);
        await FireAsync(TimeSpan.FromTicks(Math.Max(0, target - Clock.GetTimestamp())), cancellation).ConfigureAwait(false);
        await SettleAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Stops an engine as its process would when it is told to end, and moves the time as far as the stop waits for it: not at all, unless a completion fails or a durability
    /// window has to pass.
    /// </summary>
    /// <param name="engine">An engine of this stage.</param>
    /// <param name="deadline">How long it may take, by <see cref="Clock"/>: 0 to 24 hours. Null = 25 s.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="TimeoutException">The stop neither ended nor waited for the clock after <see cref="Patience"/>.</exception>
    public async Task<ShutdownReport> StopAsync(SluiceEngine engine, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        await SettleAsync(cancellation).ConfigureAwait(false);
        Task<ShutdownReport> stop = engine.StopAsync(deadline ?? TimeSpan.FromSeconds(25), CancellationToken.None).AsTask();
        while (true)
        {
            await RestAsync(cancellation).ConfigureAwait(false);
            if (engine.HasStopped || stop.IsCompleted)
                break;
            await FireAsync(Clock.UntilNextTimer ?? TimeSpan.Zero, cancellation).ConfigureAwait(false);
        }

        return await stop.WaitAsync(Patience, cancellation).ConfigureAwait(false);
    }

    /// <summary>Drops an engine without a goodbye, as a crash of its process would: what it had not flushed is gone, what it held is taken back when its lease has run out.</summary>
    /// <param name="engine">An engine of this stage.</param>
    /// <param name="cancellation">Stops waiting for what others do then.</param>
    /// <exception cref="TimeoutException">The others are still at work after <see cref="Patience"/>.</exception>
    public async Task CrashAsync(SluiceEngine engine, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        await engine.AbandonAsync().ConfigureAwait(false);
        await SettleAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Drops the engines that the stage has started and that were not stopped.</summary>
    public async ValueTask DisposeAsync()
    {
        SluiceEngine[] engines;
        lock (_gate)
        {
            engines = [.. _engines];
            _engines.Clear();
        }

        foreach (SluiceEngine engine in engines)
            await engine.AbandonAsync().ConfigureAwait(false);
        await Coordinator.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Fires what is due after a span, at once. On a thread of the pool: loops go on within the timers' callbacks, and the test's own thread may have a context that they must not see.
    /// </summary>
    private async Task FireAsync(TimeSpan after, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await Task.Run(() => Clock.Advance(after), CancellationToken.None).ConfigureAwait(false);
        await RestAsync(cancellation).ConfigureAwait(false);
    }

    private async Task RestAsync(CancellationToken cancellation)
    {
        try
        {
            // A keeper that finds a lock lost may give its holders something to do.
            await _work.WhenAtRest.WaitAsync(Patience, cancellation).ConfigureAwait(false);
            await _work.KeepAsync().AsTask().WaitAsync(Patience, cancellation).ConfigureAwait(false);
            await _work.WhenAtRest.WaitAsync(Patience, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"The engines are still at work after {Patience}, at {Clock.GetUtcNow():O} of the stage. Probably a completion handler has not returned: one that waits for the "
                + $"stage's clock needs it to be moved ({nameof(EngineStage)}.{nameof(Clock)}.{nameof(HandDrivenClock.Advance)}) while this call waits.",
                e);
        }
    }
}
