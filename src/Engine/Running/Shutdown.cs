using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Running;

/// <summary>
/// The order of an engine's end: refuse, let go of everything, leave, complete. Each step may be cut short by the deadline; the later ones still run.
/// </summary>
/// <remarks>
/// Leaving comes before completing because engines are often stopped together. An engine completes what is due in a partition unless others are members
/// there. If it looked before it left, two that stop at the same time would each see the other and go, and nobody would complete what both held. As it
/// is, of all that leave a partition the last one finds nobody.
/// </remarks>
internal sealed class Shutdown(SluiceEngine engine, ImmutableArray<AggregateRuntime> runtimes, CancellationToken deadline)
{
    public async Task<ShutdownReport> RunAsync(long began)
    {
        foreach (AggregateRuntime runtime in runtimes)
            await UntilDeadlineAsync(runtime.CloseAsync).ConfigureAwait(false);
        foreach (AggregateRuntime runtime in runtimes)
        {
            await UntilDeadlineAsync(runtime.DrainLanesAsync).ConfigureAwait(false);
            engine.RefreshSources();
        }

        // What the server may still lose is not safe yet: success is reported only after the window.
        if (engine.Options.DurabilityWindow > TimeSpan.Zero)
            await UntilDeadlineAsync(token => new ValueTask(Task.Delay(engine.Options.DurabilityWindow, engine.Options.TimeProvider, token))).ConfigureAwait(false);
        int unsettled = 0;
        foreach (AggregateRuntime runtime in runtimes)
            unsettled += await runtime.EndAsync(deadline).ConfigureAwait(false);
        HashSet<(AggregateRuntime, int)> responsibility = engine.Coordinator.IsEphemeral ? await FindResponsibilityAsync().ConfigureAwait(false) : [];
        foreach (AggregateRuntime runtime in runtimes.Where(static runtime => runtime.Completer is not null))
        {
            await UntilDeadlineAsync(token => Quiescence.WaitAsync(
                runtime, Durations.Micros(engine.Options.Linger), partition => responsibility.Contains((runtime, partition)), token)).ConfigureAwait(false);
        }

        int unfinished = 0;
        foreach (AggregateRuntime runtime in runtimes)
        {
            if (runtime.Completer is not { } completer)
                continue;
            await completer.StopAsync(deadline).ConfigureAwait(false);
            unfinished += completer.Running;
        }

        (int uncompleted, int deadLetters) = await CountLeftAsync(responsibility).ConfigureAwait(false);
        return new ShutdownReport(engine.Options.TimeProvider.GetElapsedTime(began), unsettled, unfinished, uncompleted, deadLetters);
    }

    private async ValueTask UntilDeadlineAsync(Func<CancellationToken, ValueTask> step)
    {
        try
        {
            await step(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            // The deadline: the report will say what is left.
        }
    }

    /// <summary>
    /// The partitions where what is due would end with the process if this engine went: where it found no other member after it had left.
    /// </summary>
    private async ValueTask<HashSet<(AggregateRuntime Runtime, int Partition)>> FindResponsibilityAsync()
    {
        HashSet<(AggregateRuntime Runtime, int Partition)> found = [];

        // A producer on a coordinator that it shares has handed its sessions over: whether another engine completes them, it can't know.
        foreach (AggregateRuntime runtime in runtimes.Where(runtime => runtime.Completer is not null || engine.OwnsCoordinator))
        {
            for (int partition = 0; partition < runtime.Lanes.Length; partition++)
            {
                if (await AskAsync(runtime, partition, new PokeRequest(0)).ConfigureAwait(false) is { } look && !HasOthers(runtime, look, partition))
                    found.Add((runtime, partition));
            }
        }

        return found;
    }

    private static bool HasOthers(AggregateRuntime runtime, PokeReply look, int partition) =>
        look.Members > (runtime.Lanes[partition].Identity.Incarnation.IsNone ? 0 : 1);

    private async ValueTask<(int Uncompleted, int DeadLetters)> CountLeftAsync(HashSet<(AggregateRuntime Runtime, int Partition)> responsibility)
    {
        int uncompleted = 0;
        int deadLetters = 0;
        foreach (AggregateRuntime runtime in runtimes)
        {
            for (int partition = 0; partition < runtime.Lanes.Length; partition++)
            {
                PokeReply? look = await AskAsync(runtime, partition, new PokeRequest(0)).ConfigureAwait(false);
                DeadLettersReply? letters = await AskAsync(runtime, partition, new DeadLettersRequest(0)).ConfigureAwait(false);
                deadLetters += letters?.Total ?? 0;
                if (look is not null && responsibility.Contains((runtime, partition)))
                    uncompleted += look.Sealed - look.Parked + look.Open;
            }
        }

        return (uncompleted, deadLetters);
    }

    /// <summary>Null when there is no answer. After the deadline only one that is there at once counts: a coordinator that hangs must not hold the stop up.</summary>
    private async ValueTask<TReply?> AskAsync<TReply>(AggregateRuntime runtime, int partition, CoordinatorRequest<TReply> request)
        where TReply : class
    {
        try
        {
            return await engine.Coordinator.SendAsync(runtime.Space, partition, request, CancellationToken.None).AsTask()
                .WaitAsync(engine.Options.RequestTimeout, engine.Options.TimeProvider, deadline).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CoordinatorException or TimeoutException or OperationCanceledException)
        {
            // Not known, so not counted; what could not be handed over is counted by the lanes.
            return null;
        }
    }
}
