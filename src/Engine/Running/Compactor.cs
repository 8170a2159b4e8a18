using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Sluice.Aggregates;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Diagnostics;

namespace Sluice.Running;

/// <summary>
/// Merges the opaque deltas of open sessions of which a batch's reply says that they have many, so that they stay few. The application's code runs here
/// and not on the way of a flush; what can't be merged now is merged later, before its completion at the latest. A resource whose deltas the application's
/// code can't merge is left alone for a second, then two, up to some minutes: every batch names it again.
/// </summary>
/// <remarks>Any thread notes; one loop compacts.</remarks>
internal sealed class Compactor(AggregateRuntime runtime, AggregateDefinition definition)
{
    private const int MostWaiting = 1024;
    private const int LargestRound = 32;
    private const int MostDoublings = 8;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    private readonly Channel<(int Partition, ResourceKey Resource)> _crowded = Channel.CreateBounded<(int Partition, ResourceKey Resource)>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    private readonly ConcurrentDictionary<ResourceKey, byte> _waiting = new();
    private readonly ConcurrentDictionary<ResourceKey, Pause> _paused = new();

    /// <summary>Notes a crowded resource, once. With too many of them waiting it is forgotten: its next batch names it again.</summary>
    public void Note(int partition, ResourceKey resource)
    {
        if (IsPaused(resource) || !_waiting.TryAdd(resource, 0))
            return;
        runtime.Work?.Begin();
        if (_crowded.Writer.TryWrite((partition, resource)))
            return;
        runtime.Work?.End();
        _waiting.TryRemove(resource, out _);
    }

    /// <summary>Waits for a crowded resource.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        runtime.Work?.End();
        try
        {
            return await _crowded.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            runtime.Work?.Begin();
        }
    }

    /// <summary>Compacts some of those that wait: one look and one request for all of a partition.</summary>
    public async ValueTask CompactNextAsync(CancellationToken cancellation)
    {
        List<(int Partition, ResourceKey Resource)> round = [];
        while (round.Count < LargestRound && _crowded.Reader.TryRead(out (int Partition, ResourceKey Resource) next))
        {
            runtime.Work?.End();

            // Before the look at its deltas: those that arrive from now on are noted anew.
            _waiting.TryRemove(next.Resource, out _);

            // One that was noted while it was looked at may have been found broken since.
            if (!IsPaused(next.Resource))
                round.Add(next);
        }

        foreach (IGrouping<int, ResourceKey> group in round.GroupBy(static next => next.Partition, static next => next.Resource))
            await CompactAsync(group.Key, [.. group], cancellation).ConfigureAwait(false);
    }

    private async ValueTask CompactAsync(int partition, ImmutableArray<ResourceKey> resources, CancellationToken cancellation)
    {
        PeekReply? stored = await runtime.TrySendAsync(partition, new PeekRequest(resources), cancellation).ConfigureAwait(false);
        if (stored is null)
            return;
        ImmutableArray<Compaction>.Builder compactions = ImmutableArray.CreateBuilder<Compaction>(resources.Length);
        for (int i = 0; i < resources.Length && !cancellation.IsCancellationRequested; i++)
        {
            try
            {
                PeekedResource found = stored.Resources[i];
                compactions.AddRange(CompactionPlan.Of(definition, resources[i], found.Generation, found.Open).Compactions);
                _paused.TryRemove(resources[i], out _);
            }
            catch (Exception e)
            {
                Rest(resources[i]);
                runtime.Engine.Logger.NotCompacted(e, runtime.Space.Schema.Name, partition);
            }
        }

        // Whatever the answer is: a session that has gone, or deltas that somebody else has merged, need nothing more.
        if (compactions.Count != 0)
        {
            CompactRequest request = new(compactions.DrainToImmutable()) { Seen = runtime.Seen[partition] };
            await runtime.TrySendAsync(partition, request, cancellation).ConfigureAwait(false);
        }
    }

    private bool IsPaused(ResourceKey resource) => _paused.TryGetValue(resource, out Pause pause) && IsOn(pause);

    private bool IsOn(Pause pause) => runtime.Engine.Options.TimeProvider.GetElapsedTime(pause.Since) < FirstPause * (1 << pause.Doublings);

    private void Rest(ResourceKey resource)
    {
        // A session may end while its resource rests, and nobody else would take it out.
        if (_paused.Count >= MostWaiting)
        {
            foreach ((ResourceKey rested, Pause pause) in _paused)
            {
                if (!IsOn(pause))
                    _paused.TryRemove(rested, out _);
            }
        }

        int doublings = _paused.TryGetValue(resource, out Pause before) ? Math.Min(before.Doublings + 1, MostDoublings) : 0;
        if (doublings > 0 || _paused.Count < MostWaiting)
            _paused[resource] = new Pause(runtime.Engine.Options.TimeProvider.GetTimestamp(), doublings);
    }

    /// <param name="Since">When the application's code last failed.</param>
    /// <param name="Doublings">How often the first pause is doubled.</param>
    private readonly record struct Pause(long Since, int Doublings);
}
