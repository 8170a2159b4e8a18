using System.Runtime.InteropServices;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// One partition: its state, who is told of its pushes, and the locks that nobody but their holder has asked about.
/// </summary>
/// <remarks>
/// A *thin* hold is a record with one exclusive holder and nobody who waits, in a smaller form: no transition has been needed to make it, and none to end it.
/// As soon as a request names its resource, or asks about whole sessions, it is put into the state as the acquire would have put it there, and stays there. So the
/// pure functions remain the only place that knows the rules.
/// </remarks>
internal sealed class LockCell(int partition, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ResourceKey, ThinHold> _thin = [];
    private readonly Dictionary<IncarnationId, UncontendedLocks> _uncontended = [];
    private readonly Dictionary<LockEngineId, ILockWakeSink> _sinks = [];
    private LockPartitionState _state = LockPartitionState.Empty;
    private long _clock;

    private long Now => (time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public TReply Apply<TReply>(LockRequest<TReply> request)
    {
        LockStep step;
        (ILockWakeSink? Sink, LockWake Wake)[] told;
        lock (_gate)
        {
            long now = Now;
            Thicken(request);
            step = LockTransitions.Apply(_state, now, request.Seen >= _clock ? request : request with { Seen = _clock });
            _state = step.State;
            _clock = Math.Max(_clock, _state.Clock);
            told = step.Wakes.Count == 0 ? [] : [.. step.Wakes.Select(wake => (_sinks.GetValueOrDefault(LockEngineId.Of(wake.Session)), wake))];
            foreach (LockWake wake in step.Wakes)
            {
                if (wake.Kind == LockWakeKind.SessionEnded && _uncontended.Remove(wake.Session, out UncontendedLocks? ended))
                    ended.IsOver = true;
            }
        }

        // Outside the gate: who is told may ask the next thing at once.
        foreach ((ILockWakeSink? sink, LockWake wake) in told)
            sink?.OnWake(partition, wake);
        return (TReply)step.Reply;
    }

    public IUncontendedLocks? Uncontended(IncarnationId session)
    {
        lock (_gate)
        {
            if (!_state.Sessions.TryGetValue(session, out LockSession? found) || found.LeaseDeadline != Durations.Never)
                return null;
            ref UncontendedLocks? locks = ref CollectionsMarshal.GetValueRefOrAddDefault(_uncontended, session, out _);
            return locks ??= new UncontendedLocks(this, session);
        }
    }

    public void Subscribe(LockEngineId engine, ILockWakeSink sink)
    {
        lock (_gate)
            _sinks[engine] = sink;
    }

    public void Unsubscribe(LockEngineId engine)
    {
        lock (_gate)
            _sinks.Remove(engine);
    }

    public LockPartitionState Snapshot()
    {
        lock (_gate)
        {
            ThickenAll();
            return _state;
        }
    }

    public void Restore(LockPartitionState state)
    {
        lock (_gate)
        {
            _thin.Clear();
            _state = state;

            // A server that lost its last writes has lost its clock with them; what keeps tokens growing is what engines have seen.
            _clock = state.Clock;
            foreach ((IncarnationId session, UncontendedLocks locks) in _uncontended.ToArray())
            {
                if (!state.Sessions.ContainsKey(session))
                {
                    locks.IsOver = true;
                    _uncontended.Remove(session);
                }
            }
        }
    }

    private void Thicken(object request)
    {
        if (_thin.Count == 0)
            return;
        switch (request)
        {
            case OpenSessionRequest:
                break;
            case AcquireRequest acquire:
                foreach (LockClaim claim in acquire.Claims)
                    Thicken(claim.Resource);
                break;
            case ParticipantsRequest participants:
                Thicken(participants.Resource);
                break;
            case RevokeRequest revoke:
                Thicken(revoke.Resource);
                break;
            case ForgetRequest forget:
                Thicken(forget.Resource);
                break;
            default:
                ThickenAll();
                break;
        }
    }

    private void ThickenAll()
    {
        foreach (ResourceKey resource in _thin.Keys.ToArray())
            Thicken(resource);
    }

    private void Thicken(ResourceKey resource)
    {
        if (!_thin.Remove(resource, out ThinHold thin))
            return;
        LockDraft draft = new(_state, thin.Since, thin.Token);
        LockClaim claim = new(resource, LockMode.Exclusive);
        draft.Grant(
            new LockWaiter(new LockHandleId(thin.Session, thin.Number), Place: 0, thin.Since, [claim], thin.Policy, Durations.Never, Owner: "", IsUpgrade: false),
            thin.Token);
        _state = draft.Commit();
    }

    private bool TryTake(UncontendedLocks locks, ResourceKey resource, LockPolicy policy, long number, out long token)
    {
        lock (_gate)
        {
            token = 0;
            if (locks.IsOver || (!_state.Records.IsEmpty && _state.Records.ContainsKey(resource)))
                return false;
            ref ThinHold hold = ref CollectionsMarshal.GetValueRefOrAddDefault(_thin, resource, out bool isTaken);
            if (isTaken)
                return false;
            long now = Now;
            _clock = token = Math.Max(_clock + 1, now);
            hold = new ThinHold(locks.Session, number, token, now, policy);
            return true;
        }
    }

    private bool TryFree(UncontendedLocks locks, ResourceKey resource, long number)
    {
        lock (_gate)
        {
            return _thin.TryGetValue(resource, out ThinHold hold) && hold.Number == number && hold.Session == locks.Session && _thin.Remove(resource);
        }
    }

    private readonly record struct ThinHold(IncarnationId Session, long Number, long Token, long Since, LockPolicy Policy);

    private sealed class UncontendedLocks(LockCell cell, IncarnationId session) : IUncontendedLocks
    {
        public IncarnationId Session => session;

        /// <summary>Guarded by the cell.</summary>
        public bool IsOver { get; set; }

        public bool TryTake(ResourceKey resource, LockPolicy policy, long number, out long token) => cell.TryTake(this, resource, policy, number, out token);

        public bool TryFree(ResourceKey resource, long number) => cell.TryFree(this, resource, number);
    }
}
