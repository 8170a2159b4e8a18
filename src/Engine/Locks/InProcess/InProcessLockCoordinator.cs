using System.Collections.Concurrent;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>The locks of the in-process coordinator: a lock per partition around the pure transitions, and a push that is a call.</summary>
/// <param name="time">The server's clock.</param>
internal sealed class InProcessLockCoordinator(TimeProvider time) : LockCoordinator
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LockCell[]> _spaces = [];

    public override bool AnswersAtOnce => true;

    public override ValueTask<TReply> SendAsync<TReply>(
        LockNamespace space, int partition, LockRequest<TReply> request, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested
            ? ValueTask.FromCanceled<TReply>(cancellation)
            : new ValueTask<TReply>(CellOf(space, partition).Apply(request));

    public override void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout)
    {
        foreach (Renewal renewal in renewals)
            renewal.Answer(CellOf(space, renewal.Partition).Apply(renewal.Request));
    }

    public override ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink) => new Subscription(this, space, engine, sink);

    public override IUncontendedLocks? Uncontended(LockNamespace space, int partition, IncarnationId session) => CellOf(space, partition).Uncontended(session);

    /// <summary>The state of a partition, to be looked at or to be kept for <see cref="Restore"/>.</summary>
    internal LockPartitionState Snapshot(LockNamespace space, int partition) => CellOf(space, partition).Snapshot();

    /// <summary>Takes a partition back to an earlier state: what a server does that lost a suffix of its writes.</summary>
    internal void Restore(LockNamespace space, int partition, LockPartitionState state) => CellOf(space, partition).Restore(state);

    private LockCell CellOf(LockNamespace space, int partition)
    {
        lock (_gate)
        {
            if (!_spaces.TryGetValue(space.Name, out LockCell[]? cells))
            {
                cells = new LockCell[space.Partitions];
                for (int i = 0; i < cells.Length; i++)
                    cells[i] = new LockCell(i, time);
                _spaces.Add(space.Name, cells);
            }

            return cells.Length == space.Partitions
                ? cells[partition]
                : throw new CoordinatorException(
                    RequestOutcome.NotApplied,
                    $"'{space}' has {cells.Length} partitions here, and this engine has {space.Partitions} ({nameof(EngineOptions.Partitions)}). Engines that share locks must agree.")
                {
                    IsPermanent = true,
                };
        }
    }

    private sealed class Subscription(InProcessLockCoordinator coordinator, LockNamespace space, LockEngineId engine, ILockWakeSink sink) : ILockSubscription
    {
        private readonly ConcurrentDictionary<int, LockCell> _subscribed = new();

        public ValueTask ReadyAsync(int partition, CancellationToken cancellation)
        {
            LockCell cell = coordinator.CellOf(space, partition);
            if (_subscribed.TryAdd(partition, cell))
                cell.Subscribe(engine, sink);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            foreach (LockCell cell in _subscribed.Values)
                cell.Unsubscribe(engine);
            return ValueTask.CompletedTask;
        }
    }
}
