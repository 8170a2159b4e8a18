using System.Collections.Immutable;

namespace Sluice;

public sealed partial class SluiceEngine
{
    private const long Never = long.MinValue;

    private long _failedAt = Never;

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
        if (!unreachable.IsEmpty)
            NoteFailure();

        // The lanes before the time of the last failure: one that has just failed has noted it before it says so.
        string[] failing = [.. _runtimes.SelectMany(static runtime => runtime.Lanes).Select(static lane => lane.Failure).OfType<string>()];
        long failedAt = Volatile.Read(ref _failedAt);
        return new EngineHealth(
            isRunning,
            unreachable,
            Epochs.OldestPendingAge,
            _runtimes.Sum(static runtime => runtime.Lanes.Count(static lane => lane.HasFaulted)),
            _sources.Count(static source => source.IsFenced))
        {
            FailingLanes = failing.Length,
            FlushFailure = failing.FirstOrDefault(),
            LastFailureAge = failedAt == Never ? null : Options.TimeProvider.GetElapsedTime(failedAt),
        };
    }

    /// <summary>The coordinator could not be asked, or refused. Any thread.</summary>
    internal void NoteFailure() => Volatile.Write(ref _failedAt, Options.TimeProvider.GetTimestamp());
}
