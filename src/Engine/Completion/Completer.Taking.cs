using Sluice.Coordination;
using Sluice.Waiting;

namespace Sluice.Completing;

/// <content>Claims that came with the reply to another request: whoever let go last has the claim already.</content>
internal sealed partial class Completer
{
    /// <summary>
    /// Works on a claim at once. It takes no unit: who released waits for it, perhaps in a handler that holds a unit itself. Kept, settled and stopped as all others.
    /// </summary>
    /// <param name="partition">Where it was claimed.</param>
    /// <param name="session">What was claimed.</param>
    /// <param name="handler">Runs instead of the registered one; null: that one.</param>
    /// <returns>How it ended. Never faults.</returns>
    public Task<WorkOutcome> TakeAsync(int partition, ClaimedSession session, ICompletionHandler? handler)
    {
        ClaimedWork work = new(partition, session);
        _running.TryAdd(work, 0);
        Task<WorkOutcome> run = WorkCount.Run(_workCount, () => RunTakenAsync(work, handler ?? _handler));
        _taken.TryAdd(run, 0);
        _ = run.ContinueWith(ended => _taken.TryRemove(ended, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return run;
    }

    private async Task<WorkOutcome> RunTakenAsync(ClaimedWork work, ICompletionHandler handler)
    {
        try
        {
            if (_terms.DurabilityWindow > TimeSpan.Zero)
                await WorkCount.DelayAsync(_workCount, _terms.DurabilityWindow, _time, _abandoned.Token).ConfigureAwait(false);
            List<ClaimedWork> ready = await ConfirmAsync([work]).ConfigureAwait(false);
            if (ready.Count != 0 && !work.Lost.IsCancellationRequested)
            {
                _observer.OnAttempt(1);
                await handler.RunAsync(ready).ConfigureAwait(false);
                await SettleAsync(ready).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped beyond the deadline: the claim runs out and somebody else goes on.
        }
        catch (Exception e)
        {
            // A fault of ours: the same.
            _observer.OnError(work.Partition, e);
        }
        finally
        {
            _running.TryRemove(work, out _);
        }

        return work.Outcome;
    }
}
