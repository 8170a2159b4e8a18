using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <content>What happens.</content>
internal sealed partial class World
{
    public void Take(Move move)
    {
        bool prepares = move.Kind is MoveKind.Merge or MoveKind.MergePoison or MoveKind.End or MoveKind.Force && Bounds.Redeliveries == 0;
        Preparing = prepares ? move.Engine : -1;
        switch (move.Kind)
        {
            case MoveKind.Merge:
                Merge(Write(move.Engine), move.Target);
                break;
            case MoveKind.MergePoison:
                Left.Poisons--;
                Reference(Write(move.Engine), move.Target, Tally.Poison, holds: true, force: false);
                break;
            case MoveKind.End:
                End(Write(move.Engine), move.Target);
                break;
            case MoveKind.Force:
                Left.Forces--;
                Reference(Write(move.Engine), move.Target, [], holds: true, force: true);
                break;
            case MoveKind.Send or MoveKind.SendReplyLost or MoveKind.SendReplyLate or MoveKind.SendLateCopy:
                Send(Write(move.Engine), move.Kind);
                break;
            case MoveKind.Hear:
                Engine hearing = Write(move.Engine);
                FlushReply late = hearing.LateReply!;
                hearing.LateReply = null;
                Hear(hearing, late);
                break;
            case MoveKind.Beat or MoveKind.BeatReplyLate or MoveKind.LateBeatCopy or MoveKind.BeatWithoutMemory:
                Beat(Write(move.Engine), move.Kind);
                break;
            case MoveKind.HearBeat:
                HearBeat(Write(move.Engine));
                break;
            case MoveKind.Leave or MoveKind.LeaveReplyLost:
                Leave(Write(move.Engine), move.Kind);
                break;
            case MoveKind.Reap or MoveKind.ReapWithoutMemory:
                Left.Shortages -= (byte)(move.Kind == MoveKind.Reap ? 0 : 1);
                IncarnationId dead = Expired()[move.Target];
                Reap(dead, ReaperOf(dead)!, move.Kind == MoveKind.Reap);
                break;
            case MoveKind.Claim or MoveKind.ClaimReplyLost:
                Claim(Write(move.Engine), Bounds.ClaimLimit, move.Kind);
                break;
            case MoveKind.Confirm or MoveKind.Extend:
                Left.Beats -= (byte)(move.Kind == MoveKind.Extend ? 1 : 0);
                Extend(Write(move.Engine), move.Target, confirms: move.Kind == MoveKind.Confirm);
                break;
            case MoveKind.Deliver:
                Deliver(Write(move.Engine), move.Target);
                break;
            case MoveKind.Acknowledge or MoveKind.AcknowledgeReplyLost or MoveKind.AcknowledgeLateCopy:
                Acknowledge(Write(move.Engine), move.Target, move.Kind);
                break;
            case MoveKind.Fail or MoveKind.FailReplyLost or MoveKind.FailLateCopy:
                Left.Failures -= (byte)(Engines[move.Engine].Works[move.Target].Stage == Stage.Failed ? 0 : 1);
                Fail(Write(move.Engine), move.Target, move.Kind);
                break;
            case MoveKind.Crash:
                Crash(move.Engine);
                break;
            case MoveKind.Pause:
                Left.Pauses--;
                Write(move.Engine).IsPaused = true;
                break;
            case MoveKind.Return:
                Write(move.Engine).IsPaused = false;
                break;
            case >= MoveKind.Look and <= MoveKind.FoldLateCopy:
                TakeOpaque(Write(move.Engine), move);
                break;
            case MoveKind.Redeliver:
                Left.Redeliveries--;
                Redeliver(Write(move.Engine), move.Target);
                break;
            default:
                TakeOnServer(move);
                break;
        }
    }

