using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Running;

/// <summary>
/// The order of an engine's end: refuse, let go of everything, complete, leave. Each step may be cut short by the deadline; the later ones still run.
/// </summary>
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

        // Other engines of the process go on looking after what this one let go of; after the last one it would end with the process.
        bool isLast = engine.Coordinator.Detach() && engine.Coordinator.IsEphemeral;
        if (isLast)
        {
            foreach (AggregateRuntime runtime in runtimes.Where(static runtime => runtime.Completer is not null))
                await UntilDeadlineAsync(token => Quiescence.EndAllAsync(runtime, token)).ConfigureAwait(false);
        }

        int unfinished = 0;
        foreach (AggregateRuntime runtime in runtimes)
        {
            if (runtime.Completer is not { } completer)
                continue;
            await completer.StopAsync(deadline).ConfigureAwait(false);
            unfinished += completer.Running;
        }

        (int uncompleted, int deadLetters) = await CountLeftAsync(isLast).ConfigureAwait(false);
        int unsettled = 0;
        foreach (AggregateRuntime runtime in runtimes)
            unsettled += await runtime.EndAsync(deadline).ConfigureAwait(false);
        foreach (AggregateRuntime runtime in runtimes)
            runtime.Room.Pulse();
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

    private async ValueTask<(int Uncompleted, int DeadLetters)> CountLeftAsync(bool isLast)
    {
        int uncompleted = 0;
        int deadLetters = 0;
        foreach (AggregateRuntime runtime in runtimes)
        {
            for (int partition = 0; partition < runtime.Lanes.Length; partition++)
            {
                PokeReply? look = await runtime.TrySendAsync(partition, new PokeRequest(0), CancellationToken.None).ConfigureAwait(false);
                DeadLettersReply? letters = await runtime.TrySendAsync(partition, new DeadLettersRequest(0), CancellationToken.None).ConfigureAwait(false);
                deadLetters += letters?.Total ?? 0;
                if (look is not null && isLast)
                    uncompleted += look.Sealed - look.Parked + look.Open;
            }
        }

        return (uncompleted, deadLetters);
    }
}
