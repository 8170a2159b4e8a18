using Sluice.Coordination;

namespace Sluice.Tests.Simulation;

/// <summary>The end of every history: the network heals, engines come back, all but one stop, and everything must come to its end.</summary>
internal sealed class Quiet(World world, Checker checker)
{
    public void Run()
    {
        foreach (SimulatedEngine engine in world.Engines)
            engine.IsPaused = false;
        world.DeliverEverything();
        foreach (SimulatedEngine engine in world.Engines)
        {
            engine.FlushDirty();
            Drain(engine);
            for (int p = 0; p < world.Terms.Partitions; p++)
                engine.Beat(p, Fault.None);
            Drain(engine);
        }

        world.DeliverEverything();
        checker.AfterStep();
        for (int slot = 1; slot < world.Terms.Engines; slot++)
            world.Crash(slot);

        // Copies that were still somewhere arrive. A first batch of an engine that crashed may count only now; nothing may count twice.
        world.RepeatEveryBatch();
        checker.AfterStep();
        SimulatedEngine last = world.Engines[0];
        for (int rounds = 0; !IsDone(last); rounds++)
        {
            if (rounds == 100)
                throw new InvariantException("I7", "it never comes to its end");
            Round(last);
            checker.AfterStep();
        }

        last.CheckSettled();
        checker.AfterQuiet();
        ForgetTheDead(last);
    }

    private void Drain(SimulatedEngine engine)
    {
        for (int p = 0; p < world.Terms.Partitions; p++)
            engine.TurnUntilIdle(p);
    }

    private void Round(SimulatedEngine last)
    {
        last.FlushDirty();
        last.EndAll();
        Drain(last);
        for (int p = 0; p < world.Terms.Partitions; p++)
        {
            last.Beat(p, Fault.None);
            last.Sweep(p, Fault.None);
            foreach (DeadLetterEntry letter in ((DeadLettersReply)world.Apply(p, new DeadLettersRequest(100))).Letters)
                world.Apply(p, new ReplayRequest(letter.Resource, letter.Id, 0));
            last.Claim(p, 8, Fault.None);
        }

        world.PassTime(world.Terms.Window);
        last.CompleteAll();
        world.PassTime(SimulationTerms.Lease + 1);
    }

    private bool IsDone(SimulatedEngine last) => last.IsIdle && world.States.All(static state =>
        state.Open.IsEmpty && state.Sealed.IsEmpty && state.Owned.IsEmpty && state.DeadLetters.IsEmpty);

    private void ForgetTheDead(SimulatedEngine last)
    {
        world.PassTime(SimulationTerms.TombstoneLife + SimulationTerms.Lease);
        for (int rounds = 0; rounds < 20; rounds++)
        {
            for (int p = 0; p < world.Terms.Partitions; p++)
            {
                last.BeatAs(p);
                last.Sweep(p, Fault.None);
            }

            // What the sweeps fence gets a tombstone of its own.
            if (rounds == 5)
                world.PassTime(SimulationTerms.TombstoneLife + SimulationTerms.Lease);
        }

        checker.AfterTombstones(last.Incarnations);
        world.RepeatEveryBatch();
        checker.AfterStep();
        checker.AfterQuiet();
    }
}