    private void TakeOnServer(Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Arrive:
                object request = Copies[move.Target].Request;
                Copies = Copies.RemoveAt(move.Target);
                Apply(request);
                break;
            case MoveKind.Time:
                Left.Times--;
                PassUntil(NextMoment()!.Value);
                break;
            case MoveKind.ClockStep:
                Left.ClockSteps--;
                Now -= Bounds.ClockStep;
                SetBack += Bounds.ClockStep;
                HasSetClock = true;
                break;
            case MoveKind.Keep:
                Left.Keeps--;
                (Kept, FirstLostAt) = (Server, 0);
                break;
            case MoveKind.Rollback:
                Left.Rollbacks--;
                Rollback();
                break;
            case MoveKind.Stranger:
                Left.Strangers--;
                BatchItem item = new(Resources[0], default, Holds: true, Force: false, CompletionReason.Idle);
                Apply(new FlushRequest(Tally.Space.Layout + 1, new IncarnationId(Now, 99, ++_identities), 1, 1, [item], Bounds.Flush));
                break;
            case MoveKind.Replay:
                Left.Replays--;
                DeadLetterEntry letter = InspectionTransitions.DeadLetters(Server, new DeadLettersRequest(8)).Letters[move.Target];
                Apply(new ReplayRequest(letter.Resource, letter.Id, Bounds.Linger));
                break;
            default:
                throw new NotSupportedException(move.Kind.ToString());
        }
    }

    private void Merge(Engine engine, int resource)
    {
        int index = Used[resource]++;
        engine.Mine |= 1UL << ((Tally.PerResource * resource) + index);
        if (Rules.DropsBeforeLastFlush)
            engine.LeftBehind |= 1UL << ((Tally.PerResource * resource) + index);
        Reference(engine, resource, Rules.DropsBeforeLastFlush ? [] : Bounds.Opaque ? Tally.Opaque(index) : Tally.Encode(Tally.One(index)), holds: true, force: false);
    }

    private void End(Engine engine, int resource)
    {
        engine.Local &= ~(1 << resource);
        Enqueue(engine, resource, [], holds: false, force: false);
    }

    private void Redeliver(Engine engine, int bit)
    {
        engine.Mine |= 1UL << bit;
        Redelivered |= 1UL << bit;
        Reference(engine, bit / Tally.PerResource, Tally.Encode(Tally.One(bit % Tally.PerResource)), holds: true, force: false);
    }

    private void Reference(Engine engine, int resource, byte[] delta, bool holds, bool force)
    {
        engine.Local |= 1 << resource;
        Enqueue(engine, resource, delta, holds, force);
    }

    private void Enqueue(Engine engine, int resource, byte[] delta, bool holds, bool force)
    {
        PendingItem item = new(Resources[resource])
        {
            Delta = delta,
            Holds = holds,
            Force = force,
            Reason = force ? CompletionReason.Forced : CompletionReason.Idle,
            Folded = 1,
        };
        Rules.Enqueue(engine.Lane, item, engine.Fence.Episode);
    }

    /// <summary>One turn of the lane's loop: an identity, a new batch, or the outstanding one again.</summary>
    private void Send(Engine engine, MoveKind kind)
    {
        if (Bounds.Window != 0 && engine.Lane.IsIdle)
            engine.Lane.Probe();
        if (engine.Lane.Outstanding is null)
        {
            if (engine.Lane.NeedsIdentity)
            {
                engine.Seen = Math.Max(engine.Seen, Ask(new PokeRequest(0)).Clock);
                bool shares = Bounds.SharesIdentity && engine.Lane.Acknowledged == 0 && engine.Life < EngineCount && engine.Answered == 0;
                engine.Lane.Identify(shares ? new IncarnationId(Origin, 0, 1) : Rules.Identify(Now, engine.Slot, engine.Life, ++_identities));
            }

            FlushLeftBehind(engine);
            engine.Lane.Seen = engine.Seen;
            Rules.Cut(engine.Lane, Bounds.LaneTerms(engine.Fence, Rules.LaneWindow(Bounds)));
        }

        FlushRequest request = engine.Lane.Outstanding!;
        Note(engine, request);
        if (kind == MoveKind.SendLateCopy)
        {
            Left.Copies--;
            Copies = Copies.Add(new Copy(request));
            return;
        }

        Left.Losses -= (byte)(kind == MoveKind.SendReplyLost ? 1 : 0);
        Left.Lates -= (byte)(kind == MoveKind.SendReplyLate ? 1 : 0);
        if (Apply(request) is not FlushReply reply || kind == MoveKind.SendReplyLost)
            return;
        if (kind == MoveKind.SendReplyLate)
            engine.LateReply = reply;
        else
            Hear(engine, reply);
    }

    /// <summary>Only with the planted bug: the next flush takes what is dirty in sessions that are still there.</summary>
    private void FlushLeftBehind(Engine engine)
    {
        for (int bit = 0; engine.LeftBehind != 0 && bit < Tally.PerResource * Bounds.Resources; bit++)
        {
            int resource = bit / Tally.PerResource;
            if ((engine.LeftBehind & (1UL << bit)) == 0 || !engine.Has(resource))
                continue;
            engine.LeftBehind &= ~(1UL << bit);
            Enqueue(engine, resource, Tally.Encode(Tally.One(bit % Tally.PerResource)), holds: true, force: false);
        }
    }

    private void Note(Engine engine, FlushRequest request)
    {
        if ((Bounds.Rollbacks == 0 && !Bounds.Forgets) || engine.Sent.Any(sent => sent.Incarnation == request.Incarnation && sent.Number == request.Number))
            return;
        ulong events = 0;
        foreach (BatchItem item in request.Items)
            events |= EventsOf(item.Resource, item.Delta.Span);
        engine.Sent = engine.Sent.Add((request.Incarnation, request.Number, events));
    }

    private void Hear(Engine engine, FlushReply reply)
    {
        if (reply.Status == FlushStatus.LayoutMismatch)
            return;
        engine.Seen = Math.Max(engine.Seen, reply.Clock);
        engine.Answered = Steady;
        engine.Lane.OnReply(Rules.Heard(reply));
        Acknowledged |= engine.LeftBehind;
    }

    private void Beat(Engine engine, MoveKind kind)
    {
        Left.Beats--;
        BeatRequest request = new(engine.Lane.Incarnation, Bounds.Lease, 8) { Seen = engine.Seen };
        if (kind == MoveKind.LateBeatCopy)
        {
            Left.Copies--;
            Copies = Copies.Add(new Copy(request));
            return;
        }

        Left.Shortages -= (byte)(kind == MoveKind.BeatWithoutMemory ? 1 : 0);
        if (Apply(request, hasMemory: kind != MoveKind.BeatWithoutMemory) is not BeatReply reply)
            return;
        engine.LateBeat = (reply, engine.Lane.Incarnation, engine.Lane.Acknowledged);
        if (kind == MoveKind.BeatReplyLate)
            Left.Lates--;
        else
            HearBeat(engine);
    }

    private static void HearBeat(Engine engine)
    {
        (BeatReply reply, IncarnationId incarnation, long acknowledged) = engine.LateBeat!.Value;
        engine.LateBeat = null;
        bool isAlive = reply.Status == BeatStatus.Alive;
        if (isAlive)
            engine.Fence.OnLife(incarnation);
        if (engine.Lane.Incarnation != incarnation)
            return;
        if (isAlive && reply.Last >= acknowledged)
            engine.Lane.Hear(reply.Now);
        else
            engine.Lane.Probe();
    }

    private void Leave(Engine engine, MoveKind kind)
    {
        Left.Leaves--;
        LeaveReply reply = Ask(new LeaveRequest(engine.Lane.Incarnation, Bounds.TombstoneLife) { Seen = engine.Seen });
        if (kind == MoveKind.LeaveReplyLost)
            Left.Losses--;
        else if (reply.HasLeft)
            engine.Lane.Leave();
    }

    private ImmutableArray<IncarnationId> Expired() =>
        Server.Members.IsEmpty && Server.Owned.IsEmpty ? [] : ((PokeReply)Rules.Apply(Server, Now, new PokeRequest(8)).Reply).Expired;

    /// <summary>Who may take back what this one held: which engine it is makes no other difference.</summary>
    private Engine? ReaperOf(IncarnationId dead)
    {
        foreach (Engine engine in Engines)
        {
            if (!engine.IsPaused && engine.Lane.Incarnation != dead && LooksAfterIt(engine))
                return engine;
        }

        return null;
    }

    private bool LooksAfterIt(Engine engine) => Rules.LooksAfterEveryPartition || Server.Members.ContainsKey(engine.Lane.Incarnation);

    private void Reap(IncarnationId dead, Engine reaper, bool hasMemory) =>
        Apply(new ReapRequest(dead, 8, Bounds.Linger, Bounds.TombstoneLife) { Seen = reaper.Seen }, hasMemory);

    private void Claim(Engine engine, int limit, MoveKind kind)
    {
        ClaimReply reply = Ask(new ClaimRequest(limit, Bounds.ClaimLease) { Seen = engine.Seen });
        if (kind == MoveKind.ClaimReplyLost)
        {
            Left.Losses--;
            return;
        }

        engine.Seen = Math.Max(engine.Seen, reply.Clock);
        foreach (ClaimedSession session in reply.Claims)
        {
            engine.Works = engine.Works.Add(new Work(session, Steady, Stage.Claimed));
            if (!HasHandler(engine.Slot))
                Fail(engine, engine.Works.Length - 1, MoveKind.Fail);
        }
    }

    private void Extend(Engine engine, int which, bool confirms)
    {
        Work work = engine.Works[which];
        bool isHeld = Ask(new ExtendRequest([work.Ticket], Bounds.ClaimLease)).Held[0];
        if (isHeld && confirms && !HasWhatWasMerged(work))
            engine.Works = engine.Works.RemoveAt(which);
        else if (isHeld && confirms)
            engine.Works = engine.Works.SetItem(which, work with { Stage = Stage.Confirmed });
        else if (!isHeld && work.Stage != Stage.Delivered)
            engine.Works = engine.Works.RemoveAt(which);
    }

    private void Deliver(Engine engine, int which)
    {
        Work work = engine.Works[which];
        Sink = Sink.Deliver(Resources.IndexOf(work.Session.Resource), work.Session);
        engine.Works = engine.Works.SetItem(which, work with { Stage = Stage.Delivered });
    }

    private void Acknowledge(Engine engine, int which, MoveKind kind)
    {
        AcknowledgeRequest request = new([engine.Works[which].Ticket]) { Seen = engine.Seen };
        if (kind == MoveKind.AcknowledgeLateCopy)
        {
            Left.Copies--;
            Copies = Copies.Add(new Copy(request));
            return;
        }

        Ask(request);
        if (kind == MoveKind.AcknowledgeReplyLost)
            Left.Losses--;
        else
            engine.Works = engine.Works.RemoveAt(which);
    }

    private void Fail(Engine engine, int which, MoveKind kind)
    {
        PoisonRule poison = Bounds.Skips ? PoisonRule.Skip : PoisonRule.Park;
        engine.Works = engine.Works.SetItem(which, engine.Works[which] with { Stage = Stage.Failed });
        AbandonRequest request = new(engine.Works[which].Ticket, Bounds.Unit, MaxAttempts: 1, "explored", poison, DeadLetterLimit: 100) { Seen = engine.Seen };
        if (kind == MoveKind.FailLateCopy)
        {
            Left.Copies--;
            Copies = Copies.Add(new Copy(request));
            return;
        }

        Ask(request);
        if (kind == MoveKind.FailReplyLost)
            Left.Losses--;
        else
            engine.Works = engine.Works.RemoveAt(which);
    }

    private void Crash(int slot)
    {
        Left.Crashes--;
        Orphans |= Engines[slot].Mine;
        Engines[slot] = NewEngine(slot);
    }

    private void PassUntil(long moment)
    {
        Now = moment;
        if (Kept is not null && FirstLostAt != 0 && Bounds.MostLost != 0 && Now - FirstLostAt > Bounds.MostLost)
            Kept = null;
    }

    /// <summary>The server is back without its last writes. Its connections broke, so that what was on its way to it never arrives; answers may still be heard.</summary>
    private void Rollback()
    {
        Now += Bounds.Unit / 4;
        if (Left.ClockSteps > 0)
        {
            // What it comes back as is a replica, whose clock is behind.
            Left.ClockSteps--;
            Now -= Bounds.ClockStep;
            SetBack += Bounds.ClockStep;
            HasSetClock = true;
        }

        Server = Kept!;
        Kept = null;
        HasRolledBack = true;
        Copies = [];
        Fenced = Fenced.Except(Server.Members.Keys);
    }
}
