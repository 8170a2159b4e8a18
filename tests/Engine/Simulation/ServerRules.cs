using Sluice.Aggregates;
using Sluice.Coordination;

namespace Sluice.Tests.Simulation;

/// <summary>
/// What the simulated server and engines do: the real transitions and the real replies. The planted bugs override it, so that nothing that ships can be
/// switched to be wrong.
/// </summary>
internal class ServerRules
{
    public static ServerRules Real { get; } = new();

    /// <summary>True plants a bug in the simulated session holder: it lets go of a resource before the last delta is flushed.</summary>
    public virtual bool DropsBeforeLastFlush => false;

    /// <summary>True plants a bug in the simulated completer: it delivers what the server may still lose.</summary>
    public virtual bool DeliversAtOnce => false;

    public virtual (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request) =>
        Transitions.Apply(state, now, merger, request);

    /// <summary>What the lane is told the server answered.</summary>
    public virtual FlushReply Reply(FlushReply reply) => reply;
}
