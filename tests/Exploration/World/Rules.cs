using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Tests.Simulation;

namespace Sluice.Exploration;

/// <summary>
/// What server and engines do: the real transitions, the real lanes, and what the loops around a lane make of replies. Planted bugs override it here, in the
/// tests, so that nothing that ships can be switched to be wrong.
/// </summary>
internal class Rules
{
    public static Rules Real { get; } = new();

    public virtual (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        Transitions.Apply(state, now, Tally.Space.Merger, request);

    /// <summary>What a server does that has no memory left: it refuses batches and carries out everything else. Null: refused.</summary>
    public virtual (PartitionState State, object Reply)? ApplyWithoutMemory(PartitionState state, long now, object request) =>
        request is FlushRequest ? null : Apply(state, now, request);

    /// <summary>What the lane is told the server answered.</summary>
    public virtual FlushReply Heard(FlushReply reply) => reply;

    public virtual IncarnationId Identify(long now, int slot, int life, ulong number) => new(now, (uint)life, number);

    /// <summary>Puts an item into the lane.</summary>
    public virtual void Enqueue(LaneMachine lane, PendingItem item, int episode) => lane.Enqueue(item, episode);

    public virtual void Cut(LaneMachine lane, LaneTerms terms) => lane.TryCut();

    /// <summary>The lane's own window, which decides what is kept and sent again.</summary>
    public virtual long LaneWindow(Bounds bounds) => bounds.Window;

    /// <summary>Whether a lane whose broker delivers to others drops what it has when it was fenced.</summary>
    public virtual bool DiscardsWhenFenced => true;

    /// <summary>True plants a bug in the session holder: it lets go of a resource before the last delta is flushed.</summary>
    public virtual bool DropsBeforeLastFlush => false;

    /// <summary>True plants a bug in the completer: it delivers what the server may still lose.</summary>
    public virtual bool DeliversAtOnce => false;

    /// <summary>True plants a bug in the completer: an engine without a handler claims, and gives back.</summary>
    public virtual bool ClaimsWithoutHandler => false;

    /// <summary>False plants a bug in the completer: it delivers what it has merged of opaque deltas without storing it.</summary>
    public virtual bool StoresWhatItMerges => true;

    /// <summary>False plants a bug in the completer: it delivers what it has merged although somebody else has stored another merge.</summary>
    public virtual bool LooksAgain => true;

    /// <summary>False plants a bug in the completer: after the durability window it does not ask whether what it has merged is still stored.</summary>
    public virtual bool ConfirmsWhatItMerged => true;

    /// <summary>False plants a bug in the membership: who is no member of the partition does not look at it.</summary>
    public virtual bool LooksAfterEveryPartition => true;

    public virtual FlushTerms Terms(Bounds bounds) => bounds.Flush;
}

/// <summary>A bug that the random simulation knows too.</summary>
internal sealed class SimulatedBug(string name) : Rules
{
    private readonly ServerRules _rules = PlantedBugs.All[name].Rules;

    public override bool DropsBeforeLastFlush => _rules.DropsBeforeLastFlush;

    public override bool DeliversAtOnce => _rules.DeliversAtOnce;

    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        _rules.Apply(state, now, Tally.Space.Merger, request);

    public override FlushReply Heard(FlushReply reply) => _rules.Reply(reply);
}
