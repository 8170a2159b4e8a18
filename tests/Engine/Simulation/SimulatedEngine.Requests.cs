using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Tests.Simulation;

/// <summary>What an engine asks the server for: batches, signs of life, claims.</summary>
internal sealed partial class SimulatedEngine
{
    private readonly List<Work> _work = [];
    private readonly SeenClock _seen;
    private readonly long[] _answered;
    private ulong _identities;

    private enum Stage
    {
        Claimed,
        Confirmed,
        Delivered,
    }

    public IReadOnlyCollection<IncarnationId> Incarnations => [.. _lanes.Select(static lane => lane.Incarnation)];

    /// <summary>One turn of a lane's loop: an identity, a new batch, or the outstanding one again.</summary>
    public void Turn(int partition, Fault fault)
    {
        LaneMachine lane = _lanes[partition];
        if (lane.Outstanding is null)
        {
            if (!lane.HasNext)
                return;
            if (lane.NeedsIdentity)
                _world.Call<PokeReply>(this, partition, new PokeRequest(0), Fault.None, reply => lane.Identify(NewIdentity(reply.Now)));
            lane.Seen = _seen[partition];
            lane.TryCut();
        }

        if (lane.Outstanding is { } request)
        {
            Send<FlushReply>(partition, request, fault, reply =>
            {
                _seen.Raise(partition, reply.Clock);
                _answered[partition] = _world.Now;
                lane.OnReply(_world.Rules.Reply(reply));
                DiscardIfFenced();
            });
        }
    }

    /// <summary>What a lane does that was idle for a quarter of the durability window: asks for what the server may still lose.</summary>
    public void Confirm(int partition)
    {
        if (_lanes[partition].IsUnconfirmed && _world.Now - _answered[partition] >= _world.Terms.Window / 4)
            _lanes[partition].Probe();
        TurnUntilIdle(partition);
    }

    /// <summary>Turns without faults until the lane has nothing to do.</summary>
    public void TurnUntilIdle(int partition)
    {
        for (int turns = 0; !_lanes[partition].IsIdle; turns++)
        {
            if (turns == 1000)
                throw new InvariantException("progress", $"lane {partition} of engine {Slot} does not get anywhere");
            Turn(partition, Fault.None);
        }
    }

    public void Beat(int partition, Fault fault)
    {
        IncarnationId incarnation = _lanes[partition].Incarnation;
        long acknowledged = _lanes[partition].Acknowledged;
        if (incarnation.IsNone)
            return;
        _world.Call<BeatReply>(this, partition, new BeatRequest(incarnation, SimulationTerms.Lease, 8) { Seen = _seen[partition] }, fault, reply =>
        {
            LaneMachine lane = _lanes[partition];
            bool isAlive = reply.Status == BeatStatus.Alive && reply.Last >= acknowledged;
            if (lane.Incarnation == incarnation && isAlive)
                lane.Hear(reply.Now);
            else if (lane.Incarnation == incarnation)
                lane.Probe();
            Reap(partition, reply.Expired, fault);
        });
    }

    /// <summary>A sign of life of the lane's incarnation, or of a new one where the lane has none: any beat looks after the dead.</summary>
    public void BeatAs(int partition)
    {
        IncarnationId incarnation = _lanes[partition].Incarnation.IsNone ? NewIdentity(_world.Now) : _lanes[partition].Incarnation;
        _world.Call<BeatReply>(this, partition, new BeatRequest(incarnation, SimulationTerms.Lease, 8), Fault.None, reply => Reap(partition, reply.Expired, Fault.None));
    }

    public void Sweep(int partition, Fault fault) =>
        _world.Call<PokeReply>(this, partition, new PokeRequest(8), Fault.None, reply => Reap(partition, reply.Expired, fault));

    public void Leave(int partition, Fault fault)
    {
        LaneMachine lane = _lanes[partition];
        if (lane.CanLeave)
        {
            IncarnationId incarnation = lane.Incarnation;
            Send<LeaveReply>(partition, new LeaveRequest(incarnation, SimulationTerms.TombstoneLife) { Seen = _seen[partition] }, fault, reply =>
            {
                if (reply.HasLeft && lane.Incarnation == incarnation)
                    lane.Leave();
            });
        }
    }

