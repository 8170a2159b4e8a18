using System.Collections.Immutable;
using Sluice.Coordination;
using static Sluice.Tests.Simulation.InvariantException;

namespace Sluice.Exploration;

/// <content>
/// The end that every history could have: the network heals, engines come back and flush, then all but one are gone, and everything must come to its end
/// (I7), in a time that is bounded by what lasts. Is played from a state on a fork of it.
/// </content>
internal sealed partial class World
{
    private const int MostRounds = 12;

    public void BeQuiet(int survivor)
    {
        for (int slot = 0; slot < EngineCount; slot++)
            Write(slot).IsPaused = false;
        while (!Copies.IsEmpty)
            Take(new Move(MoveKind.Arrive, 0, 0));
        for (int slot = 0; slot < EngineCount; slot++)
        {
            if (Write(slot).Merge is not null)
                Take(new Move(MoveKind.Compact, (byte)slot, 0));
            if (Write(slot).LateReply is not null)
                Take(new Move(MoveKind.Hear, (byte)slot, 0));
            Drain(slot);
            BeatOnce(slot);
            Drain(slot);
        }

        Checker.AfterStep(this);
        if (Bounds.Hard != Durations.Never)
            RequireHardDeadline(survivor);
        Orphans |= Engines[1 - survivor].Mine;
        Left.Crashes++;
        Crash(1 - survivor);
        RoundsUntilDone(survivor, "it never comes to its end");
        RequireCompleted(withDeadLetters: false);
        foreach (DeadLetterEntry letter in Letters())
            Apply(new ReplayRequest(letter.Resource, letter.Id, 0));
        if (Bounds.Failures != 0 || Bounds.Poisons != 0)
            RoundsUntilDone(survivor, "what was replayed never comes to its end");
        RequireCompleted(withDeadLetters: true);
        RequireForgotten(survivor);
    }

    private ImmutableArray<DeadLetterEntry> Letters() =>
        [.. InspectionTransitions.DeadLetters(Server, new DeadLettersRequest(20)).Letters.Where(static letter => letter.Kind == DeadLetterKind.Completion)];

    /// <summary>P10: the hard deadline comes although somebody goes on holding.</summary>
    private void RequireHardDeadline(int survivor)
    {
        World held = Fork();
        for (int rounds = 0; rounds < 3; rounds++)
        {
            held.PassUntil(held.Now + Bounds.Hard);
            for (int slot = 0; slot < EngineCount; slot++)
            {
                held.BeatOnce(slot);
                held.Drain(slot);
            }

            held.CompleteRound(survivor, Bounds.ClaimLimit);
        }

        foreach ((ResourceKey key, OpenRecord open) in held.Server.Open)
            Require(!open.HasUpdates, "I7", $"{key} is held, and its session was not completed at the hard deadline");
    }

    private void RoundsUntilDone(int survivor, string what)
    {
        for (int rounds = 0; !IsDone(survivor); rounds++)
        {
            Require(rounds < MostRounds, "I7", what);
            for (int r = 0; r < Bounds.Resources; r++)
            {
                if (Engines[survivor].Has(r))
                    End(Write(survivor), r);
            }

            Drain(survivor);
            BeatOnce(survivor);
            Drain(survivor);

            // Deadlines that a clock put into the far future come back with the next sign of life, whoever gives it.
            if (HasSetClock)
                Apply(new BeatRequest(new IncarnationId(Now, 98, ++_identities), Bounds.Lease, 8));
            CompleteRound(survivor, Bounds.ClaimLimit);
            Checker.AfterStep(this);
            PassUntil(Now + Math.Max(Math.Max(Bounds.Lease, Bounds.ClaimLease), Bounds.Linger));
        }
    }

