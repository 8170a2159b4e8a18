namespace Sluice.Cli.Sessions;

/// <summary>
/// One worker's engine, as the tool needs it: the engines of a run share a coordinator. The seam exists so that a run can be tested with engines
/// that lose something.
/// </summary>
internal interface IVisitEngine : IAsyncDisposable
{
    /// <summary>The earliest session-clock time at which one of this engine's sessions can end, in UTC ticks, or <see cref="long.MaxValue"/>.</summary>
    long NextSessionDeadlineTicks { get; }

    /// <summary>Items that were sent to the coordinator so far: what reaches shared state instead of every event.</summary>
    long FlushedItems { get; }

    /// <summary>Moves the session clock; without effect when the engine follows real time. Called by the worker, or while it waits.</summary>
    void AdvanceTo(long ticks);

    /// <summary>Merges one page view; false when there is no room now and <see cref="MergeAsync"/> has to wait.</summary>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    bool TryMerge(ReadOnlySpan<byte> key, in PageView view);

    /// <summary>Merges one page view, when there is room.</summary>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    ValueTask MergeAsync(string key, PageView view, CancellationToken cancellation);

    /// <summary>Returns when the coordinator has everything that was merged before.</summary>
    ValueTask FlushAsync(CancellationToken cancellation);

    /// <summary>Ends the sessions whose deadline the session clock has reached, and returns when the coordinator knows.</summary>
    ValueTask SweepAsync(CancellationToken cancellation);

    /// <summary>Ends all sessions, and returns when the coordinator knows.</summary>
    ValueTask EndAllAsync(CancellationToken cancellation);

    /// <summary>Returns when every ended session, of all engines of the coordinator, has been completed.</summary>
    ValueTask QuiesceAsync(CancellationToken cancellation);

    /// <summary>Stops the engine. Returns what could not be completed, or null when nothing is left.</summary>
    ValueTask<string?> StopAsync(CancellationToken cancellation);
}

/// <summary>Starts the engines of a run.</summary>
internal interface IVisitEngines : IAsyncDisposable
{
    /// <summary>Starts one more engine on the shared coordinator.</summary>
    /// <param name="options">Session limits and capacity.</param>
    /// <param name="complete">Receives every completed session; called by several threads.</param>
    /// <param name="cancellation">Gives up starting.</param>
    ValueTask<IVisitEngine> StartAsync(VisitEngineOptions options, Action<CompletedVisit> complete, CancellationToken cancellation);
}

/// <summary>How the engines of a run are configured.</summary>
/// <param name="Soft">A session without updates for so long ends; null = never.</param>
/// <param name="Hard">A session ends so long after its first update; null = never.</param>
/// <param name="Capacity">Sessions held in one worker's memory.</param>
/// <param name="LogClock">Whether the times in the log decide, or real time.</param>
internal sealed record VisitEngineOptions(TimeSpan? Soft, TimeSpan? Hard, int Capacity, bool LogClock);
