using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Tests.Simulation;

/// <summary>
/// A server, its clock, its network and its engines, on one thread: nothing happens but by a step of the history. The server's answers come from
/// <see cref="Transitions"/>, what an engine sends comes from real lane machines.
/// </summary>
internal sealed class World
{
    private const int MostLate = 40;

    private readonly PartitionState[] _states;
    private readonly List<(long At, PartitionState State)>[] _past;
    private readonly List<Flight> _late = [];
    private readonly SimulatedEngine[] _engines;
    private readonly List<SimulatedEngine> _lives = [];
    private readonly Dictionary<(IncarnationId Incarnation, long Number), (int Partition, FlushRequest Request)> _batches = [];
    private readonly HashSet<FlushRequest>[] _sent;
    private readonly Checker _checker;

    public World(SimulationTerms terms, ServerRules rules)
    {
        Terms = terms;
        Rules = rules;
        Space = new CoordinationNamespace("simulation", EventTally.Schema, terms.Partitions);
        Resources = [.. Enumerable.Range(0, terms.Resources).Select(static i => ResourceKey.Of($"resource {i}"))];
        Ledger = new Ledger(terms.Resources);
        _states = [.. Enumerable.Repeat(PartitionState.Empty, terms.Partitions)];
        _past = [.. _states.Select(static state => new List<(long, PartitionState)> { (0, state) })];
        _sent = [.. _states.Select(static _ => new HashSet<FlushRequest>(ReferenceEqualityComparer.Instance))];
        _checker = new Checker(this);
        _engines = new SimulatedEngine[terms.Engines];
        for (int i = 0; i < terms.Engines; i++)
            _lives.Add(_engines[i] = new SimulatedEngine(this, i));
    }

    public SimulationTerms Terms { get; }

    public ServerRules Rules { get; }

    public CoordinationNamespace Space { get; }

    public ResourceKey[] Resources { get; }

    public Ledger Ledger { get; }

    public Sink Sink { get; } = new();

    public IReadOnlyList<PartitionState> States => _states;

    public IReadOnlyList<SimulatedEngine> Engines => _engines;

    /// <summary>The server's clock, in microseconds.</summary>
    public long Now { get; private set; } = 1_000_000_000;

    public bool HasRolledBack { get; private set; }

    /// <summary>Batches that an engine reported as lost by the server.</summary>
    public int ReportedBatches { get; private set; }

    public int PartitionOf(int resource) => Resources[resource].Partition(Terms.Partitions);

    public int Lives(SimulatedEngine engine) => _lives.IndexOf(engine);

    /// <summary>Lets the whole history happen, then checks that everything comes to its end.</summary>
    public static World Run(History history, SimulationTerms terms, ServerRules rules)
    {
        World world = new(terms, rules);
        foreach (Step step in history.Steps)
        {
            world.Take(step);
            world._checker.AfterStep();
        }

        new Quiet(world, world._checker).Run();
        return world;
    }

    /// <summary>Sends one request through the network's faults.</summary>
    public void Call<TReply>(SimulatedEngine caller, int partition, object request, Fault fault, Action<TReply> onReply)
        where TReply : class
    {
        Flight flight = new(caller, partition, request, reply => onReply((TReply)reply));
        Note(partition, request);
        switch (fault)
        {
            case Fault.RequestLost:
                break;
            case Fault.RequestLate:
                Delay(flight);
                break;
            case Fault.ReplyLost:
                Apply(partition, request);
                break;
            case Fault.ReplyLate:
                Delay(flight with { Reply = Apply(partition, request) });
                break;
            case Fault.Duplicated:
                Delay(flight with { OnReply = null });
                onReply((TReply)Apply(partition, request));
                break;
            default:
                onReply((TReply)Apply(partition, request));
                break;
        }
    }

    /// <summary>One transition on the server. It takes a little while.</summary>
    public object Apply(int partition, object request)
    {
        Now += 4;
        PartitionState before = _states[partition];
        (PartitionState after, object reply) = Rules.Apply(before, Now, Space.Merger, request);
        _states[partition] = after;
        if (Terms.MostLost != 0)
            _past[partition].Add((Now, after));
        _checker.AfterTransition(partition, before, request, reply, after);
        return reply;
    }

    /// <summary>Every batch that was sent over connections that did not break arrives once more.</summary>
    public void RepeatEveryBatch()
    {
        for (int partition = 0; partition < _sent.Length; partition++)
        {
            foreach (FlushRequest request in _sent[partition])
                Apply(partition, request);
        }
    }

    /// <summary>Everything that is on its way arrives.</summary>
    public void DeliverEverything()
    {
        while (_late.Count != 0)
            Deliver(0, keep: false);
    }

    public void PassTime(long duration)
    {
        // Where the server may lose writes, engines have to notice in time: that they do is an assumption of the durability window.
        while (Terms.MostLost != 0 && duration > 0)
        {
            long part = Math.Min(duration, Terms.Window == 0 ? duration : Terms.Window / 8);
            Now += part;
            duration -= part;
            foreach (SimulatedEngine engine in _engines.Where(static engine => engine.CanAct))
            {
                for (int p = 0; p < Terms.Partitions; p++)
                    engine.Confirm(p);
            }
        }

        Now += duration;
    }

