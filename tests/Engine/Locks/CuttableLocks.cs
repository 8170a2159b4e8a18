using System.Collections.Concurrent;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>A coordinator whose connection can be cut: requests and renewals fail, or are carried out and their replies are lost; pushes are lost too.</summary>
internal sealed class CuttableLocks(InProcessLockCoordinator inner) : LockCoordinator
{
    private readonly ConcurrentQueue<ILockWakeSink> _sinks = new();
    private int _lostReplies;

    public bool IsCut { get; set; }

    public bool LosesPushes { get; set; }

    /// <summary>Requests get no answer, and are not carried out.</summary>
    public bool Stalls { get; set; }

    /// <summary>A planted bug: nobody is told that pushes may have been lost.</summary>
    public bool LosesGaps { get; set; }

    /// <summary>Runs when a request has been carried out, before its reply is given.</summary>
    public Action<object>? BeforeReply { get; set; }

    /// <summary>Runs when renewals have been carried out, before their replies are given.</summary>
    public Action? BeforeRenewed { get; set; }

    /// <summary>Every thread that renewed: whether it was one of the pool's.</summary>
    public ConcurrentQueue<bool> RenewedByPool { get; } = new();

    public ConcurrentQueue<object> Requests { get; } = new();

    public int Renewals => RenewedByPool.Count;

    /// <summary>The next so many requests are carried out, and their replies are lost.</summary>
    public void LoseReplies(int count) => Volatile.Write(ref _lostReplies, count);

    public override async ValueTask<TReply> SendAsync<TReply>(LockNamespace space, int partition, LockRequest<TReply> request, CancellationToken cancellation)
    {
        if (IsCut)
            throw new CoordinatorException(RequestOutcome.NotApplied, "Cut.");
        Requests.Enqueue(request);
        if (Stalls)
            await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
        TReply reply = await inner.SendAsync(space, partition, request, cancellation);
        BeforeReply?.Invoke(request);
        return Interlocked.Decrement(ref _lostReplies) >= 0 ? throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost.") : reply;
    }

    public override void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout)
    {
        RenewedByPool.Enqueue(Thread.CurrentThread.IsThreadPoolThread);
        if (!IsCut)
        {
            Action<Renewal>[] answered = [.. renewals.ToArray().Select(static renewal => renewal.Answered!)];
            foreach (Renewal renewal in renewals)
                renewal.Answered = null;
            inner.Renew(space, renewals, timeout);
            BeforeRenewed?.Invoke();
            for (int i = 0; i < answered.Length; i++)
                answered[i](renewals[i]);
            return;
        }

        foreach (Renewal renewal in renewals)
            renewal.Fail(new CoordinatorException(RequestOutcome.NotApplied, "Cut."));
    }

    public override ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink)
    {
        _sinks.Enqueue(sink);
        return inner.Subscribe(space, engine, new Lossy(this, sink));
    }

    /// <summary>The subscription was made anew: what was sent before is lost.</summary>
    public void TellGap()
    {
        foreach (ILockWakeSink sink in _sinks)
        {
            if (!LosesGaps)
                sink.OnGap(0);
        }
    }

    private sealed class Lossy(CuttableLocks owner, ILockWakeSink sink) : ILockWakeSink
    {
        public void OnWake(int partition, in LockWake wake)
        {
            if (owner is { IsCut: false, LosesPushes: false })
                sink.OnWake(partition, wake);
        }

        public void OnGap(int partition) => sink.OnGap(partition);
    }
}
