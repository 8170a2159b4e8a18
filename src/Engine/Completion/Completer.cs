using System.Collections.Concurrent;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Waiting;

namespace Sluice.Completing;

/// <summary>
/// Claims due sessions of one aggregate, runs the handler, acknowledges or gives back; keeps the claims alive meanwhile.
/// </summary>
/// <remarks>
/// <para>A claim is taken only when there is a free unit to work on it, so that another engine can have what this one has no room for. Small chunks
/// grow while the handler is fast: a session that completes in microseconds should not cost two requests.</para>
/// <para>With a durability window a claim waits before it is worked on. Those who wait take up no unit, or completions would be no more than units per window: they are bounded by a
/// number of their own.</para>
/// <para>What can go wrong: the reply of a claim is lost (the lease runs out, somebody claims again, with a higher token); the reply of an
/// acknowledgement is lost (sent again; then a refusal says nothing, because the first copy may have been the one that counted); the process dies
/// (as the first case); it pauses beyond the lease (the keeper finds the claim lost and cancels the token that the handler was given).</para>
/// </remarks>
internal sealed partial class Completer
{
    private const int LargestChunk = 64;
    private const int MostWaiting = 256;
    private const int MostExtended = 500;
    private static readonly TimeSpan FastChunk = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(100);

    private readonly CoordinationNamespace _space;
    private readonly AggregateDefinition _definition;
    private readonly Coordinator _coordinator;
    private readonly CompletionTerms _terms;
    private readonly ICompletionHandler _handler;
    private readonly ICompletionObserver _observer;
    private readonly TimeProvider _time;
    private readonly WorkCount? _workCount;
    private readonly DueSchedule _schedule;
    private readonly SemaphoreSlim _units;      // taken while the handler runs
    private readonly SemaphoreSlim _admissions; // taken from the claim to the acknowledgement; without a durability window there are as many as units
    private readonly int _admitted;
    private readonly ConcurrentDictionary<(int Partition, ClaimTicket Ticket), ClaimedWork> _running = new();
    private readonly Dictionary<(int Partition, ClaimTicket Ticket), Task<WorkOutcome>> _taken = []; // its own gate
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abandoned = new();
    private readonly SeenClock _seen;
    private Task _loop = Task.CompletedTask;
    private Task _keeper = Task.CompletedTask;
    private volatile bool _isPaused;
    private int _chunk;

    public Completer(
        CoordinationNamespace space, AggregateDefinition definition, Coordinator coordinator, CompletionTerms terms, ICompletionHandler handler, ICompletionObserver observer, SeenClock seen,
        TimeProvider time, WorkCount? workCount = null)
    {
        _workCount = workCount;
        _space = space;
        _definition = definition;
        _coordinator = coordinator;
        _terms = terms;
        _handler = handler;
        _observer = observer;
        _time = time;
        _schedule = new DueSchedule(space.Partitions, time, workCount);
        _units = new SemaphoreSlim(terms.Concurrency);
        _admitted = terms.DurabilityWindow > TimeSpan.Zero ? Math.Max(MostWaiting, terms.Concurrency) : terms.Concurrency;
        _admissions = new SemaphoreSlim(_admitted);
        _seen = seen;

        // A chunk shows how fast the handler is only when its window has passed: it begins larger.
        _chunk = terms.DurabilityWindow > TimeSpan.Zero ? LargestChunk / 4 : 1;
    }

    /// <summary>Sessions that the handler is working on, or that are being acknowledged.</summary>
    public int Running => _running.Count;

    public bool IsPaused => _isPaused;

    public void Start()
    {
        _loop = WorkCount.Run(_workCount, ClaimLoopAsync);
        _keeper = WorkCount.Run(_workCount, KeepLoopAsync);
    }

    /// <summary>The partition's next session is due at <paramref name="nextDue"/>, by the server's clock that says <paramref name="now"/>. Any thread.</summary>
    public void OnDue(int partition, long now, long nextDue) => _schedule.Note(partition, nextDue == Durations.Never ? nextDue : nextDue - now);

    /// <summary>Stops claiming; what is running goes on.</summary>
    public void Pause() => _isPaused = true;

    public void Resume()
    {
        _isPaused = false;
        _schedule.Wake();
    }

