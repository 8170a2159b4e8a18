using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// A random history of one partition of the locks, carried out by the pure transitions: few sessions, few resources, all kinds of claims on all of them, copies of
/// what was sent before, sessions that die, and a clock that jumps.
/// </summary>
internal sealed class LockRequestHistory(Random random)
{
    private const int Engines = 3;
    private static readonly ResourceKey[] Locks = [.. new[] { "a", "b", "c" }.Select(ResourceKey.Of)];
    private static readonly ResourceKey Pool = ResourceKey.Of("p"), Meeting = ResourceKey.Of("m"), Latch = ResourceKey.Of("s");
    private static readonly ResourceKey[] Resources = [.. Locks, Pool, Meeting, Latch];

    private readonly List<IncarnationId> _sessions = [];
    private readonly List<AcquireRequest> _acquires = [];
    private readonly List<Transition> _transitions = [];
    private LockPartitionState _state = LockPartitionState.Empty;
    private long _now = 1_000_000;
    private long _number;
    private long _step;

    /// <summary>What was asked, when, and what came of it.</summary>
    public sealed record Transition(long Now, object Request, object Reply, IReadOnlyList<LockWake> Wakes, LockPartitionState After);

    public IReadOnlyList<Transition> Transitions => _transitions;

    public static LockEngineId Engine(int i) => new(7, (ulong)(i % Engines) + 1);

    /// <summary>Takes steps, then ends every session: nothing may be left.</summary>
    public static IReadOnlyList<Transition> Make(int seed, int steps)
    {
        LockRequestHistory history = new(new Random(seed));
        for (int i = 0; i < steps; i++)
            history.Take();
        history.Quiesce();
        return history.Transitions;
    }

    private void Take()
    {
        _now += random.Next(4);
        long seen = random.Next(8) == 0 ? _state.Clock + random.Next(5) : 0;
        switch (random.Next(24))
        {
            case 0:
            case <= 3 when _sessions.Count < 2:
                Open(seen);
                break;
            case <= 9:
                Acquire(seen);
                break;
            case <= 11:
                if (_acquires.Count != 0)
                    Send(Recent(_acquires) with { Seen = seen });
                break;
            case <= 15:
                Release(seen);
                break;
            case 16 or 17:
                if (_acquires.Count != 0)
                    Convert(Recent(_acquires), seen);
                break;
            case 18 or 19:
                Send(new RenewRequest(Session(), 20 + random.Next(200), [.. Enumerable.Range(0, random.Next(4)).Select(_ => Number())], random.Next(5)) { Seen = seen, CountTo = random.Next(2) == 0 ? 0 : Number() });
                break;
            case 20:
                if (random.Next(2) == 0)
                    Send(new CloseSessionRequest(Session(), random.Next(3)) { Seen = seen });
                else if (random.Next(3) == 0)
                    Jump();
                break;
            case 21:
                Send(new ParticipantsRequest(Resource(), random.Next(4)));
                break;
            case 22:
                if (random.Next(2) == 0)
                    Send(new RevokeRequest(Resource()) { Seen = seen });
                else
                    Send(new ForgetRequest(Resource()) { Seen = seen });
                break;
            default:
                if (random.Next(2) == 0)
                    Send(new SurveyRequest(random.Next(2) == 0 ? null : Resource(), 1 + random.Next(3), random.Next(4)));
                else
                    Send(new HandlesRequest(Session(), random.Next(2) == 0 ? 0 : Number(), random.Next(4)));
                break;
        }
    }

    private void Open(long seen)
    {
        int engine = random.Next(Engines);
        OpenSessionReply opened = (OpenSessionReply)Send(new OpenSessionRequest(Engine(engine), 20 + random.Next(200), $"engine {engine}") { Seen = seen });
        _sessions.Add(opened.Session);
    }

