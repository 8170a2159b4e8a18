using System.Buffers;
using Sluice.Caching;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Flushing;
using Sluice.Running;

namespace Sluice.Referencing;

/// <summary>
/// What one engine holds of one set of references: takes the place that the merge cache has for an aggregate. The first reference to a key and the last release of it are items
/// of the key's lane; what is between them stays in the process.
/// </summary>
/// <remarks>
/// <para>Any thread. An item is written under the gate, together with the change that it tells of: so the lane's order is the order of the changes, and a reference that is
/// taken while the release before it is on its way can't be overtaken by it.</para>
/// <para>Nothing is dirty here, nothing ends by time or for lack of room, and there are no deltas to discard: that part of a cache is empty.</para>
/// </remarks>
internal sealed class ReferenceTable(AggregateRuntime runtime) : MergeCache
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ResourceKey, LocalReference> _held = [];
    private readonly HashSet<ReleaseWaiter> _releases = [];
    private bool _isClosed;

    /// <summary>Keys that this engine holds.</summary>
    public override int Count
    {
        get
        {
            lock (_gate)
                return _held.Count;
        }
    }

    public override long NextDeadline => long.MaxValue;

    public override long SessionBytes => 0;

    public override MergeCacheCounters Counters => default;

    public override bool TryFlushDirty(long upToEpoch) => true;

    public override bool TrySweep(out int expired)
    {
        expired = 0;
        return true;
    }

    public override int DiscardDeltas() => 0;

    public override void Close()
    {
        lock (_gate)
            _isClosed = true;
    }

    /// <summary>Lets go of everything, on behalf of whoever holds it, and tells them.</summary>
    public override bool TryExpireAll(CompletionReason reason, out int expired)
    {
        List<CancellationTokenSource> lost = [];
        lock (_gate)
        {
            expired = _held.Count;
            foreach (LocalReference local in _held.Values)
            {
                local.IsOver = true;
                lost.Add(local.Lost);
                Post(local.Key, local.Partition, holds: false, reason: reason);
            }

            _held.Clear();
        }

        Announce(lost);
        return true;
    }

    /// <summary>Adds a reference to a key.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="taken">Completes when the coordinator has it.</param>
    /// <param name="lost">Cancelled when it was lost.</param>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public LocalReference Add(ResourceKey key, out Task taken, out CancellationToken lost)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(SluiceEngine));
            if (!_held.TryGetValue(key, out LocalReference? local))
            {
                local = new LocalReference(key, key.Partition(runtime.Lanes.Length));
                _held.Add(key, local);
                Post(local.Key, local.Partition, holds: true, takes: true, waiter: local.Taken);
            }

            local.Handles++;
            taken = local.Taken.Task;
            lost = local.Lost.Token;
            return local;
        }
    }

    /// <summary>Whether it is still held: a stop may have let go of it while its acquirer waited.</summary>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public void ThrowIfOver(LocalReference local)
    {
        lock (_gate)
            ObjectDisposedException.ThrowIf(local.IsOver, typeof(SluiceEngine));
    }

    /// <summary>A key that the lane could not take: it has ended.</summary>
    public void Remove(LocalReference local)
    {
        lock (_gate)
        {
            local.IsOver = true;
            if (_held.TryGetValue(local.Key, out LocalReference? held) && held == local)
                _held.Remove(local.Key);
        }
    }

    /// <summary>Takes a reference away. Returns when the coordinator has the release and, if it was the last, its callback has ended.</summary>
    public async Task<DereferenceOutcome> ReleaseAsync(LocalReference local, ICompletionHandler? handler)
    {
        ReleaseWaiter release;
        lock (_gate)
        {
            if (local.IsOver)
                return DereferenceOutcome.NotHeld;
            if (--local.Handles > 0)
                return DereferenceOutcome.StillReferenced;
            local.IsOver = true;
            _held.Remove(local.Key);

            // What was lost and does not stand anew is nothing to give back; nor is what never stood.
            release = new ReleaseWaiter(local.Partition, handler) { IsLost = !local.Taken.Task.IsCompletedSuccessfully };
            _releases.Add(release);
            Post(local.Key, local.Partition, holds: false, reason: CompletionReason.Expired, waiter: release);
        }

        try
        {
            await release.Task.ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _releases.Remove(release);
        }

        if (release.Callback is { } callback)
        {
            return await callback.ConfigureAwait(false) switch
            {
                WorkOutcome.Completed => DereferenceOutcome.LastOut,
                WorkOutcome.WillRetry or WorkOutcome.DeadLettered => DereferenceOutcome.LastOutFailed,
                _ => DereferenceOutcome.LastOutElsewhere,
            };
        }

        return release.IsLast ? DereferenceOutcome.LastOutElsewhere
            : release.IsLost ? DereferenceOutcome.NotHeld : DereferenceOutcome.StillReferenced;
    }

    /// <summary>Says that the holder of a key has modified it. Completes when the coordinator has that.</summary>
    /// <exception cref="InvalidOperationException">It was released.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public Task MarkModifiedAsync(LocalReference local)
    {
        FlushWaiter waiter = new();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(local.IsOver && _isClosed, typeof(SluiceEngine));
            if (local.IsOver)
                throw new InvalidOperationException($"The reference to '{local.Key}' was released.");
            Post(local.Key, local.Partition, holds: true, delta: ReferenceDefinition.Modification.Span, waiter: waiter);
        }

        return waiter.Task;
    }

    /// <summary>Ends the generation of a key, whoever holds it. Completes when the coordinator has that.</summary>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public Task ForceAsync(ResourceKey key)
    {
        FlushWaiter waiter = new();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(SluiceEngine));
            Post(key, key.Partition(runtime.Lanes.Length), _held.ContainsKey(key), force: true, reason: CompletionReason.Forced, waiter: waiter);
        }

        return waiter.Task;
    }

    /// <summary>
    /// The coordinator had taken the engine for dead in a partition, or has lost what it had. The lane references what is held again; who holds it is told, and who comes
    /// now waits until it stands.
    /// </summary>
    public override void OnReincarnated(int partition)
    {
        List<CancellationTokenSource> lost = [];
        lock (_gate)
        {
            foreach (LocalReference local in _held.Values)
            {
                // What the coordinator had not confirmed was nobody's yet.
                if (local.Partition != partition || !local.Taken.Task.IsCompletedSuccessfully)
                    continue;
                lost.Add(local.Lost);
                local.Lost = new CancellationTokenSource();
                local.Taken = new FlushWaiter();
                Post(local.Key, partition, holds: true, takes: true, waiter: local.Taken);
            }

            foreach (ReleaseWaiter release in _releases)
                release.IsLost |= release.Partition == partition && !release.Task.IsCompleted;
        }

        OnLost(partition, lost);
    }

    /// <summary>
    /// The server had lost a reference, and the lane has brought it back. In between this engine did not hold it, and somebody else may have been the last one: who holds it is
    /// told; who comes now finds it standing.
    /// </summary>
    public override void OnTakenAgain(ResourceKey resource)
    {
        CancellationTokenSource lost;
        lock (_gate)
        {
            if (!_held.TryGetValue(resource, out LocalReference? local) || !local.Taken.Task.IsCompletedSuccessfully)
                return;
            lost = local.Lost;
            local.Lost = new CancellationTokenSource();
        }

        OnLost(resource.Partition(runtime.Lanes.Length), [lost]);
    }

    private void OnLost(int partition, List<CancellationTokenSource> lost)
    {
        if (lost.Count == 0)
            return;
        runtime.Engine.Metrics.ReferencesLost.Add(lost.Count, EngineMetrics.Tag(runtime.Space.Schema.Name));
        runtime.Engine.Logger.ReferencesLost(runtime.Space.Schema.Name, partition, lost.Count);
        Announce(lost);
    }

    private void Announce(List<CancellationTokenSource> lost)
    {
        foreach (CancellationTokenSource source in lost)
            _ = AnnounceAsync(source);
    }

    /// <summary>Not awaited: the lane must not wait for the application's callbacks.</summary>
    private async Task AnnounceAsync(CancellationTokenSource lost)
    {
        try
        {
            await lost.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            runtime.Engine.Logger.ReferenceCallbackThrew(e, runtime.Space.Schema.Name);
        }
    }

    private void Post(
        ResourceKey key, int partition, bool holds, bool takes = false, ReadOnlySpan<byte> delta = default, bool force = false, CompletionReason reason = default,
        FlushWaiter? waiter = null)
    {
        ReadOnlySpan<byte> name = key.Bytes;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(name.Length + delta.Length);
        name.CopyTo(buffer);
        delta.CopyTo(buffer.AsSpan(name.Length));
        waiter?.Add();
        runtime.Lanes[partition].Post(new FlushItem
        {
            Buffer = buffer,
            KeyLength = name.Length,
            DeltaLength = delta.Length,
            Holds = holds,
            Takes = takes,
            Force = force,
            Reason = reason,
            Waiter = waiter,
        });
        waiter?.Release();
    }
}
