using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// Renews the sessions of an engine and notices what is lost, on a thread of its own: the pool may be full of the application's work for longer than a lease, and
/// timers of the pool fire when it has room. Begins when there is something to keep.
/// </summary>
internal sealed class LeaseKeeper(LockClient client)
{
    // The lock of the thread's sleep; a Monitor, because it sleeps on it.
    private readonly object _sleep = new();
    private readonly SortedDictionary<(long Until, IncarnationId Session, long Number), HeldLock> _bounds = [];
    private readonly List<TaskCompletionSource> _idle = [];
    private Thread? _thread;
    private ITimer? _alarm;
    private bool _isPulsed;
    private bool _isStopping;

    /// <summary>Something is to be looked at sooner than was thought.</summary>
    public void Pulse()
    {
        lock (_sleep)
        {
            if (_isStopping)
                return;
            _isPulsed = true;
            Monitor.Pulse(_sleep);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "Sluice: lease keeper" };
                _thread.UnsafeStart();
            }
        }
    }

    /// <summary>The handle is lost when its bound has passed.</summary>
    public void Watch(IncarnationId session, HeldLock held)
    {
        lock (_bounds)
            _bounds[(held.BoundUntil, session, held.Number)] = held;
        Pulse();
    }

    /// <summary>The handle has ended otherwise.</summary>
    public void Unwatch(IncarnationId session, HeldLock held)
    {
        lock (_bounds)
            _bounds.Remove((held.BoundUntil, session, held.Number));
    }

    /// <summary>Returns when the thread has ended.</summary>
    public void Stop()
    {
        Thread? thread;
        lock (_sleep)
        {
            _isStopping = true;
            Monitor.Pulse(_sleep);
            thread = _thread;
        }

        thread?.Join();
        _alarm?.Dispose();
    }

    /// <summary>Returns when everything that is due now has been done: for tests that move the time.</summary>
    public async ValueTask IdleAsync()
    {
        TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_sleep)
        {
            if (_thread is null || _isStopping)
                return;
            _idle.Add(idle);
        }

        Pulse();
        await idle.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        while (true)
        {
            long next = Step();
            lock (_sleep)
            {
                if (!_isPulsed && !_isStopping && next > client.Clock.Now)
                {
                    foreach (TaskCompletionSource idle in _idle)
                        idle.SetResult();
                    _idle.Clear();
                    Sleep(next);
                }

                if (_isStopping)
                {
                    foreach (TaskCompletionSource idle in _idle)
                        idle.SetResult();
                    return;
                }

                _isPulsed = false;
            }
        }
    }

    /// <summary>Does what is due.</summary>
    /// <returns>When something will be due.</returns>
    private long Step()
    {
        long now = client.Clock.Now;
        long next = LoseBounds(now);
        List<EngineSession> sessions = [];
        List<Renewal> renewals = [];
        long firstEnd = Durations.Never;
        foreach (EngineSession session in client.Sessions())
        {
            if (!session.IsGood())
                continue;
            if (now < session.RenewAt)
                continue;
            if (client.Terms.RunsOut && session.TryRetire(now - client.Terms.Lease))
            {
                client.Retire(session);
                continue;
            }

            firstEnd = Math.Min(firstEnd, session.ValidUntil);
            sessions.Add(session);
            renewals.Add(session.BeginRenewal());
        }

        if (renewals.Count != 0)
            Renew(sessions, [.. renewals], firstEnd);
        foreach (EngineSession session in client.Sessions())
        {
            if (session.IsGood())
                next = Math.Min(next, Math.Min(session.RenewAt, session.ValidUntil));
        }

        return next;
    }

    private void Renew(List<EngineSession> sessions, Renewal[] renewals, long firstEnd)
    {
        // Not beyond the moment at which the first of them is lost: that must be noticed in time.
        long patience = Math.Min(Durations.Micros(client.Terms.RequestTimeout), Math.Max(2_000, firstEnd - client.Clock.Now));
        try
        {
            client.Coordinator.Renew(client.Space, renewals, TimeSpan.FromMicroseconds(patience));
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            // No reply for any that has none; this thread must go on, whatever the adapter threw.
            client.RenewalFailed(fault);
        }

        for (int i = 0; i < renewals.Length; i++)
        {
            if (renewals[i].Error is { } error)
                client.RenewalFailed(error);
            sessions[i].EndRenewal(renewals[i]);
        }
    }

    private long LoseBounds(long now)
    {
        while (true)
        {
            HeldLock held;
            lock (_bounds)
            {
                if (_bounds.Count == 0)
                    return Durations.Never;
                ((long Until, IncarnationId Session, long Number) key, held) = _bounds.First();
                if (key.Until > now)
                    return key.Until;
                _bounds.Remove(key);
            }

            _ = held.State; // looks at the clock, and is lost
        }
    }

    /// <summary>Until then, or until a pulse.</summary>
    private void Sleep(long until)
    {
        if (until == Durations.Never)
        {
            Monitor.Wait(_sleep);
            return;
        }

        if (ReferenceEquals(client.Clock.Time, TimeProvider.System))
        {
            Monitor.Wait(_sleep, (int)Math.Min((Math.Max(0, until - client.Clock.Now) / 1000) + 1, int.MaxValue));
            return;
        }

        // Somebody else's time: it says when it has come. It may have gone on while the alarm was set.
        _alarm ??= client.Clock.Time.CreateTimer(static keeper => ((LeaseKeeper)keeper!).Pulse(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        long now;
        do
        {
            now = client.Clock.Now;
            if (now >= until)
                return;
            _alarm.Change(TimeSpan.FromMicroseconds(until - now), Timeout.InfiniteTimeSpan);
        }
        while (client.Clock.Now != now);
        Monitor.Wait(_sleep);
    }
}