    private void CompleteRound(int survivor, int limit)
    {
        foreach (IncarnationId dead in Expired())
        {
            if (ReaperOf(dead) is { } reaper)
                Reap(dead, reaper, hasMemory: true);
        }

        if ((HasHandler(survivor) || Rules.ClaimsWithoutHandler) && LooksAfterIt(Engines[survivor]))
            Claim(Write(survivor), limit, MoveKind.Claim);
        if (!HasHandler(survivor))
            Claim(Write(0), limit, MoveKind.Claim);
        PassUntil(Now + Bounds.Window);
        for (int slot = 0; slot < EngineCount; slot++)
        {
            Engine engine = Write(slot);
            for (int which = engine.Works.Length - 1; which >= 0; which--)
            {
                if (engine.Works[which].Stage == Stage.Failed)
                {
                    Fail(engine, which, MoveKind.Fail);
                    continue;
                }

                if (MustFold(engine.Works[which]))
                {
                    Fold(engine, which, MoveKind.Fold);
                    if (which >= engine.Works.Length || MustFold(engine.Works[which]))
                        continue;
                }

                if (engine.Works[which].Stage == Stage.Claimed && Bounds.Window != 0 && !Rules.DeliversAtOnce)
                {
                    if (Steady - engine.Works[which].ClaimedAt < Bounds.Window)
                        continue;
                    Extend(engine, which, confirms: true);
                    if (which >= engine.Works.Length)
                        continue;
                }

                if (engine.Works[which].Stage != Stage.Delivered)
                    Deliver(engine, which);
                Acknowledge(engine, which, MoveKind.Acknowledge);
            }
        }
    }

    private void Drain(int slot)
    {
        for (int turns = 0; !Engines[slot].Lane.IsIdle; turns++)
        {
            Require(turns < 40, "I7", $"engine {slot} can't flush");
            Send(Write(slot), MoveKind.Send);
        }
    }

    private void BeatOnce(int slot)
    {
        if (Engines[slot].Lane.Incarnation.IsNone)
            return;
        Left.Beats++;
        if (Engines[slot].LateBeat is not null)
            HearBeat(Write(slot));
        Beat(Write(slot), MoveKind.Beat);
    }

    private bool IsDone(int survivor) =>
        Engines[survivor].Lane.IsIdle && Engines[survivor].Works.IsEmpty && Engines[survivor].Local == 0 && Server.Owned.IsEmpty
        && Server.Open.Keys.All(key => Server.Sealed.TryGetValue(key, out SealedRecord? before) && before.Parked)
        && Server.Sealed.Values.All(static record => record.Parked);

    private void RequireCompleted(bool withDeadLetters)
    {
        ulong[] byKey = new ulong[Bounds.Resources], byToken = new ulong[Bounds.Resources];
        foreach (Delivery delivery in Sink.Deliveries)
        {
            byKey[delivery.Resource] += delivery.Counts;
            byToken[delivery.Resource] += delivery.ByToken ? delivery.Counts : 0;
        }

        HashSet<ResourceKey> stopped = withDeadLetters || Bounds.Failures == 0 ? [] : [.. Letters().Select(static letter => letter.Resource)];
        for (int r = 0; r < Bounds.Resources; r++)
        {
            for (int i = 0; i < Used[r] && !stopped.Contains(Resources[r]); i++)
            {
                ulong bit = 1UL << ((Tally.PerResource * r) + i);

                // An engine that crashed can't send again what the server lost: two faults at once.
                if ((Acknowledged & ~Reported & bit) == 0 || (HasRolledBack && (Orphans & bit) != 0))
                    continue;
                Require(((byKey[r] >> (4 * i)) & 0xF) == 1, "I7", $"update {i} of {Resources[r]} was acknowledged, and completed {(byKey[r] >> (4 * i)) & 0xF} times when all is quiet");
                Require(((byToken[r] >> (4 * i)) & 0xF) == 1, "I7", $"update {i} of {Resources[r]} was acknowledged, and a sink that goes by the token has it {(byToken[r] >> (4 * i)) & 0xF} times");
            }
        }
    }

    /// <summary>After the life of a tombstone nothing remembers the dead.</summary>
    private void RequireForgotten(int survivor)
    {
        for (int rounds = 0; rounds < 2; rounds++)
        {
            PassUntil(Now + Bounds.TombstoneLife + Bounds.Lease);
            foreach (IncarnationId dead in Expired())
                Apply(new ReapRequest(dead, 8, Bounds.Linger, Bounds.TombstoneLife));
            Apply(new BeatRequest(new IncarnationId(Now, 98, ++_identities), Bounds.Lease, 8));
        }

        Require(Server.Tombstones.IsEmpty && Server.TombstoneQueue.IsEmpty && Server.Members.IsEmpty && Server.Owned.IsEmpty, "I11", $"a dead incarnation is remembered for ever; engine {survivor} lives");
    }
}
