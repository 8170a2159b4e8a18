using System.Collections.Concurrent;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>A coordinator whose connection can be cut: requests and renewals fail, or are carried out and their replies are lost; pushes are lost too.</summary>
internal sealed class CuttableLocks(InProcessLockCoordinator inner) : LockCoordinator
{
    private int _lostReplies;

    public bool IsCut { get; set; }

    public bool LosesPushes { get; set; }

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
        TReply reply = await inner.SendAsync(space, partition, request, cancellation);
        return Interlocked.Decrement(ref _lostReplies) >= 0 ? throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost.") : reply;
    }

    public override void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout)
    {
        RenewedByPool.Enqueue(Thread.CurrentThread.IsThreadPoolThread);
        if (!IsCut)
        {
            inner.Renew(space, renewals, timeout);
            return;
        }

        foreach (Renewal renewal in renewals)
            renewal.Error = new CoordinatorException(RequestOutcome.NotApplied, "Cut.");
    }

    public override ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink) => inner.Subscribe(space, engine, new Lossy(this, sink));

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