    /// <summary>Stops claiming and waits for what is running; on cancellation the handlers' tokens are cancelled and what did not finish is left to others.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Resume();
        try
        {
            await _loop.WaitAsync(deadline).ConfigureAwait(false);
            await Task.WhenAll(Taken()).WaitAsync(deadline).ConfigureAwait(false);
            for (int i = 0; i < _admitted; i++)
                await _admissions.WaitAsync(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            foreach (ClaimedWork work in _running.Values)
                _ = LoseAsync(work);
        }

        await _abandoned.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loop, _keeper).ConfigureAwait(false);
    }

    private async Task ClaimLoopAsync()
    {
        CancellationToken cancellation = _stopping.Token;
        List<int> due = [];
        try
        {
            while (true)
            {
                if (IsPaused)
                {
                    await _schedule.WaitForWakeAsync(cancellation).ConfigureAwait(false);
                    continue;
                }

                _schedule.TakeDue(due);
                if (due.Count == 0)
                {
                    await _schedule.WaitAsync(cancellation).ConfigureAwait(false);
                    continue;
                }

                await ClaimAsync(due, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopping: what was claimed runs on.
        }
        finally
        {
            _schedule.Dispose();
        }
    }

    /// <summary>Claims from the due partitions and hands the sessions to units of work.</summary>
    private async ValueTask ClaimAsync(List<int> due, CancellationToken cancellation)
    {
        List<ClaimedWork> unit = [];
        for (int i = 0; i < due.Count; i++)
        {
            if (unit.Count == 0)
            {
                try
                {
                    await _admissions.WaitAsync(cancellation).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    due.RemoveRange(0, i);
                    throw;
                }
            }

            if (IsPaused)
            {
                // Paused while it waited for its turn.
                foreach (int partition in due.Skip(i))
                    _schedule.Note(partition, 0);
                if (unit.Count == 0)
                    _admissions.Release();
                break;
            }

            int size = _terms.BulkSize > 0 ? _terms.BulkSize : Volatile.Read(ref _chunk);
            int before = unit.Count;
            await ClaimAsync(due[i], Math.Max(1, size - unit.Count), unit).ConfigureAwait(false);
            if (unit.Count >= size)
            {
                // The limit was reached: there may be more.
                _schedule.Note(due[i], 0);
                Dispatch(unit);
                unit = [];
            }
            else if (unit.Count == 0 && before == 0)
            {
                _admissions.Release();
            }
        }

        if (unit.Count != 0)
            Dispatch(unit);
    }

    private async ValueTask ClaimAsync(int partition, int limit, List<ClaimedWork> unit)
    {
        try
        {
            ClaimReply reply = await _coordinator.SendAsync(
                _space, partition, new ClaimRequest(limit, Durations.Micros(_terms.ClaimLease)) { Seen = _seen[partition] }, _terms.ClaimLease / 3, _time,
                _abandoned.Token).ConfigureAwait(false);
            _seen.Raise(partition, reply.Clock);
            OnDue(partition, reply.Now, Math.Min(reply.NextDue, reply.NextClaimExpiry));
            foreach (ClaimedSession session in reply.Claims)
            {
                ClaimedWork work = new(partition, session);
                _running.TryAdd(work.Identity, work);
                unit.Add(work);
            }
        }
        catch (Exception e) when (!_abandoned.IsCancellationRequested)
        {
            // Also what a coordinator must not throw: without this loop nothing would be completed any more.
            _observer.OnError(partition, e);
            _schedule.Note(partition, Durations.Micros(ErrorPause));
        }
    }

    private void Dispatch(List<ClaimedWork> unit) => _ = WorkCount.Run(_workCount, () => RunUnitAsync(unit));

    private async Task RunUnitAsync(List<ClaimedWork> unit)
    {
        bool hasUnit = false;
        long began = 0;
        int partition = unit[0].Partition;
        try
        {
            if (_terms.DurabilityWindow > TimeSpan.Zero)
            {
                // What opaque deltas were merged into has to be as old as the claim before it is delivered.
                await FoldAsync(unit).ConfigureAwait(false);
                await WorkCount.DelayAsync(_workCount, _terms.DurabilityWindow, _time, _abandoned.Token).ConfigureAwait(false);
            }

            await _units.WaitAsync(_abandoned.Token).ConfigureAwait(false);
            hasUnit = true;
            began = _time.GetTimestamp();
            if (_terms.DurabilityWindow <= TimeSpan.Zero)
                await FoldAsync(unit).ConfigureAwait(false);
            List<ClaimedWork> ready = await ConfirmAsync(unit).ConfigureAwait(false);
            foreach (ClaimedWork work in ready.Where(work => work.Session.Attempt > _terms.MaxAttempts))
                work.Failure = $"Given up before attempt {work.Session.Attempt}: earlier ones ended without an answer.";
            ClaimedWork[] willRun = [.. ready.Where(static work => work.Failure is null)];
            if (_terms.BulkSize > 0)
            {
                await RunAsync(willRun).ConfigureAwait(false);
            }
            else
            {
                foreach (ClaimedWork work in willRun)
                {
                    // Lost while its predecessors of the unit ran: somebody else has it, or the engine has stopped.
                    if (work.Lost.IsCancellationRequested)
                        ready.Remove(work);
                    else
                        await RunAsync([work]).ConfigureAwait(false);
                }
            }

            await SettleAsync(ready).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Stopped beyond the deadline: the claims run out and somebody else completes them.
        }
        catch (Exception e)
        {
            // A fault of ours: the claims run out, and the sessions are delivered again with the same content.
            _observer.OnError(partition, e);
        }
        finally
        {
            foreach (ClaimedWork work in unit)
                _running.TryRemove(work.Identity, out _);
            int chunk = Volatile.Read(ref _chunk);
            if (hasUnit && unit.Count >= chunk)
                Volatile.Write(ref _chunk, _time.GetElapsedTime(began) < FastChunk ? Math.Min(chunk * 2, LargestChunk) : Math.Max(chunk / 2, 1));
            if (hasUnit)
                _units.Release();
            _admissions.Release();
        }
    }

    private async ValueTask RunAsync(ClaimedWork[] work)
    {
        if (work.Length == 0)
            return;
        _observer.OnAttempt(work.Length);
        await _handler.RunAsync(work).ConfigureAwait(false);
    }

    /// <summary>
    /// What the server may still lose must not be delivered: after the durability window, asks whether the claims are still there.
    /// </summary>
    private async ValueTask<List<ClaimedWork>> ConfirmAsync(List<ClaimedWork> unit)
    {
        if (_terms.DurabilityWindow <= TimeSpan.Zero)
            return [.. unit];
        List<ClaimedWork> confirmed = await AskAsync(unit).ConfigureAwait(false);
        await ConfirmFoldedAsync(confirmed).ConfigureAwait(false);
        return confirmed;
    }

    /// <summary>Extends the leases, and returns the claims that nobody has taken over.</summary>
    private async ValueTask<List<ClaimedWork>> AskAsync(List<ClaimedWork> unit)
    {
        List<ClaimedWork> confirmed = [];
        foreach (IGrouping<int, ClaimedWork> group in unit.GroupBy(static work => work.Partition))
        {
            ClaimedWork[] asked = [.. group];
            ExtendReply reply = await ExtendAsync(group.Key, asked).ConfigureAwait(false);
            for (int i = 0; i < asked.Length; i++)
            {
                if (reply.Held[i])
                    confirmed.Add(asked[i]);
                else
                    Lost(asked[i]);
            }
        }

        return confirmed;
    }

    private async ValueTask SettleAsync(List<ClaimedWork> unit)
    {
        foreach (IGrouping<int, ClaimedWork> group in unit.Where(static work => work.Failure is null).GroupBy(static work => work.Partition))
        {
            ClaimedWork[] done = [.. group];
            (AcknowledgeReply reply, bool isCertain) = await SendAsync(
                group.Key, new AcknowledgeRequest([.. done.Select(static work => work.Ticket)]) { Seen = _seen[group.Key] }).ConfigureAwait(false);
            OnDue(group.Key, reply.Now, reply.NextDue);
            int accepted = 0;
            for (int i = 0; i < done.Length; i++)
            {
                if (!reply.Accepted[i] && isCertain)
                {
                    Lost(done[i]);
                    continue;
                }

                done[i].Outcome = WorkOutcome.Completed;
                accepted++;
            }

            _observer.OnCompleted(accepted);
        }

        foreach (ClaimedWork work in unit)
        {
            if (work.Failure is not { } failure)
                continue;
            AbandonRequest request = new(
                work.Ticket, Durations.Micros(_terms.BackoffOf(work.Session.Attempt)), _terms.MaxAttempts, failure, _terms.Poison, _terms.DeadLetterLimit)
            {
                Seen = _seen[work.Partition],
            };
            (AbandonReply reply, bool isCertain) = await SendAsync(work.Partition, request).ConfigureAwait(false);
            OnDue(work.Partition, reply.Now, reply.NextDue);
            if (reply.Status == AbandonStatus.Stale && isCertain)
            {
                Lost(work);
                continue;
            }

            bool isDeadLetter = reply.Status == AbandonStatus.DeadLettered;
            work.Outcome = isDeadLetter ? WorkOutcome.DeadLettered : WorkOutcome.WillRetry;
            _observer.OnFailed(work, isDeadLetter);
        }
    }

    private void Lost(ClaimedWork work)
    {
        work.Outcome = WorkOutcome.Lost;
        _observer.OnClaimLost(work);
    }

    private async ValueTask<ExtendReply> ExtendAsync(int partition, ClaimedWork[] work)
    {
        ExtendRequest request = new([.. work.Select(static w => w.Ticket)], Durations.Micros(_terms.ClaimLease));
        return (await SendAsync(partition, request).ConfigureAwait(false)).Reply;
    }

    /// <summary>Sends until there is an answer; the second result is false when an earlier copy may have been carried out.</summary>
    private async ValueTask<(TReply Reply, bool IsCertain)> SendAsync<TReply>(int partition, CoordinatorRequest<TReply> request)
    {
        bool isCertain = true;
        while (true)
        {
            try
            {
                TReply reply = await _coordinator.SendAsync(
                    _space, partition, request, _terms.ClaimLease / 3, _time, _abandoned.Token).ConfigureAwait(false);
                return (reply, isCertain);
            }
            catch (CoordinatorException e)
            {
                isCertain &= e.Outcome == RequestOutcome.NotApplied;
                _observer.OnError(partition, e);
            }

            await WorkCount.DelayAsync(_workCount, ErrorPause, _time, _abandoned.Token).ConfigureAwait(false);
        }
    }

    private async Task KeepLoopAsync()
    {
        try
        {
            using Ticker ticker = new(_terms.ClaimLease / 3, _time, _workCount);
            while (await ticker.WaitAsync(_abandoned.Token).ConfigureAwait(false))
            {
                // A script takes only so many at once.
                await Task.WhenAll(_running.Values.GroupBy(static work => work.Partition).SelectMany(group => group.Chunk(MostExtended).Select(part => KeepAsync(group.Key, part)))).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_abandoned.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>Not awaited: a callback of the application that throws or hangs must neither end nor hold up the loop that keeps the other claims.</summary>
    private async Task LoseAsync(ClaimedWork work)
    {
        try
        {
            await work.LoseAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            _observer.OnCallbackThrew(work, e);
        }
    }

    /// <summary>One try, no longer than a round: a partition that does not answer must not cost the claims of the others.</summary>
    private async Task KeepAsync(int partition, ClaimedWork[] running)
    {
        try
        {
            ExtendRequest request = new([.. running.Select(static work => work.Ticket)], Durations.Micros(_terms.ClaimLease)) { Seen = _seen[partition] };
            ExtendReply reply = await _coordinator.SendAsync(
                _space, partition, request, _terms.ClaimLease / 3, _time, _abandoned.Token).ConfigureAwait(false);
            for (int i = 0; i < running.Length; i++)
            {
                // Finished meanwhile: then the claim is gone because it was acknowledged.
                if (!reply.Held[i] && _running.ContainsKey(running[i].Identity))
                    _ = LoseAsync(running[i]);
            }
        }
        catch (Exception e) when (!_abandoned.IsCancellationRequested)
        {
            _observer.OnError(partition, e);
        }
    }
}
