using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Tests.Simulation;

/// <summary>
/// One life of one engine: real lane machines and flush epochs; the merge cache and the completer reduced to what they mean for the protocol. Everything
/// that the asynchronous engine does by loops and timers happens here when a step says so.
/// </summary>
internal sealed partial class SimulatedEngine
{
    private readonly World _world;
    private readonly FlushEpochs _epochs = new();
    private readonly LaneMachine[] _lanes;
    private readonly FencePolicy _fence;
    private readonly long[] _attempts;
    private readonly SortedDictionary<int, LocalSession> _sessions = [];
    private readonly List<(FlushWaiter Waiter, ImmutableArray<(int Resource, int Index)> Events)> _barriers = [];
    private readonly HashSet<(int Resource, int Index)> _inLanes = [];
    private bool _discards;

    public SimulatedEngine(World world, int slot)
    {
        _world = world;
        Slot = slot;
        _fence = new FencePolicy { Discards = world.Terms.Discards };
        LaneTerms terms = new(world.Space.Layout, world.Terms.Flush, world.Terms.BatchSize, world.Terms.Window, world.Terms.RetentionBytes, _fence);
        _lanes = [.. Enumerable.Range(0, world.Terms.Partitions).Select(p => new LaneMachine(terms, world.Space.Merger, _epochs, new Observer(this, p)))];
        _attempts = new long[_lanes.Length];
        _answered = new long[_lanes.Length];
        _seen = new SeenClock(_lanes.Length);
    }

    public int Slot { get; }

    public bool IsCrashed { get; private set; }

    public bool IsPaused { get; set; }

    public bool CanAct => !IsCrashed && !IsPaused;

    public bool IsIdle => _lanes.All(static lane => lane.IsIdle) && _work.Count == 0 && _sessions.Count == 0;

    /// <summary>The engine is gone without a goodbye; copies of its requests may still be on their way.</summary>
    public void Crash() => IsCrashed = true;

    public void Merge(int resource)
    {
        int index = _world.Ledger.Take(resource, this);
        if (index < 0)
            return;
        if (!_sessions.TryGetValue(resource, out LocalSession? session))
            _sessions.Add(resource, session = new LocalSession());
        if (session.Dirty.Count == 0)
            session.Epoch = _epochs.Add(_epochs.Current);
        session.Dirty.Add(index);
    }

    /// <summary>The flush interval: every dirty session sends its delta and stays.</summary>
    public void FlushDirty()
    {
        _epochs.TryAdvance();
        foreach ((int resource, LocalSession session) in _sessions)
        {
            if (session.Dirty.Count != 0)
                Enqueue(resource, session, holds: true, force: false);
        }
    }

    /// <summary>The local session ends by its deadline or by eviction.</summary>
    public void End(int resource, bool force)
    {
        if (!_sessions.Remove(resource, out LocalSession? session))
            return;
        if (_world.Rules.DropsBeforeLastFlush && session.Dirty.Count != 0)
        {
            // The planted bug: the resource is let go of, and taken for settled, while the delta waits for the next flush.
            _lanes[_world.PartitionOf(resource)].Enqueue(new PendingItem(_world.Resources[resource]) { Reason = CompletionReason.Idle });
            foreach (int index in session.Dirty)
                _world.Ledger.Acknowledge(resource, index);
            _sessions.Add(resource, session);
            return;
        }

        Enqueue(resource, session, holds: false, force);
    }

    /// <summary>Completes the resource now, whoever holds it; the engine goes on holding it.</summary>
    public void Force(int resource)
    {
        if (_sessions.TryGetValue(resource, out LocalSession? session))
            Enqueue(resource, session, holds: true, force: true);
    }

    public void EndAll()
    {
        foreach (int resource in _sessions.Keys.ToArray())
            End(resource, force: false);
    }

    /// <summary>Somebody waits until the coordinator has everything that the lanes have been given.</summary>
    public void Barrier()
    {
        FlushWaiter waiter = new();
        foreach (LaneMachine lane in _lanes)
            lane.Barrier(waiter);
        waiter.Release();
        _barriers.Add((waiter, [.. _inLanes]));
    }

