using System.Collections.Concurrent;
using System.Threading.Channels;
using Sluice.Aggregates;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Diagnostics;

namespace Sluice.Running;

/// <summary>
/// Merges the opaque deltas of open sessions of which a batch's reply says that they have many, so that they stay few. The application's code runs here
/// and not on the way of a flush; what can't be merged now is merged later, before its completion at the latest.
/// </summary>
/// <remarks>Any thread notes; one loop compacts.</remarks>
internal sealed class Compactor(AggregateRuntime runtime, AggregateDefinition definition)
{
    private const int MostWaiting = 1024;

    private readonly Channel<(int Partition, ResourceKey Resource)> _crowded = Channel.CreateBounded<(int Partition, ResourceKey Resource)>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    private readonly ConcurrentDictionary<ResourceKey, byte> _waiting = new();

    /// <summary>Notes a crowded resource, once. With too many of them waiting it is forgotten: its next batch names it again.</summary>
    public void Note(int partition, ResourceKey resource)
    {
        if (_waiting.TryAdd(resource, 0) && !_crowded.Writer.TryWrite((partition, resource)))
            _waiting.TryRemove(resource, out _);
    }

    /// <summary>Waits for a crowded resource.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _crowded.Reader.WaitToReadAsync(cancellation);

    /// <summary>Compacts one resource.</summary>
    public async ValueTask CompactNextAsync(CancellationToken cancellation)
    {
        if (!_crowded.Reader.TryRead(out (int Partition, ResourceKey Resource) next))
            return;

        // Before the look at its deltas: those that arrive from now on are noted anew.
        _waiting.TryRemove(next.Resource, out _);
        PeekReply? stored = await runtime.TrySendAsync(next.Partition, new PeekRequest([next.Resource]), cancellation).ConfigureAwait(false);
        if (stored?.Resources[0] is not { Generation: not 0 } found)
            return;
        CompactionPlan plan;
        try
        {
            plan = CompactionPlan.Of(definition, next.Resource, found.Generation, found.Open);
        }
        catch (Exception e)
        {
            runtime.Engine.Logger.NotCompacted(e, runtime.Space.Schema.Name, next.Partition);
            return;
        }

        // Whatever the answer is: a session that has gone, or deltas that somebody else has merged, need nothing more.
        if (!plan.Compactions.IsEmpty)
            await runtime.TrySendAsync(next.Partition, new CompactRequest(plan.Compactions) { Seen = runtime.Seen[next.Partition] }, cancellation).ConfigureAwait(false);
    }
}