    private void Acquire(long seen)
    {
        ImmutableArray<LockClaim> claims = Claims();
        long maxHold = random.Next(claims[0].Mode == LockMode.Signal ? 8 : 4) == 0 == (claims[0].Mode != LockMode.Signal) ? 1 + random.Next(40) : Durations.Never;
        string owner = random.Next(3) == 0 ? $"owner {_number}" : "";
        AcquireRequest request = new(Session(), ++_number, claims, (LockPolicy)random.Next(3), Waits: random.Next(4) != 0, maxHold, owner);
        request = request with { Seen = seen };
        _acquires.Add(request);
        Send(request);
    }

    /// <summary>Kinds of locks are apart, as engines keep them: several claims are of locks and of the pool.</summary>
    private ImmutableArray<LockClaim> Claims() => random.Next(12) switch
    {
        <= 5 => [Lock(Locks[random.Next(Locks.Length)])],
        6 => [.. Locks.OrderBy(_ => random.Next()).Take(2 + random.Next(2)).Select(Lock)],
        7 => [Lock(Locks[random.Next(Locks.Length)]), new LockClaim(Pool, LockMode.Permit, 1 + random.Next(3))],
        8 or 9 => [new LockClaim(Pool, LockMode.Permit, 1 + random.Next(3))],
        10 => [new LockClaim(Meeting, LockMode.Rendezvous, 2 + random.Next(2))],
        _ => [new LockClaim(Latch, random.Next(2) == 0 ? LockMode.Signal : LockMode.Await, 1 + random.Next(3))],
    };

    private LockClaim Lock(ResourceKey resource) => new(resource, (LockMode)random.Next(3));

    private void Release(long seen)
    {
        if (_acquires.Count == 0)
            return;
        AcquireRequest of = Recent(_acquires);
        Send(new ReleaseRequest(of.Session, of.Number, random.Next(3) == 0) { Seen = seen });
    }

    private void Convert(AcquireRequest recent, long seen)
    {
        if (random.Next(4) != 0)
            _step++;
        LockHandleId[] holding = [.. _state.Records.OrderBy(static record => record.Key).SelectMany(static record => record.Value.Holders.Select(static holder => holder.Handle))];
        LockHandleId of = holding.Length == 0 || random.Next(4) == 0 ? new LockHandleId(recent.Session, recent.Number) : holding[random.Next(holding.Length)];
        Send(new ConvertRequest(of.Session, of.Number, Math.Max(1, _step - (random.Next(4) == 0 ? random.Next(6) : 0)), (LockMode)Math.Max(0, random.Next(5) - 2), Waits: random.Next(3) != 0) { Seen = seen });
    }

    /// <summary>The clock is set: forward by more than every lease, or back.</summary>
    private void Jump() => _now += random.Next(2) == 0 ? random.Next(200) : -random.Next(200);

    private void Quiesce()
    {
        foreach (IncarnationId session in _sessions)
            Send(new CloseSessionRequest(session, 1000));
        foreach (ResourceKey resource in Resources)
            Send(new ForgetRequest(resource));
        OpenSessionReply last = (OpenSessionReply)Send(new OpenSessionRequest(Engine(0), 1000, "the last"));
        Send(new RenewRequest(last.Session, 1000, [], 1000));
        Send(new CloseSessionRequest(last.Session, 1000));
        LockPartitionState bare = LockPartitionState.Empty with { Clock = _state.Clock, LastWrite = _state.LastWrite };
        Assert.Equal(LockText.OfState(bare), LockText.OfState(_state));
    }

    private ResourceKey Resource() => Resources[random.Next(Resources.Length)];

    private IncarnationId Session() => _sessions.Count == 0 ? new IncarnationId(1, 7, 1) : Recent(_sessions, 4);

    private long Number() => _number == 0 ? 1 : Math.Max(1, _number - random.Next(12));

    private T Recent<T>(List<T> of, int among = 16) => of[^(1 + random.Next(Math.Min(of.Count, among)))];

    private object Send<TReply>(LockRequest<TReply> request)
    {
        LockStep step = LockTransitions.Apply(_state, _now, request);
        _state = step.State;
        Assert.Empty(LockInvariants.Check(_state, _now));
        _transitions.Add(new Transition(_now, request, step.Reply, step.Wakes, _state));
        return step.Reply;
    }
}