    /// <summary>What must be true of an engine whenever it is looked at.</summary>
    public void Check()
    {
        foreach ((FlushWaiter waiter, ImmutableArray<(int Resource, int Index)> events) in _barriers)
        {
            if (!waiter.Task.IsCompleted)
                continue;
            foreach ((int resource, int index) in events)
            {
                if (_world.Ledger.At(resource, index) is { IsAcknowledged: false, IsReported: false })
                    throw new InvariantException("barrier", $"a flush was reported complete before event {index} of resource {resource} was acknowledged");
            }
        }

        _barriers.RemoveAll(static barrier => barrier.Waiter.Task.IsCompleted);
    }

    /// <summary>What must be true once everything has been flushed.</summary>
    public void CheckSettled()
    {
        if (_barriers.Count != 0)
            throw new InvariantException("barrier", "somebody waits for a flush for ever");
        _epochs.TryAdvance();
        if (_epochs.OldestPending != _epochs.Current)
            throw new InvariantException("epochs", $"a count of epoch {_epochs.OldestPending} was not returned, or was returned twice");
    }

    /// <summary>Drops what is not in a batch yet, in the cache and in all lanes: the broker has delivered it to others.</summary>
    public void DiscardIfFenced()
    {
        if (!_discards)
            return;
        _discards = false;
        foreach ((int resource, LocalSession session) in _sessions)
        {
            foreach (int index in session.Dirty)
                _world.Ledger.Report(resource, index);
            if (session.Dirty.Count != 0)
                _epochs.Remove(session.Epoch);
            session.Dirty.Clear();
        }
    }

    private void Enqueue(int resource, LocalSession session, bool holds, bool force)
    {
        PendingItem item = new(_world.Resources[resource])
        {
            Delta = EventTally.Encode(session.Dirty),
            Holds = holds && _world.Terms.Inactivity == 0,
            Force = force,
            Reason = force ? CompletionReason.Forced : CompletionReason.Idle,
            Folded = 1,
        };
        if (session.Dirty.Count != 0)
            item.TakeEpoch(session.Epoch, _epochs);
        foreach (int index in session.Dirty)
            _inLanes.Add((resource, index));
        session.Dirty.Clear();
        _lanes[_world.PartitionOf(resource)].Enqueue(item, _fence.Episode);
    }

    private sealed class LocalSession
    {
        public List<int> Dirty { get; } = [];

        public long Epoch { get; set; }
    }

    private sealed class Observer(SimulatedEngine engine, int partition) : ILaneObserver
    {
        private Ledger Ledger => engine._world.Ledger;

        public void OnSettled(ReadOnlySpan<PendingItem> items)
        {
            foreach (PendingItem item in items)
            {
                foreach ((int resource, int index) in EventsOf(item))
                {
                    Ledger.Acknowledge(resource, index);
                    engine._inLanes.Remove((resource, index));
                }

                item.ReturnEpoch(engine._epochs);
                item.ReleaseWaiters();
            }
        }

        public void OnRefused(PendingItem item, ItemOutcome outcome) =>
            throw new InvariantException("refused", $"an item that can be merged was refused: {outcome}");

        public void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items)
        {
            if (first != 0)
            {
                engine._world.OnLostBatches(engine, partition, cause, incarnation, first, last);
                return;
            }

            if (cause == LossCause.Discarded && !engine._world.Terms.Discards)
                throw new InvariantException("lost", "deltas were discarded although nobody else has them");
            foreach (PendingItem item in items)
            {
                foreach ((int resource, int index) in EventsOf(item))
                {
                    if (cause == LossCause.Discarded && Ledger.At(resource, index).IsAcknowledged)
                        throw new InvariantException("I2", $"event {index} of resource {resource} was acknowledged, then discarded");
                    Ledger.Report(resource, index);
                }
            }
        }

        public void OnReincarnated(FlushStatus status, IncarnationId dead) => engine._discards |= status == FlushStatus.Fenced && engine._world.Terms.Discards;

        public void OnDuplicate()
        {
        }

        public void OnReplayed(long number)
        {
        }

        private IEnumerable<(int Resource, int Index)> EventsOf(PendingItem item)
        {
            int resource = Array.IndexOf(engine._world.Resources, item.Resource);
            return [.. EventTally.EventsOf(item.Delta).Select(index => (resource, index))];
        }
    }
}
