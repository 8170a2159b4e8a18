using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>How a server answers: the transitions, or the transitions with a planted bug.</summary>
internal delegate LockStep LockServer(LockPartitionState state, long now, long seen, object request);

/// <summary>What a history must not show.</summary>
internal sealed class LockViolationException(string message) : Exception(message);

/// <summary>
/// One partition, the engines that use it and the network between them, driven by numbers. Keeps a book of what engines were told, from replies and pushes
/// alone, and checks after every step that no two of them may believe what can't both be true.
/// </summary>
internal sealed class LockHistory(LockServer server, LockHistory.Answers answers)
{
    private const long Lease = 40;
    private const int Engines = 4;

    private static readonly ResourceKey[] Locks = [.. new[] { "x", "y", "z" }.Select(ResourceKey.Of)];
    private static readonly ResourceKey Pool = ResourceKey.Of("pool");
    private static readonly ResourceKey Door = ResourceKey.Of("door");
    private static readonly ResourceKey Latch = ResourceKey.Of("latch");

    private readonly LockBook _book = new();
    private readonly List<object> _sent = [];
    private readonly (IncarnationId Id, long Last)[] _engines = new (IncarnationId, long)[Engines];
    private LockPartitionState _state = LockPartitionState.Empty;
    private long _now = 1_000_000;
    private long _seen;
    private ulong _opened;
    private long _steps;

    /// <summary>What happened at all, so that a property does not hold because nothing does.</summary>
    internal sealed class Answers
    {
        private readonly HashSet<string> _seen = [];

        public IEnumerable<string> Missing =>
            Enum.GetNames<AcquireStatus>().Concat(Enum.GetNames<ReleaseStatus>().Select(static name => "release " + name))
                .Concat(Enum.GetNames<LockWakeKind>().Select(static name => "wake " + name))
                .Concat(["renewed", "not renewed", "converted", "clock set back"])
                .Except(_seen);

        public void Note(string what) => _seen.Add(what);
    }

    /// <summary>One step: a little time, then one request.</summary>
    public void Take(int step)
    {
        Digits digits = new(step);
        _now += digits.Next(4);
        int engine = digits.Next(Engines);
        switch (digits.Next(24))
        {
            case <= 8:
                Acquire(engine, ref digits);
                break;
            case <= 13:
                Release(engine, ref digits);
                break;
            case 14 or 15:
                Convert(engine, ref digits);
                break;
            case 16 or 17 or 18:
                Renew(engine);
                break;
            case 19:
                if (_sent.Count != 0)
                    Send(_sent[^(1 + digits.Next(Math.Min(_sent.Count, 16)))]);
                break;
            case 20:
                if (_engines[engine].Id != default && digits.Next(3) == 0)
                    Send(new CloseSessionRequest(_engines[engine].Id, digits.Next(3)));
                break;
            case 21:
                Inspect(ref digits);
                break;
            case 22:
                _now += digits.Next(3) == 0 ? Lease + 1 : 0;
                break;
            default:
                if (digits.Next(6) == 0)
                {
                    _now -= 10 * Lease;
                    answers.Note("clock set back");
                }

                break;
        }
    }

    /// <summary>Everybody dies; one more comes and looks: nothing may be left (L5).</summary>
    public void Quiesce()
    {
        Send(new OpenSessionRequest(new LockEngineId(99, 0), 100 * Lease, "last"));
        IncarnationId last = _state.Sessions.Keys.Single(static session => session.High == 99);
        for (int i = 0; i < 400; i++)
        {
            _now += 1 + (Lease / 8);
            RenewReply reply = (RenewReply)Send(new RenewRequest(last, 100 * Lease, [], 3));
            if (i > 100 && !reply.IsSweepUnfinished)
                break;
        }

        Send(new CloseSessionRequest(last, 10));
        Require(
            _state is { Records.IsEmpty: true, Sessions.IsEmpty: true, Ending.IsEmpty: true, Leases.IsEmpty: true, Bounds.IsEmpty: true },
            $"Left behind: {_state.Records.Count} records, {_state.Sessions.Count} sessions, {_state.Ending.Count} ending, {_state.Bounds.Count} bounds.");
    }

    private static void Require(bool isTrue, string otherwise)
    {
        if (!isTrue)
            throw new LockViolationException(otherwise);
    }

