using System.Collections.Concurrent;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// Renews the sessions of an engine and notices what is lost, on a thread of its own: the pool may be full of the application's work for longer than a lease, and
/// timers of the pool fire when it has room. Begins when there is something to keep.
/// </summary>
/// <remarks>
/// The thread waits for no server: it sends, and is woken by whatever comes first, an answer, a deadline or a bound. So a server that stands still costs its own
/// sessions and no others, and a bound that passes meanwhile is noticed when it passes.
/// </remarks>
internal sealed class LeaseKeeper(LockClient client)
{
    // The lock of the thread's sleep; a Monitor, because it sleeps on it.
    private readonly object _sleep = new();
    private readonly SortedDictionary<(long Until, int Partition, IncarnationId Session, long Number), HeldLock> _bounds = [];
    private readonly ConcurrentQueue<(EngineSession Session, Renewal Renewal)> _answered = new();
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
    public void Watch(EngineSession session, HeldLock held)
    {
        // Sessions of one engine in two partitions may have one identity.
        lock (_bounds)
            _bounds[(held.BoundUntil, session.Partition, session.Id, held.Number)] = held;
        Pulse();
    }

    /// <summary>The handle has ended otherwise.</summary>
    public void Unwatch(EngineSession session, HeldLock held)
    {
        lock (_bounds)
            _bounds.Remove((held.BoundUntil, session.Partition, session.Id, held.Number));
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
        while (_answered.TryDequeue(out (EngineSession Session, Renewal Renewal) answered))
        {
            client.Renewed(answered.Renewal);
            answered.Session.EndRenewal(answered.Renewal);
        }

        long now = client.Clock.Now;
        long next = LoseBounds(now);
        List<Renewal> renewals = [];
        foreach (EngineSession session in client.Sessions())
        {
            if (!session.IsGood() || session.IsRenewing || now < session.RenewAt)
                continue;
            if (client.Terms.RunsOut && session.TryRetire(now - client.Terms.Lease))
            {
                client.Retire(session);
                continue;
            }

            Renewal renewal = session.BeginRenewal();
            renewal.Answered = answer => OnAnswered(session, answer);
            renewals.Add(renewal);
        }

        if (renewals.Count != 0)
            Send([.. renewals]);
        foreach (EngineSession session in client.Sessions())
        {
            if (session.IsGood())
                next = Math.Min(next, session.IsRenewing ? session.ValidUntil : Math.Min(session.RenewAt, session.ValidUntil));
        }

        return next;
    }

    private void Send(Renewal[] renewals)
    {
        // Another one is sent when this one has not been answered for as long as there is between two of them.
        long patience = Math.Min(Durations.Micros(client.Terms.RequestTimeout), Math.Max(50_000, client.Terms.RenewEvery));
        try
        {
            client.Coordinator.Renew(client.Space, renewals, TimeSpan.FromMicroseconds(patience));
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            // No reply for any that has none; this thread must go on, whatever the adapter threw.
            foreach (Renewal renewal in renewals)
            {
                if (renewal.Reply is null && renewal.Error is null)
                    renewal.Fail(fault);
            }
        }
    }

    /// <summary>Any thread, also this one within the sending.</summary>
    private void OnAnswered(EngineSession session, Renewal renewal)
    {
        _answered.Enqueue((session, renewal));
        Pulse();
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
                ((long Until, int, IncarnationId, long) key, held) = _bounds.First();
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
