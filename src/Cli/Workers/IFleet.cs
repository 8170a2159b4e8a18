using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>What a worker process needs of those it works with. All members are thread-safe.</summary>
internal interface IFleet
{
    /// <summary>Hands a batch to the worker, or, when it is gone, to another.</summary>
    ValueTask HandOutAsync(WorkerProcess preferred, ViewBatch batch, CancellationToken cancellation);

    /// <summary>Returns when every ended session has been completed.</summary>
    ValueTask QuiesceAsync(CancellationToken cancellation);

    /// <summary>The worker's watermark has passed a line.</summary>
    void Acknowledge(WorkerProcess worker, ViewBatch batch, int index);

    /// <summary>The worker has completed a session.</summary>
    void Complete(WorkerProcess worker, CompletedVisit visit);

    /// <summary>The worker is gone and held these lines.</summary>
    void Lose(WorkerProcess worker, string how, IReadOnlyList<HandedLine> held);
}
