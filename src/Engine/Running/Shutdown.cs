using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Waiting;

namespace Sluice.Running;

/// <summary>
/// The order of an engine's end: refuse, let go of everything, leave, complete. Each step may be cut short by the deadline; the later ones still run.
/// </summary>
/// <remarks>
/// Engines are often stopped together. Each lets go of everything before it detaches from the coordinator, so of all that stop, the last to detach
/// finds everything that any of them let go of. With a coordinator that ends with the process it completes all of it; the others need not wait.
/// </remarks>
internal sealed class Shutdown(SluiceEngine engine, ImmutableArray<AggregateRuntime> runtimes, CancellationToken deadline)
{
    public async Task<ShutdownReport> RunAsync(long began)
    {
        foreach (AggregateRuntime runtime in runtimes)
            await UntilDeadlineAsync(runtime.CloseAsync).ConfigureAwait(false);

        // No merge is of the epoch that ends here: without an end, no watermark would reach the last events, and a broker would deliver them again.
        engine.Epochs.TryAdvance();
        foreach (AggregateRuntime runtime in runtimes)
        {
            await UntilDeadlineAsync(runtime.DrainLanesAsync).ConfigureAwait(false);
            engine.RefreshSources();
        }

        // What the server may still lose is not safe yet: success is reported only after the window.
        if (engine.Options.DurabilityWindow > TimeSpan.Zero)
            await UntilDeadlineAsync(token => new ValueTask(WorkCount.DelayAsync(engine.Options.Work, engine.Options.DurabilityWindow, engine.Options.TimeProvider, token))).ConfigureAwait(false);
        int unsettled = 0;
        foreach (AggregateRuntime runtime in runtimes)
            unsettled += await runtime.EndAsync(deadline).ConfigureAwait(false);
        Dictionary<AggregateRuntime, Remaining> remaining = runtimes.ToDictionary(
            static runtime => runtime, runtime => engine.Coordinator.Detach(runtime.Space, runtime.Completer is not null));
        if (engine.Coordinator.IsEphemeral)
        {
            foreach (AggregateRuntime runtime in runtimes.Where(static runtime => runtime.Completer is not null))
                await UntilDeadlineAsync(token => CompleteAsync(runtime, remaining[runtime], token)).ConfigureAwait(false);
        }

        int unfinished = 0;
        foreach (AggregateRuntime runtime in runtimes)
        {
            if (runtime.Completer is not { } completer)
                continue;
            await completer.StopAsync(deadline).ConfigureAwait(false);
            unfinished += completer.Running;
        }

        (int uncompleted, int deadLetters) = await CountLeftAsync(remaining).ConfigureAwait(false);
        return new ShutdownReport(engine.Options.TimeProvider.GetElapsedTime(began), unsettled, unfinished, uncompleted, deadLetters);
    }

    /// <summary>What would end with the process, or wait for a handler that no engine has.</summary>
    private static ValueTask CompleteAsync(AggregateRuntime runtime, Remaining remaining, CancellationToken cancellation) => remaining switch
    {
        Remaining.Nobody => Quiescence.EndAllAsync(runtime, cancellation),
        Remaining.Producers => Quiescence.WaitAsync(runtime, cancellation),
        _ => ValueTask.CompletedTask,
    };

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
        catch (Exception e)
        {
            // A step that fails must not keep the later ones from running: lanes that never end would keep the engine's references alive.
            engine.Logger.LoopError(e, "shutdown", "stop");
        }
    }

    private async ValueTask<(int Uncompleted, int DeadLetters)> CountLeftAsync(Dictionary<AggregateRuntime, Remaining> remaining)
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
                if (look is not null && engine.Coordinator.IsEphemeral && remaining[runtime] != Remaining.Handlers)
                    uncompleted += look.Sealed - look.Parked + (remaining[runtime] == Remaining.Nobody ? look.Open : 0);
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
            Task<TReply> sent = engine.Coordinator.SendAsync(runtime.Space, partition, request, CancellationToken.None).AsTask();
            bool isAnswered = await sent.IsAnsweredAsync(engine.Options.RequestTimeout, engine.Options.TimeProvider, deadline).ConfigureAwait(false);
            return isAnswered ? await sent.ConfigureAwait(false) : null;
        }
        catch (Exception)
        {
            // Not known, so not counted; what could not be handed over is counted by the lanes.
            return null;
        }
    }
}
