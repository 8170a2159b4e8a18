using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>A coordinator of whose replies every eighth is lost, before or after the request was carried out, and of whose pushes every fourth, which a gap tells later.</summary>
internal sealed class FlakyLocks(InProcessLockCoordinator inner, ulong seed) : LockCoordinator
{
    private readonly Lock _gate = new();
    private SplitMix64 _random = new(seed);
    private int _faults;

    public int Faults => Volatile.Read(ref _faults);

    public override async ValueTask<TReply> SendAsync<TReply>(LockNamespace space, int partition, LockRequest<TReply> request, CancellationToken cancellation)
    {
        int chance = Next(16);
        if (chance == 0)
            throw new CoordinatorException(RequestOutcome.Unknown, "The request was lost.");
        TReply reply = await inner.SendAsync(space, partition, request, cancellation);
        return chance == 1 ? throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost.") : reply;
    }

    public override void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout) => inner.Renew(space, renewals, timeout);

    public override ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink) => inner.Subscribe(space, engine, new Lossy(this, sink));

    private int Next(int below)
    {
        lock (_gate)
        {
            int next = _random.Next(below);
            _faults += next <= 1 ? 1 : 0;
            return next;
        }
    }

    private sealed class Lossy(FlakyLocks owner, ILockWakeSink sink) : ILockWakeSink
    {
        public void OnWake(int partition, in LockWake wake)
        {
            if (owner.Next(8) <= 1)
                ThreadPool.UnsafeQueueUserWorkItem(static state => state.Sink.OnGap(state.Partition), (Sink: sink, Partition: partition), preferLocal: false);
            else
                sink.OnWake(partition, wake);
        }

        public void OnGap(int partition) => sink.OnGap(partition);
    }
}
