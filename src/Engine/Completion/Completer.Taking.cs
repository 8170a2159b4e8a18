using Sluice.Coordination;
using Sluice.Waiting;

namespace Sluice.Completing;

/// <summary>A claim that came with the reply to another request.</summary>
/// <param name="Partition">Where it was claimed.</param>
/// <param name="Session">What was claimed.</param>
/// <param name="Age">How long ago its lease began, at most.</param>
internal readonly record struct ClaimInHand(int Partition, ClaimedSession Session, TimeSpan Age);

/// <content>Claims that came with the reply to another request: whoever let go last has the claim already.</content>
internal sealed partial class Completer
{
    /// <summary>Works on a claim at once; kept, settled and stopped as all others.</summary>
    /// <remarks>
    /// <para>A claim whose release somebody waits for takes no unit: who waits may do so in a handler that holds a unit itself. All others keep to the units.</para>
    /// <para>A claim may come twice, with a copy of the batch that made it: the second is the first. And it may come so late that its lease has run out: then it is asked for
    /// before it is worked on, since somebody else may have it.</para>
    /// </remarks>
    /// <param name="claim">The claim.</param>
    /// <param name="handler">Runs instead of the registered one; null: that one.</param>
    /// <param name="isAwaited">Whether somebody waits for it.</param>
    /// <returns>How it ended. Never faults.</returns>
    public Task<WorkOutcome> TakeAsync(ClaimInHand claim, ICompletionHandler? handler, bool isAwaited)
    {
        ClaimedWork work = new(claim.Partition, claim.Session);
        lock (_taken)
        {
            if (_taken.TryGetValue(work.Identity, out Task<WorkOutcome>? first))
                return first;
            _running.TryAdd(work.Identity, work);
            Task<WorkOutcome> run = WorkCount.Run(_workCount, () => RunTakenAsync(work, claim.Age, handler ?? _handler, isAwaited));
            _taken.Add(work.Identity, run);
            return run;
        }
    }

    private Task[] Taken()
    {
        lock (_taken)
            return [.. _taken.Values];
    }

    private async Task<WorkOutcome> RunTakenAsync(ClaimedWork work, TimeSpan age, ICompletionHandler handler, bool isAwaited)
    {
        bool hasUnit = false;
        try
        {
            if (_terms.DurabilityWindow > TimeSpan.Zero)
                await WorkCount.DelayAsync(_workCount, _terms.DurabilityWindow, _time, _abandoned.Token).ConfigureAwait(false);
            if (!isAwaited)
            {
                await _units.WaitAsync(_abandoned.Token).ConfigureAwait(false);
                hasUnit = true;
            }

            List<ClaimedWork> ready = _terms.DurabilityWindow <= TimeSpan.Zero && age > _terms.ClaimLease / 3
                ? await AskAsync([work]).ConfigureAwait(false)
                : await ConfirmAsync([work]).ConfigureAwait(false);
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
            _running.TryRemove(work.Identity, out _);
            lock (_taken)
                _taken.Remove(work.Identity);
            if (hasUnit)
                _units.Release();
        }

        return work.Outcome;
    }
}
