using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <content>What may happen next.</content>
internal sealed partial class World
{
    private bool CanTimePass => Bounds.Window == 0 || Array.TrueForAll(Engines, IsPrompt);

    /// <summary>Adds everything that may happen next. Things that could only happen to no effect are left out.</summary>
    /// <remarks>
    /// What an engine does to its sessions stays in the engine until the lane cuts the next batch, and nothing else can tell when it was done. So it is done
    /// right before that: every history with another order has one of these with the same batches. Not so where a fence drops what has not been cut.
    /// </remarks>
    public void AddMoves(List<Move> moves)
    {
        if (Preparing >= 0)
        {
            AddSessions(moves, Engines[Preparing], (byte)Preparing);
            AddSends(moves, (byte)Preparing);
            return;
        }

        for (byte slot = 0; slot < EngineCount; slot++)
        {
            Engine engine = Engines[slot];
            if (engine.IsPaused)
            {
                moves.Add(new Move(MoveKind.Return, slot, 0));
            }
            else
            {
                if (Bounds.Redeliveries != 0 || (engine.Lane.Outstanding is null && engine.LateReply is null))
                    AddSessions(moves, engine, slot);
                AddLane(moves, engine, slot);
                AddCompletions(moves, engine, slot);
                if (Bounds.Opaque)
                    AddCompactions(moves, engine, slot);
                if (Left.Pauses > 0)
                    moves.Add(new Move(MoveKind.Pause, slot, 0));
            }

            if (Left.Crashes > 0 && (!engine.Lane.Incarnation.IsNone || !engine.Works.IsEmpty || engine.Local != 0))
                moves.Add(new Move(MoveKind.Crash, slot, 0));
        }

        AddServer(moves);
    }

    private bool IsPrompt(Engine engine) => engine.IsPaused || (engine.LateReply is null && engine.Lane.IsIdle && !HasToConfirm(engine));

    /// <summary>What a lane does that was idle for a quarter of the durability window: it asks for what the server may still lose.</summary>
    private bool HasToConfirm(Engine engine) => engine.Lane.IsUnconfirmed && Steady - engine.Answered >= Bounds.Window / 4;

    private void AddSessions(List<Move> moves, Engine engine, byte slot)
    {
        for (byte resource = 0; resource < Bounds.Resources; resource++)
        {
            if (Used[resource] < (resource == 0 ? Bounds.Events : Bounds.LaterEvents ?? Bounds.Events))
                moves.Add(new Move(MoveKind.Merge, slot, resource));
            if (Left.Poisons > 0)
                moves.Add(new Move(MoveKind.MergePoison, slot, resource));
            if (!engine.Has(resource))
                continue;
            moves.Add(new Move(MoveKind.End, slot, resource));
            if (Left.Forces > 0)
                moves.Add(new Move(MoveKind.Force, slot, resource));
        }

        if (Left.Redeliveries == 0)
            return;
        ulong lost = RedeliverableTo(engine);
        for (byte bit = 0; bit < Tally.PerResource * Bounds.Resources; bit++)
        {
            if ((lost & (1UL << bit)) != 0)
                moves.Add(new Move(MoveKind.Redeliver, slot, bit));
        }
    }

    /// <summary>Updates that the broker gives to this engine, because it has heard nothing of the one that was fenced and has them; no batch with them has arrived.</summary>
    private ulong RedeliverableTo(Engine engine)
    {
        Engine other = Engines[1 - engine.Slot];
        if (!Server.Tombstones.ContainsKey(other.Lane.Incarnation))
            return 0;
        ulong events = 0;
        foreach (PendingItem item in LaneFork.Unacknowledged(other.Lane))
            events |= EventsOf(item.Resource, item.Delta);
        foreach (PendingItem item in LaneFork.Unacknowledged(engine.Lane))
            events &= ~EventsOf(item.Resource, item.Delta);
        ulong[] counts = Checker.CountsOf(this);
        for (int resource = 0; resource < Bounds.Resources; resource++)
            events &= ~(Tally.EventsOf(Tally.Encode(counts[resource])) << (Tally.PerResource * resource));
        return events & ~Acknowledged & ~Reported;
    }

    private void AddLane(List<Move> moves, Engine engine, byte slot)
    {
        if (engine.LateReply is not null)
        {
            moves.Add(new Move(MoveKind.Hear, slot, 0));
        }
        else if (engine.Lane.Outstanding is not null || engine.Lane.HasNext || (Bounds.Window != 0 && HasToConfirm(engine)))
        {
            AddSends(moves, slot);
        }

        if (engine.LateBeat is not null)
        {
            moves.Add(new Move(MoveKind.HearBeat, slot, 0));
        }
        else if (Left.Beats > 0 && !engine.Lane.Incarnation.IsNone)
        {
            moves.Add(new Move(MoveKind.Beat, slot, 0));
            if (Left.Lates > 0)
                moves.Add(new Move(MoveKind.BeatReplyLate, slot, 0));
            if (Left.Copies > 0)
                moves.Add(new Move(MoveKind.LateBeatCopy, slot, 0));
            if (Left.Shortages > 0)
                moves.Add(new Move(MoveKind.BeatWithoutMemory, slot, 0));
        }

        if (Left.Leaves > 0 && engine.Lane.CanLeave)
        {
            moves.Add(new Move(MoveKind.Leave, slot, 0));
            if (Left.Losses > 0)
                moves.Add(new Move(MoveKind.LeaveReplyLost, slot, 0));
        }
    }