    /// <summary>An engine says that batches are not, or not certainly, in the totals: all their events count as reported.</summary>
    public void OnLostBatches(SimulatedEngine engine, int partition, LossCause cause, IncarnationId incarnation, long first, long last)
    {
        if (cause == LossCause.ServerLostBatches)
            _checker.OnServerLostBatches(engine, partition);
        foreach (((IncarnationId sender, long number), (_, FlushRequest request)) in _batches)
        {
            if (sender != incarnation || number < first || number > last)
                continue;
            if (cause == LossCause.ServerLostBatches)
                ReportedBatches++;
            foreach (BatchItem item in request.Items)
            {
                int resource = Array.IndexOf(Resources, item.Resource);
                foreach (int index in EventTally.EventsOf(item.Delta.Span))
                    Ledger.Report(resource, index);
            }
        }
    }

    public void Crash(int slot)
    {
        _engines[slot].Crash();
        _lives.Add(_engines[slot] = new SimulatedEngine(this, slot));
    }

    private void Take(Step step)
    {
        SimulatedEngine engine = _engines[step.Engine % _engines.Length];
        int resource = step.Target % Resources.Length;
        int partition = step.Target % Terms.Partitions;
        if (!engine.CanAct && step.Kind is not (StepKind.Resume or StepKind.Deliver or StepKind.Time or StepKind.SetClock or StepKind.Rollback or StepKind.Crash))
            return;
        switch (step.Kind)
        {
            case StepKind.Merge:
                for (int i = 0; i <= step.Amount % 2; i++)
                    engine.Merge(resource);
                break;
            case StepKind.Flush:
                engine.FlushDirty();
                break;
            case StepKind.End:
                engine.End(resource, force: step.Amount % 8 == 0);
                break;
            case StepKind.Force:
                engine.Force(resource);
                break;
            case StepKind.Work:
                engine.Turn(partition, step.Fault);
                break;
            case StepKind.Barrier:
                engine.Barrier();
                break;
            case StepKind.Beat:
                engine.Beat(partition, step.Fault);
                break;
            case StepKind.Sweep:
                engine.Sweep(partition, step.Fault);
                break;
            case StepKind.Claim:
                engine.Claim(partition, 1 + (step.Amount % 3), step.Fault);
                break;
            case StepKind.Complete:
                engine.Advance(step.Target, step.Fault);
                break;
            case StepKind.Extend:
                engine.Keep(step.Target, step.Fault);
                break;
            case StepKind.Abandon:
                engine.Fail(step.Target, step.Fault);
                break;
            case StepKind.Leave:
                engine.Leave(partition, step.Fault);
                break;
            case StepKind.Deliver when _late.Count != 0:
                Deliver(step.Target % _late.Count, keep: step.Amount % 3 == 0);
                break;
            case StepKind.Time:
                PassTime((step.Amount % 16) switch
                {
                    _ when step.IsLongSleep => SimulationTerms.TombstoneLife * 6 / 10,
                    1 or 2 => SimulationTerms.Lease + 100,
                    3 or 4 => SimulationTerms.ClaimLease + 100,
                    5 or 6 => 2_100,
                    _ => 10 + (step.Amount % 700),
                });
                break;
            case StepKind.SetClock when Terms.SetsClock:
                Now += (step.Amount % 10_000) - 5_000;
                break;
            case StepKind.Crash:
                Crash(step.Engine % _engines.Length);
                break;
            case StepKind.Pause:
                engine.IsPaused = true;
                break;
            case StepKind.Resume:
                engine.IsPaused = false;
                break;
            case StepKind.Rollback when Terms.MostLost != 0:
                Rollback(partition, 1 + (step.Amount % Terms.MostLost));
                break;
            default:
                break;
        }
    }

    /// <summary>
    /// The server comes back without its last writes. Its connections broke, so that what was on its way to it never arrives; answers that it had given
    /// may still be heard.
    /// </summary>
    private void Rollback(int partition, long lost)
    {
        HasRolledBack = true;
        List<(long At, PartitionState State)> past = _past[partition];
        PartitionState state = past.FindLast(entry => entry.At <= Now - lost).State;
        past.RemoveAll(entry => entry.At > Now - lost);
        _states[partition] = state;
        _late.RemoveAll(flight => flight.Partition == partition && flight.Reply is null);
        _sent[partition].Clear();
        _checker.AfterRollback(partition, state);
    }

    private void Deliver(int which, bool keep)
    {
        Flight flight = _late[which];
        if (!keep || flight.Reply is not null)
            _late.RemoveAt(which);
        object reply = flight.Reply ?? Apply(flight.Partition, flight.Request);
        if (flight.OnReply is null || flight.Caller.IsCrashed)
            return;
        if (flight.Caller.IsPaused)
            Delay(flight with { Reply = reply });
        else
            flight.OnReply(reply);
    }

    private void Delay(Flight flight)
    {
        if (_late.Count < MostLate)
            _late.Add(flight);
    }

    private void Note(int partition, object request)
    {
        if (request is not FlushRequest batch)
            return;
        _sent[partition].Add(batch);
        if (!_batches.TryAdd((batch.Incarnation, batch.Number), (partition, batch)) && _batches[(batch.Incarnation, batch.Number)].Request != batch)
            throw new InvariantException("I9", $"number {batch.Number} was given to two batches");
    }

    /// <summary>A request on its way to the server, or with a reply on its way back.</summary>
    private sealed record Flight(SimulatedEngine Caller, int Partition, object Request, Action<object>? OnReply)
    {
        public object? Reply { get; init; }
    }
}
