namespace Sluice.Cli.Sessions;

/// <summary>
/// One of those who merge lines, as the dealer sees it: a task in this process or a process of its own. All members belong to the dealer's thread.
/// </summary>
internal interface IVisitWorker
{
    /// <summary>The batch that the dealer adds lines to.</summary>
    ViewBatch Filling { get; }

    /// <summary>Lines that the engine refused because a sum would not fit 64 bits.</summary>
    long Refused { get; }

    /// <summary>The earliest session-clock time at which one of the worker's sessions can end, while it is idle.</summary>
    long NextSessionDeadlineTicks { get; }

    /// <summary>Sends what was filled, if anything. Waits while the worker is behind.</summary>
    ValueTask SendAsync(CancellationToken cancellation);

    /// <summary>Returns when everything that was sent has been merged; the worker is idle then until the next batch is sent.</summary>
    ValueTask DrainAsync(CancellationToken cancellation);

    /// <summary>No more lines will be dealt; returns when everything that was sent has been merged.</summary>
    ValueTask FinishAsync();

    /// <summary>Returns when the worker touches its engine no more, after what it was sent or after its failure.</summary>
    ValueTask EndAsync();

    /// <summary>Moves the worker's session clock while it is idle.</summary>
    void AdvanceTo(long ticks);

    /// <summary>Returns when the coordinator has everything that was merged.</summary>
    ValueTask FlushAsync(CancellationToken cancellation);

    /// <summary>Ends the sessions whose deadline the session clock has reached, and returns when the coordinator knows.</summary>
    ValueTask SweepAsync(CancellationToken cancellation);

    /// <summary>Ends all sessions, and returns when the coordinator knows.</summary>
    ValueTask EndAllAsync(CancellationToken cancellation);

    /// <summary>Returns when every ended session, of all workers of the coordinator, has been completed.</summary>
    ValueTask QuiesceAsync(CancellationToken cancellation);
}