    public void Claim(int partition, int limit, Fault fault) =>
        _world.Call<ClaimReply>(this, partition, new ClaimRequest(limit, SimulationTerms.ClaimLease) { Seen = _seen[partition] }, fault, reply =>
        {
            _seen.Raise(partition, reply.Clock);
            foreach (ClaimedSession session in reply.Claims)
                _work.Add(new Work(partition, session, reply.Now));
        });

    /// <summary>Takes one claimed session a stage further: confirm that the server still has it, deliver, acknowledge.</summary>
    public void Advance(int which, Fault fault)
    {
        if (_work.Count == 0)
            return;
        Work work = _work[which % _work.Count];
        if (work.Stage == Stage.Claimed)
        {
            if (_world.Terms.Window == 0 || _world.Rules.DeliversAtOnce)
                work.Stage = Stage.Confirmed;
            else if (_world.Now - work.ClaimedAt >= _world.Terms.Window)
                Extend(work, fault, onHeld: () => work.Stage = Stage.Confirmed);
        }

        if (work.Stage == Stage.Confirmed && _work.Contains(work))
        {
            _world.Sink.Deliver(Array.IndexOf(_world.Resources, work.Session.Resource), work.Session);
            work.Stage = Stage.Delivered;
        }
        else if (work.Stage == Stage.Delivered)
        {
            _world.Call<AcknowledgeReply>(this, work.Partition, new AcknowledgeRequest([work.Ticket]) { Seen = _seen[work.Partition] }, fault, _ => _work.Remove(work));
        }
    }

    public void CompleteAll()
    {
        for (int i = 0; i < 4 && _work.Count != 0; i++)
        {
            for (int which = _work.Count - 1; which >= 0; which--)
                Advance(which, Fault.None);
        }
    }

    /// <summary>Keeps a claim while its completion runs.</summary>
    public void Keep(int which, Fault fault)
    {
        if (_work.Count != 0)
            Extend(_work[which % _work.Count], fault, onHeld: static () => { });
    }

    /// <summary>The handler failed, perhaps after the sink had the session.</summary>
    public void Fail(int which, Fault fault)
    {
        if (_work.Count == 0)
            return;
        Work work = _work[which % _work.Count];
        AbandonRequest request = new(work.Ticket, Backoff: 50, MaxAttempts: 3, "simulated", which % 2 == 0 ? PoisonRule.Park : PoisonRule.Skip, DeadLetterLimit: 100)
        {
            Seen = _seen[work.Partition],
        };
        _world.Call<AbandonReply>(this, work.Partition, request, fault, _ => _work.Remove(work));
    }

    private void Extend(Work work, Fault fault, Action onHeld) =>
        _world.Call<ExtendReply>(this, work.Partition, new ExtendRequest([work.Ticket], SimulationTerms.ClaimLease), fault, reply =>
        {
            if (reply.Held[0])
                onHeld();
            else if (work.Stage != Stage.Delivered)
                _work.Remove(work);
        });

    private void Reap(int partition, IEnumerable<IncarnationId> expired, Fault fault)
    {
        foreach (IncarnationId dead in expired)
        {
            ReapRequest request = new(dead, 1, _world.Terms.Linger, SimulationTerms.TombstoneLife) { Seen = _seen[partition] };
            _world.Call<ReapReply>(this, partition, request, fault, static _ => { });
        }
    }

    /// <summary>
    /// Sends what belongs to the lane's loop. The loop waits for one answer at a time: an answer to an attempt that was given up is not heard.
    /// </summary>
    private void Send<TReply>(int partition, CoordinatorRequest<TReply> request, Fault fault, Action<TReply> onReply)
        where TReply : class
    {
        long attempt = ++_attempts[partition];
        _world.Call<TReply>(this, partition, request, fault, reply =>
        {
            if (_attempts[partition] != attempt)
                return;
            _attempts[partition]++;
            onReply(reply);
        });
    }

    private IncarnationId NewIdentity(long now) => new(now, (uint)_world.Lives(this), ++_identities);

    private sealed class Work(int partition, ClaimedSession session, long claimedAt)
    {
        public int Partition { get; } = partition;

        public ClaimedSession Session { get; } = session;

        public long ClaimedAt { get; } = claimedAt;

        public Stage Stage { get; set; }

        public ClaimTicket Ticket => new(Session.Resource, Session.Generation, Session.Token);
    }
}