    private void AddSends(List<Move> moves, byte slot)
    {
        moves.Add(new Move(MoveKind.Send, slot, 0));
        if (Left.Losses > 0)
            moves.Add(new Move(MoveKind.SendReplyLost, slot, 0));
        if (Left.Lates > 0)
            moves.Add(new Move(MoveKind.SendReplyLate, slot, 0));
        if (Left.Copies > 0)
            moves.Add(new Move(MoveKind.SendLateCopy, slot, 0));
    }

    private void AddCompletions(List<Move> moves, Engine engine, byte slot)
    {
        if ((Server.NextDue <= Now || Server.NextClaimExpiry <= Now) && (HasHandler(slot) || Rules.ClaimsWithoutHandler))
        {
            moves.Add(new Move(MoveKind.Claim, slot, 0));
            if (Left.Losses > 0)
                moves.Add(new Move(MoveKind.ClaimReplyLost, slot, 0));
        }

        for (byte i = 0; i < engine.Works.Length; i++)
        {
            Work work = engine.Works[i];
            if (MustFold(work))
            {
                AddFolds(moves, slot, i);
                continue;
            }

            if (work.Stage == Stage.Claimed && Bounds.Window != 0 && !Rules.DeliversAtOnce)
            {
                if (Steady - work.ClaimedAt >= Bounds.Window)
                    moves.Add(new Move(MoveKind.Confirm, slot, i));
                continue;
            }

            if (work.Stage == Stage.Failed)
            {
                moves.Add(new Move(MoveKind.Fail, slot, i));
                continue;
            }

            if (work.Stage == Stage.Delivered)
            {
                moves.Add(new Move(MoveKind.Acknowledge, slot, i));
                if (Left.Losses > 0)
                    moves.Add(new Move(MoveKind.AcknowledgeReplyLost, slot, i));
                if (Left.Copies > 0)
                    moves.Add(new Move(MoveKind.AcknowledgeLateCopy, slot, i));
            }
            else
            {
                moves.Add(new Move(MoveKind.Deliver, slot, i));
            }

            if (Left.Beats > 0)
                moves.Add(new Move(MoveKind.Extend, slot, i));
            if (Left.Failures > 0)
            {
                moves.Add(new Move(MoveKind.Fail, slot, i));
                if (Left.Losses > 0)
                    moves.Add(new Move(MoveKind.FailReplyLost, slot, i));
                if (Left.Copies > 0)
                    moves.Add(new Move(MoveKind.FailLateCopy, slot, i));
            }
        }
    }

    private void AddServer(List<Move> moves)
    {
        for (byte i = 0; i < Copies.Length; i++)
            moves.Add(new Move(MoveKind.Arrive, 0, i));
        byte expired = (byte)(Bounds.BeatsInTime ? 0 : Expired().Length);
        for (byte i = 0; i < expired; i++)
        {
            if (ReaperOf(Expired()[i]) is null)
                continue;
            moves.Add(new Move(MoveKind.Reap, 0, i));
            if (Left.Shortages > 0)
                moves.Add(new Move(MoveKind.ReapWithoutMemory, 0, i));
        }

        if (Left.Times > 0 && CanTimePass && NextMoment() is not null)
            moves.Add(new Move(MoveKind.Time, 0, 0));
        if (Left.ClockSteps > 0 && Bounds.Rollbacks == 0)
            moves.Add(new Move(MoveKind.ClockStep, 0, 0));
        if (Left.Keeps > 0 && Kept is null && (!Bounds.LosesEverything || Server.Layout == 0))
            moves.Add(new Move(MoveKind.Keep, 0, 0));
        if (Left.Rollbacks > 0 && Kept is not null && FirstLostAt != 0 && (Bounds.MostLost == 0 || Now - FirstLostAt <= Bounds.MostLost))
            moves.Add(new Move(MoveKind.Rollback, 0, 0));
        if (Left.Strangers > 0 && Server.Layout != 0)
            moves.Add(new Move(MoveKind.Stranger, 0, 0));
        if (Left.Replays > 0)
        {
            byte letters = (byte)InspectionTransitions.DeadLetters(Server, new DeadLettersRequest(8)).Letters.Length;
            for (byte i = 0; i < letters; i++)
                moves.Add(new Move(MoveKind.Replay, 0, i));
        }
    }

    /// <summary>The next time at which something may become possible that is not now; null: none.</summary>
    private long? NextMoment()
    {
        long next = long.MaxValue;
        foreach (Member member in Bounds.BeatsInTime ? [] : Server.Members.Values)
            Consider(member.LeaseDeadline);
        foreach ((long due, _) in Server.Due)
            Consider(due);
        foreach ((long deadline, _) in Server.Claims)
            Consider(deadline);
        if (Bounds.Forgets)
        {
            foreach (Tombstone tombstone in Server.Tombstones.Values)
                Consider(tombstone.PurgeAt);
            foreach (Copy copy in Copies)
                Consider(copy.Request is FlushRequest flush ? flush.Incarnation.IssuedAt + (Bounds.TombstoneLife / 2) + Bounds.Unit : 0);
            foreach (Engine engine in Engines)
                Consider(engine.Lane.Incarnation.IssuedAt + (Bounds.TombstoneLife / 2) + Bounds.Unit);
        }

        if (Bounds.Window != 0)
        {
            foreach (Engine engine in Engines)
            {
                Consider(engine.Lane.IsUnconfirmed ? engine.Answered - SetBack + (Bounds.Window / 4) : 0);
                foreach (Work work in engine.Works)
                    Consider(work.Stage == Stage.Claimed ? work.ClaimedAt - SetBack + Bounds.Window : 0);
            }
        }

        return next == long.MaxValue ? null : next;

        void Consider(long moment)
        {
            if (moment > Now && moment < next)
                next = moment;
        }
    }

    private bool HasHandler(int slot) => slot == 0 || !Bounds.HasProducer;
}
