using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Sluice.Coordination;
using Sluice.Diagnostics;

namespace Sluice.Locking;

/// <summary>One engine's side of the lock protocol: its sessions, and what keeps them. Any thread.</summary>
internal sealed class LockClient : ILockWakeSink
{
    private readonly PartitionLocks[] _partitions;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Random _random;
    private readonly ILogger _logger;
    private long _retryLogged = long.MinValue / 2;

    public LockClient(
        LockCoordinator coordinator, LockNamespace space, LockTerms terms, LockEngineId engine, TimeProvider time, ILogger logger, LockMetrics? metrics = null)
    {
        (Coordinator, Space, Terms, Engine, _logger, Metrics) = (coordinator, space, terms, engine, logger, metrics);
        Clock = new LeaseClock(time);
        Seen = new SeenClock(space.Partitions);
        Keeper = new LeaseKeeper(this);
        _random = new Random((int)engine.Low);
        _partitions = [.. Enumerable.Range(0, space.Partitions).Select(partition => new PartitionLocks(this, partition))];
        Subscription = coordinator.Subscribe(space, engine, this);
    }

    public LockCoordinator Coordinator { get; }

    public LockNamespace Space { get; }

    public LockTerms Terms { get; }

    public LockEngineId Engine { get; }

    public LeaseClock Clock { get; }

    public SeenClock Seen { get; }

    public LeaseKeeper Keeper { get; }

    public ILockSubscription Subscription { get; }

    public LockMetrics? Metrics { get; }

    /// <summary>Handles that are held now.</summary>
    public long Held => Sessions().Sum(static session => (long)session.HeldCount);

    public CancellationToken Stopping => _stopping.Token;

    public bool IsStopping => _stopping.IsCancellationRequested;

    public IEnumerable<EngineSession> Sessions()
    {
        foreach (PartitionLocks partition in _partitions)
        {
            if (partition.Current is { } session)
                yield return session;
        }
    }

    /// <summary>Takes a mutex that nobody else wants, without a request. Null: acquire.</summary>
    public HeldLock? TryTake(int partition, ResourceKey resource, LockPolicy policy)
    {
        HeldLock? taken = _partitions[partition].Current?.TryTake(resource, policy);
        if (taken is not null)
            Metrics?.Taken();
        return taken;
    }

    /// <summary>Acquires.</summary>
    /// <returns>The handle, or null when somebody else had it until the deadline.</returns>
    /// <exception cref="CoordinatorException">The coordinator did not answer until the deadline, or refuses for good.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<HeldLock?> AcquireAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation) =>
        (await TryAsync(wish, deadline, cancellation).ConfigureAwait(false)).Held;

    /// <summary>Waits for a moment and keeps nothing: for those who meet, and for who waits for signals.</summary>
    /// <returns>Whether it came before the deadline.</returns>
    /// <exception cref="CoordinatorException">The coordinator did not answer, or the session was lost meanwhile, so nobody knows.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public async ValueTask<bool> MeetAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        (WaitEnd end, HeldLock? held) = await TryAsync(wish, deadline, cancellation).ConfigureAwait(false);

