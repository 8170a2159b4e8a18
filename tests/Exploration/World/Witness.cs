using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Tests.Simulation;

namespace Sluice.Exploration;

/// <summary>Is told by every lane what became of its items, and notes it in the world that is being made. One for all, because a lane's fork keeps its observer.</summary>
internal sealed class Witness : ILaneObserver
{
    [ThreadStatic]
    private static World? s_world;

    [ThreadStatic]
    private static Engine? s_engine;

    public static Witness Instance { get; } = new();

    /// <summary>Whose lane is about to be called by this thread.</summary>
    public static void Watch(World world, Engine engine) => (s_world, s_engine) = (world, engine);

    public void OnSettled(ReadOnlySpan<PendingItem> items)
    {
        foreach (PendingItem item in items)
            s_world!.Acknowledged |= World.EventsOf(item.Resource, item.Delta);
    }

    public void OnRefused(PendingItem item, ItemOutcome outcome) =>
        InvariantException.Require(outcome == ItemOutcome.Malformed && item.Delta[0] == 0xFF, "refused", $"a delta that can be merged was refused: {outcome}");

    public void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items)
    {
        World world = s_world!;
        if (first == 0)
        {
            InvariantException.Require(cause != LossCause.Discarded || world.Bounds.Redeliveries != 0, "lost", "deltas were discarded although nobody else has them");
            foreach (PendingItem item in items)
            {
                // Whoever has them now answers for them.
                ulong events = World.EventsOf(item.Resource, item.Delta) & ~world.Redelivered;
                InvariantException.Require((events & world.Acknowledged) == 0, "I2", "updates were acknowledged, then discarded");
                world.Reported |= events;
            }

            return;
        }

        InvariantException.Require(
            cause != LossCause.ServerLostBatches || world.HasRolledBack || world.Bounds.SharesIdentity, "I2", "acknowledged batches are reported as lost by a server that lost nothing");
        foreach ((IncarnationId sender, long number, ulong events) in s_engine!.Sent)
        {
            if (sender == incarnation && number >= first && number <= last)
                world.Reported |= events;
        }
    }

    public void OnReincarnated(FlushStatus status, IncarnationId dead)
    {
    }

    public void OnDuplicate()
    {
    }

    public void OnReplayed(long number)
    {
    }
}
