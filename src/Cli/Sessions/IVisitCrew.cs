namespace Sluice.Cli.Sessions;

/// <summary>The workers of a run, from their start to what they leave behind.</summary>
internal interface IVisitCrew : IAsyncDisposable
{
    /// <summary>Starts the workers.</summary>
    /// <param name="complete">Receives every completed session once; called by several threads.</param>
    ValueTask<IReadOnlyList<IVisitWorker>> StartAsync(Action<CompletedVisit> complete);

    /// <summary>All sessions were ended: settles what is open, stops the workers, and says how it went.</summary>
    ValueTask<CrewReport> StopAsync();
}

/// <summary>How a crew did.</summary>
/// <param name="FlushedItems">Items that were sent to the coordinator.</param>
/// <param name="Left">What could not be completed, one sentence each.</param>
internal sealed record CrewReport(long FlushedItems, IReadOnlyList<string> Left)
{
    /// <summary>What became of every line, when the workers are processes.</summary>
    public LineReport? Lines { get; init; }
}

/// <summary>What became of the lines that were handed to worker processes.</summary>
internal sealed record LineReport
{
    /// <summary>Lines that a worker's watermark has passed, those among them that were handed out again.</summary>
    public required long Acknowledged { get; init; }

    /// <summary>Lines that a lost worker held unacknowledged and that had arrived all the same.</summary>
    public required long Arrived { get; init; }

    /// <summary>Lines that a lost worker held unacknowledged, that had not arrived and that another worker was given.</summary>
    public required long HandedOutAgain { get; init; }

    /// <summary>Lines that nobody was left to take.</summary>
    public required long Undelivered { get; init; }

    /// <summary>Lines in completed sessions, each session counted once.</summary>
    public required long Completed { get; init; }

    /// <summary>Sessions that were handed over more than once, under one idempotency key and another token.</summary>
    public required long DeliveredAgain { get; init; }

    /// <summary>Deliveries that contradict another one of the same session.</summary>
    public required long Contradictions { get; init; }

    /// <summary>Keys whose completed lines are not those that were acknowledged or had arrived.</summary>
    public required long DifferingKeys { get; init; }

    /// <summary>Workers that were lost, one sentence each.</summary>
    public required IReadOnlyList<string> Lost { get; init; }

    public long Unacknowledged => Arrived + HandedOutAgain + Undelivered;

    /// <summary>Whether what was acknowledged was completed, per key.</summary>
    public bool IsExact => DifferingKeys == 0 && Contradictions == 0;
}

/// <summary>Engines in this process, each with a task that merges.</summary>
internal sealed class InProcessCrew(IVisitEngines engines, VisitEngineOptions options, int workers) : IVisitCrew
{
    private readonly List<IVisitEngine> _running = [];

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<IVisitWorker>> StartAsync(Action<CompletedVisit> complete)
    {
        for (int worker = 0; worker < workers; worker++)
            _running.Add(await engines.StartAsync(options, complete, CancellationToken.None).ConfigureAwait(false));
        return [.. _running.Select(static engine => new VisitWorker(engine))];
    }

    /// <inheritdoc/>
    public async ValueTask<CrewReport> StopAsync()
    {
        List<string> left = [];
        long flushed = 0;
        foreach (IVisitEngine engine in _running)
        {
            flushed += engine.FlushedItems;
            if (await engine.StopAsync(CancellationToken.None).ConfigureAwait(false) is { } rest)
                left.Add(rest);
        }

        return new CrewReport(flushed, left);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (IVisitEngine engine in _running)
            await engine.DisposeAsync().ConfigureAwait(false);
    }
}
