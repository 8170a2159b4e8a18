using System.Diagnostics;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice;

/// <summary>
/// The coordinator that needs no server: engines of one process share it by sharing the object. It is also the specification of the protocol:
/// a lock around pure transitions.
/// </summary>
/// <remarks>Thread-safe. What it holds is gone when the process ends.</remarks>
/// <param name="time">The server's clock: the only one that decides leases, linger and hard deadlines. The system's when null.</param>
public sealed class InProcessCoordinator(TimeProvider? time = null) : Coordinator
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Cell[]> _spaces = [];

    private readonly InProcessLockCoordinator _locks = new(time ?? TimeProvider.System);

    internal override bool IsEphemeral => true;

    internal override LockCoordinator Locks => _locks;

    internal override ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested
            ? ValueTask.FromCanceled<TReply>(cancellation)
            : new ValueTask<TReply>(Send(space, partition, request));

    /// <summary>Carries out one transition now.</summary>
    internal TReply Send<TReply>(CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request)
    {
        Cell cell = CellOf(space, partition);
        lock (cell)
        {
            long now = (_time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
            (cell.State, object reply) = Transitions.Apply(cell.State, now, space.Merger, request);
            return (TReply)reply;
        }
    }

    /// <summary>The state of a partition, to be looked at or to be kept for <see cref="Restore"/>.</summary>
    internal PartitionState Snapshot(CoordinationNamespace space, int partition)
    {
        Cell cell = CellOf(space, partition);
        lock (cell)
            return cell.State;
    }

    /// <summary>Takes a partition back to an earlier state: what a server does that lost a suffix of its writes.</summary>
    internal void Restore(CoordinationNamespace space, int partition, PartitionState state)
    {
        Cell cell = CellOf(space, partition);
        lock (cell)
            cell.State = state;
    }

    private Cell CellOf(CoordinationNamespace space, int partition)
    {
        lock (_gate)
        {
            if (!_spaces.TryGetValue(space.Name, out Cell[]? cells))
            {
                cells = [.. Enumerable.Range(0, space.Partitions).Select(static _ => new Cell())];
                _spaces.Add(space.Name, cells);
            }

            // A stranger with another number of partitions finds the layout of a partition that exists, and is told so by the flush itself.
            return cells[partition % cells.Length];
        }
    }

    [DebuggerDisplay("{State}")]
    private sealed class Cell
    {
        public PartitionState State { get; set; } = PartitionState.Empty;
    }
}
