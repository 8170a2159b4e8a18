using System.Collections.Immutable;

namespace Sluice;

public sealed partial class SluiceEngine
{
    /// <summary>
    /// How the engine is now: for readiness and liveness checks. Asks every server for a sign of life, which takes a round trip, and for one that is away at most its command time-out.
    /// </summary>
    /// <param name="cancellation">Gives up asking.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <remarks>Thread-safe. After the engine was stopped it says so, and asks nobody.</remarks>
    public async ValueTask<EngineHealth> CheckHealthAsync(CancellationToken cancellation = default)
    {
        bool isRunning = !IsStopping;
        ImmutableArray<UnreachableServer> unreachable = isRunning ? await Coordinator.ProbeAsync(cancellation).ConfigureAwait(false) : [];
        return new EngineHealth(
            isRunning,
            unreachable,
            Epochs.OldestPendingAge,
            _runtimes.Sum(static runtime => runtime.Lanes.Count(static lane => lane.HasFaulted)),
            _sources.Count(static source => source.IsFenced));
    }
}
