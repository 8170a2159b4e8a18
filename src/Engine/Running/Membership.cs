using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Flushing;
using Sluice.Waiting;

namespace Sluice.Running;

/// <summary>
/// Keeps an engine's leases alive where it has one, and looks at every partition now and then: without that, nobody would complete what the last
/// member of a partition left behind, or take back what it held when it died.
/// </summary>
internal sealed class Membership(AggregateRuntime runtime, FlushTerms terms)
{
    private const int ReapLimit = 256;

    /// <summary>What a dead member held beyond this is taken back in the next rounds: a beat must not be late for it.</summary>
    private const int ReapChunks = 16;
    private const int ListLimit = 16;

    /// <summary>How many beats in a row a lane must hold nothing before it leaves its partition: each leave costs the partition a tombstone.</summary>
    private const int IdleBeats = 60;

    private readonly CancellationTokenSource _stopping = new();
    private readonly int[] _idleBeats = new int[runtime.Lanes.Length];
    private readonly Random _order = new(runtime.Engine.SweepSeed);
    private Task _loops = Task.CompletedTask;

    private TimeProvider Time => runtime.Engine.Options.TimeProvider;

    /// <summary>
    /// How long a round goes on taking back from the dead of a partition, and how long each request for it may take: together with the beat, which may take
    /// a sixth of the lease, a round ends before the next is due.
    /// </summary>
    private TimeSpan Patience => Lease / 12;

    private TimeSpan Lease => runtime.Engine.Options.LeaseDuration;

    public void Start() => _loops = Task.WhenAll(
        WorkCount.Run(runtime.Work, () => LoopAsync(Lease / 3, BeatAsync, "beat")),
        WorkCount.Run(runtime.Work, () => LoopAsync(runtime.Engine.Options.SweepInterval ?? Lease, PokeAllAsync, "sweep")));

    public async ValueTask StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loops.ConfigureAwait(false);
    }

    private async Task LoopAsync(TimeSpan interval, Func<CancellationToken, ValueTask> step, string name)
    {
        CancellationToken cancellation = _stopping.Token;
        try
        {
            using Ticker ticker = new(interval, Time, runtime.Work);
            while (await ticker.WaitAsync(cancellation).ConfigureAwait(false))
            {
                try
                {
                    await step(cancellation).ConfigureAwait(false);
                }
                catch (Exception e) when (!cancellation.IsCancellationRequested)
                {
                    // One bad round must not end the engine's sign of life.
                    runtime.Engine.Logger.LoopError(e, runtime.Space.Schema.Name, name);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    /// <summary>All partitions at once: one that doesn't answer must not cost the leases in the others.</summary>
    private async ValueTask BeatAsync(CancellationToken cancellation) =>
        await Task.WhenAll(runtime.Lanes.Select(lane => BeatAsync(lane, cancellation))).ConfigureAwait(false);

    private async Task BeatAsync(Lane lane, CancellationToken cancellation)
    {
        LaneIdentity identity = lane.Identity;
        if (identity.Incarnation.IsNone)
            return;
        ref int idle = ref _idleBeats[lane.Partition];
        idle = identity.Held == 0 && lane.InFlight == 0 ? idle + 1 : 0;
        if (idle > IdleBeats)
        {
            idle = 0;
            lane.LeaveIfIdle();
            return;
        }

        BeatRequest request = new(identity.Incarnation, terms.Lease, ListLimit) { Seen = runtime.Seen[lane.Partition] };
        if (await runtime.TrySendAsync(lane.Partition, request, Lease / 6, cancellation).ConfigureAwait(false) is not { } reply)
            return;
        lane.OnBeat(identity, reply);
        await LookAfterAsync(lane.Partition, reply.Now, Math.Min(reply.NextDue, reply.NextClaimExpiry), reply.Expired, cancellation).ConfigureAwait(false);
    }

    private async ValueTask PokeAllAsync(CancellationToken cancellation)
    {
        int[] partitions = [.. Enumerable.Range(0, runtime.Lanes.Length)];
        _order.Shuffle(partitions);
        foreach (int partition in partitions)
        {
            PokeRequest request = new(ListLimit) { Seen = runtime.Seen[partition] };
            if (await runtime.TrySendAsync(partition, request, cancellation).ConfigureAwait(false) is not { } reply)
                continue;
            runtime.Seen.Raise(partition, reply.Clock);
            await LookAfterAsync(partition, reply.Now, Math.Min(reply.NextDue, reply.NextClaimExpiry), reply.Expired, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask LookAfterAsync(
        int partition, long now, long nextDue, IEnumerable<IncarnationId> expired, CancellationToken cancellation)
    {
        runtime.OnDue(partition, now, nextDue);
        long began = Time.GetTimestamp();
        foreach (IncarnationId dead in expired)
        {
            // After a pause this engine may find itself among the expired before it has beaten again: nobody has replaced it yet.
            if (dead == runtime.Lanes[partition].Identity.Incarnation)
                continue;
            for (int chunk = 0; chunk < ReapChunks; chunk++)
            {
                // All partitions share the round: one with many dead that answers slowly, or not any more, must not make the beats of the others late.
                if (Time.GetElapsedTime(began) >= Patience)
                    return;
                ReapRequest request = new(dead, ReapLimit, terms.Linger, terms.TombstoneLife) { Seen = runtime.Seen[partition] };
                if (await runtime.TrySendAsync(partition, request, Patience, cancellation).ConfigureAwait(false) is not { WasExpired: true } reply)
                    break;
                runtime.OnDue(partition, reply.Now, reply.NextDue);
                if (reply.Remaining != 0)
                    continue;
                runtime.Engine.Logger.Reaped(runtime.Space.Schema.Name, partition, dead);
                break;
            }
        }
    }
}