        // What was granted is the news itself; nobody needs to hold it.
        if (held is not null)
            await GiveBackAsync([held]).ConfigureAwait(false);
        return end is WaitEnd.Granted or WaitEnd.Met;
    }

    /// <summary>Releases what is not wanted: waits for the answers, but not long for a server that gives none. The releases go on meanwhile.</summary>
    public async Task GiveBackAsync(IReadOnlyCollection<HeldLock> held)
    {
        using CancellationTokenSource enough = new(Terms.Grace, Clock.Time);
        await Task.WhenAll(held.Select(each => each.ReleaseAsync(enough.Token).AsTask())).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(WaitEnd End, HeldLock? Held)> TryAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        long began = Clock.Now;
        try
        {
            (WaitEnd End, HeldLock? Held) ended = await AskAsync(wish, deadline, cancellation).ConfigureAwait(false);
            Metrics?.Ended(ended.End is WaitEnd.Granted or WaitEnd.Met, TimeSpan.FromMicroseconds(Clock.Now - began));
            return ended;
        }
        catch (Exception fault)
        {
            Metrics?.Threw(isCancelled: fault is OperationCanceledException);
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(WaitEnd End, HeldLock? Held)> AskAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        for (int attempt = 1; ; attempt++)
        {
            ObjectDisposedException.ThrowIf(IsStopping, typeof(SluiceEngine));
            EngineSession session;
            try
            {
                session = await _partitions[wish.Partition].EnterAsync(deadline, cancellation).ConfigureAwait(false);
            }
            catch (CoordinatorException fault) when (!fault.IsPermanent && !deadline.IsOver)
            {
                Retrying(wish.Partition, fault);
                await Task.Delay(Backoff(attempt, deadline), Clock.Time, cancellation).ConfigureAwait(false);
                continue;
            }

            try
            {
                (WaitEnd end, HeldLock? held) = await session.AcquireAsync(wish, deadline, cancellation).ConfigureAwait(false);
                ObjectDisposedException.ThrowIf(end == WaitEnd.Stopped, typeof(SluiceEngine));
                if (end is WaitEnd.Granted or WaitEnd.Met or WaitEnd.GivenUp or WaitEnd.Busy || (attempt > 1 && deadline.IsOver))
                    return (end, held);
            }
            catch (CoordinatorException fault) when (!fault.IsPermanent && !deadline.IsOver && !session.IsGood() && !(wish.IsMeeting && fault.Outcome == RequestOutcome.Unknown))
            {
                // The session is over with the coordinator's silence; another one begins anew, at the end of the queue. Who may have met does not.
                Retrying(wish.Partition, fault);
            }
            finally
            {
                session.Leave();
            }
        }
    }

    /// <summary>Counts once. A session that is lost with the answer leaves it open whether it counted: that is reported, and not tried again.</summary>
    /// <exception cref="CoordinatorException">Its outcome says whether it may have counted.</exception>
    public async ValueTask SignalAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(IsStopping, typeof(SluiceEngine));
        EngineSession session = await _partitions[wish.Partition].EnterAsync(deadline, cancellation).ConfigureAwait(false);
        try
        {
            await session.SignalAsync(wish, deadline, cancellation).ConfigureAwait(false);
        }
        finally
        {
            session.Leave();
        }
    }

    /// <summary>A request with a time-out.</summary>
    /// <exception cref="CoordinatorException">Not answered.</exception>
    public ValueTask<TReply> SendAsync<TReply>(int partition, LockRequest<TReply> request, CancellationToken cancellation) =>
        SendAsync(partition, request, Terms.RequestTimeout, cancellation);

    /// <summary>A request with a time-out of its own. It is not cancelled itself: what is on its way is on its way, and the caller asks again or gives up.</summary>
    /// <exception cref="CoordinatorException">Not answered.</exception>
    public ValueTask<TReply> SendAsync<TReply>(int partition, LockRequest<TReply> request, TimeSpan patience, CancellationToken cancellation)
    {
        ValueTask<TReply> sent = Coordinator.SendAsync(Space, partition, request, CancellationToken.None);
        return sent.IsCompleted ? sent : PatientReply<TReply>.WaitAsync(this, partition, sent, patience, cancellation);
    }

    /// <summary>What a caller is told whose patience has ended.</summary>
    public CoordinatorException NotAnswered(int partition, TimeSpan patience) => new(
        RequestOutcome.Unknown,
        $"Partition {partition} of '{Space}' did not answer within {patience} (the time-out of the acquisition, or {nameof(EngineOptions.RequestTimeout)}).");

    public void OnWake(int partition, in LockWake wake)
    {
        // What comes over a wire may say anything.
        if ((uint)partition < (uint)_partitions.Length && _partitions[partition].Current is { } session && session.Id == wake.Session)
            session.OnWake(wake);
    }

    public void OnGap(int partition) => _partitions[partition].Current?.OnGap();

    public void OnDeaf(Exception error) => _logger.LockPushesNotHeard(error);

    /// <summary>A request failed and will be sent again: said once a second, however many wait.</summary>
    public void Retrying(int partition, Exception fault)
    {
        long now = Clock.Now, last = Volatile.Read(ref _retryLogged);
        if (now - last >= 1_000_000 && Interlocked.CompareExchange(ref _retryLogged, now, last) == last)
            _logger.LockRetrying(partition, fault);
    }

    /// <summary>A session is over for this engine; the server is told, in case that it does not know.</summary>
    public void OnEnded(EngineSession session)
    {
        _partitions[session.Partition].Drop(session);
        if (IsStopping)
            return;
        _logger.LockSessionEnded(session.Partition);
        _ = CloseAsync(session);
    }

    /// <summary>A session that nobody has used for a lease.</summary>
    public void Retire(EngineSession session)
    {
        _partitions[session.Partition].Drop(session);
        _ = CloseAsync(session);
    }

    public void Announce(IReadOnlyList<HeldLock> lost) => LossAnnouncer.Announce(lost, _logger);

    public void Renewed(Renewal renewal)
    {
        Metrics?.Renewed(renewal);
        if (renewal.Error is { } fault)
            _logger.LockRenewalFailed(fault);
    }

    public TimeSpan Backoff(int attempt)
    {
        long micros = 10_000L << Math.Min(attempt, 6);
        return TimeSpan.FromMicroseconds(micros + Jitter(micros));
    }

    /// <summary>Not beyond the deadline.</summary>
    public TimeSpan Backoff(int attempt, LockDeadline deadline)
    {
        (TimeSpan pause, TimeSpan remaining) = (Backoff(attempt), deadline.Remaining);
        return remaining != Timeout.InfiniteTimeSpan && remaining < pause ? remaining : pause;
    }

    public long Jitter(long micros)
    {
        lock (_random)
            return _random.NextInt64(micros + 1);
    }

    /// <summary>Says goodbye: everything is lost for this engine, and free for others when the coordinator has heard it.</summary>
    public async ValueTask StopAsync(CancellationToken cancellation)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        EngineSession[] sessions = [.. Sessions()];
        foreach (EngineSession session in sessions)
            session.Stop();
        await Task.Run(Keeper.Stop, CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(sessions.Select(CloseAsync)).WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Subscription.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends without a goodbye, as a crash would.</summary>
    public async ValueTask AbandonAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.Run(Keeper.Stop, CancellationToken.None).ConfigureAwait(false);
        foreach (EngineSession session in Sessions().ToArray())
            session.Stop();
        await Subscription.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CloseAsync(EngineSession session)
    {
        try
        {
            CloseSessionReply reply;
            do
            {
                reply = await SendAsync(session.Partition, new CloseSessionRequest(session.Id, 256), CancellationToken.None).ConfigureAwait(false);
            }
            while (reply.Remaining > 0);
        }
        catch (CoordinatorException)
        {
            // Its lease ends it.
        }
    }
}