    private void Acquire(int engine, ref Digits digits)
    {
        if (!IsOpen(engine))
            return;
        ref (IncarnationId Id, long Last) self = ref _engines[engine];
        LockPolicy policy = LockPolicy.WritersFirst;
        long maxHold = digits.Next(5) == 0 ? 25 : Durations.Never;
        ImmutableArray<LockClaim> claims;
        switch (digits.Next(12))
        {
            case <= 6:
                // Each lock has a policy of its own, which all requests agree on.
                int index = digits.Next(Locks.Length);
                policy = (LockPolicy)index;
                claims = [new LockClaim(Locks[index], (LockMode)Math.Min(digits.Next(4), 2))];
                break;
            case 7:
                claims = [new LockClaim(Locks[1], LockMode.Exclusive), new LockClaim(Locks[2], LockMode.Exclusive)];
                policy = LockPolicy.FirstInFirstOut;
                break;
            case 8 or 9:
                claims = [new LockClaim(Pool, LockMode.Permit, 2)];
                break;
            case 10:
                claims = [new LockClaim(Door, LockMode.Rendezvous, 2)];
                break;
            default:
                bool isSignal = digits.Next(2) == 0;
                claims = [new LockClaim(Latch, isSignal ? LockMode.Signal : LockMode.Await, 2)];
                maxHold = isSignal ? (digits.Next(9) == 0 ? Durations.Never : 60) : maxHold;
                break;
        }

        Send(new AcquireRequest(self.Id, ++self.Last, claims, policy, digits.Next(4) != 0, maxHold, ""));
    }

    private void Release(int engine, ref Digits digits)
    {
        if (_engines[engine].Id == default)
            return;
        long[] known = _book.Numbers(_engines[engine].Id);
        long number = known.Length == 0 || digits.Next(12) == 0 ? 1 + digits.Next(40) : known[digits.Next(known.Length)];

        // Whether copies of its acquire may be under way is a matter of the handle, and every release of it says the same.
        Send(new ReleaseRequest(_engines[engine].Id, number, number % 2 == 0));
    }

    private void Convert(int engine, ref Digits digits)
    {
        long[] known = _book.Numbers(_engines[engine].Id);
        if (known.Length != 0)
            Send(new ConvertRequest(_engines[engine].Id, known[digits.Next(known.Length)], ++_steps, (LockMode)digits.Next(3), digits.Next(3) != 0));
    }

    private void Renew(int engine)
    {
        if (_engines[engine].Id == default)
            return;
        RenewReply reply = (RenewReply)Send(new RenewRequest(_engines[engine].Id, Lease, [.. _book.Numbers(_engines[engine].Id)], 8));
        answers.Note(reply.IsAlive ? "renewed" : "not renewed");
    }

    private void Inspect(ref Digits digits)
    {
        ResourceKey resource = Locks[digits.Next(Locks.Length)];
        LockPartitionState before = _state;
        Send(new ParticipantsRequest(resource, 10));
        Send(new SurveyRequest(null, 10, 10));
        Require(ReferenceEquals(before, _state), "A request that reads changed something.");
        Send(new RevokeRequest(resource));
    }

    /// <summary>An engine whose session is over opens another; now and then one more than it needs.</summary>
    private bool IsOpen(int engine)
    {
        if (_engines[engine].Id != default && _book.IsOpen(_engines[engine].Id, _now))
            return true;
        OpenSessionReply reply = (OpenSessionReply)Send(new OpenSessionRequest(new LockEngineId((uint)engine, ++_opened), Lease, $"engine {engine}"));
        _engines[engine] = (reply.Session, 0);
        return true;
    }

    private object Send(object request)
    {
        _sent.Add(request);
        LockPartitionState before = _state;
        LockStep step = server(_state, _now, request is OpenSessionRequest ? 0 : _seen, request);
        _state = step.State;
        foreach (string wrong in LockInvariants.Check(_state, _now))
            throw new LockViolationException(wrong);
        Require(_state.Clock >= before.Clock, "The clock went back.");
        _book.Note(request, step, _now, answers);
        _seen = Math.Max(_seen, _state.Clock);
        NothingIsDoneTwice(request, step);
        NobodyWaitsWithoutReason(request, step.Reply);
        _book.CheckAgainst(_state, _now);
        return step.Reply;
    }

    /// <summary>L7.</summary>
    private void NothingIsDoneTwice(object request, LockStep step)
    {
        if (step.Reply is not AcquireReply { Status: AcquireStatus.Granted or AcquireStatus.Waiting or AcquireStatus.Finished or AcquireStatus.SessionLost } reply)
            return;
        LockStep again = server(_state, _now, _seen, request);
        Require(ReferenceEquals(again.State, _state), "A repeated request changed something.");
        AcquireReply same = (AcquireReply)again.Reply;
        Require((same.Status, same.Token, same.Since) == (reply.Status, reply.Token, reply.Since), "A repeated request was answered otherwise.");
    }

    /// <summary>L3, at what was looked at.</summary>
    private void NobodyWaitsWithoutReason(object request, object reply)
    {
        if (request is AcquireRequest acquire && reply is AcquireReply { Status: AcquireStatus.Granted or AcquireStatus.Waiting or AcquireStatus.Busy })
        {
            foreach (string wrong in LockInvariants.CheckWaiters(_state, _now, acquire.Claims.Select(static claim => claim.Resource)))
                throw new LockViolationException(wrong);
        }
    }

    /// <summary>The digits of a step's number.</summary>
    private struct Digits(int number)
    {
        private uint _left = (uint)number * 2654435761u;

        public int Next(int below)
        {
            _left = (_left * 747796405u) + 2891336453u;
            return (int)((_left >> 8) % (uint)below);
        }
    }
}
