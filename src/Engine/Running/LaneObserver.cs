using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Diagnostics;
using Sluice.Flushing;
using Sluice.Referencing;

namespace Sluice.Running;

/// <summary>Turns what happens on one lane into epochs, waiters, metrics, log lines and loss reports.</summary>
internal sealed class LaneObserver(AggregateRuntime runtime, int partition) : ILaneObserver
{
    private KeyValuePair<string, object?> Tag => EngineMetrics.Tag(Aggregate);

    private string Aggregate => runtime.Space.Schema.Name;

    private ILogger Logger => runtime.Engine.Logger;

    private EngineMetrics Metrics => runtime.Engine.Metrics;

    public void OnSettled(ReadOnlySpan<PendingItem> items)
    {
        int folded = 0;
        foreach (PendingItem item in items)
        {
            folded += item.Folded;
            item.ReturnEpoch(runtime.Engine.Epochs);
        }

        runtime.Lanes[partition].OnSettled(folded);
        Metrics.Batches.Add(1, Tag);
        Metrics.Items.Add(items.Length, Tag);
        runtime.CountWrites(items.Length);
        runtime.Engine.RefreshSources();
        foreach (PendingItem item in items)
            item.ReleaseWaiters();
    }

    public void OnLastRelease(PendingItem item, ClaimedSession? claim, long now)
    {
        // Nobody who waits: the engine lets go because it stops, or a batch that the server had lost was sent again. The callback is due all the same.
        ReleaseWaiter? release = item.LastRelease;
        Task<WorkOutcome>? callback = null;
        if (claim is not null)
        {
            TimeSpan age = Durations.Span(now - claim.SealedAt) + runtime.Lanes[partition].SinceAsked;
            callback = runtime.Completer?.TakeAsync(new ClaimInHand(partition, claim, age), release?.Handler, isAwaited: release is not null);
        }

        release?.OnLast(callback);
    }

    public void OnTakenAgain(PendingItem item) => runtime.Cache.OnTakenAgain(item.Resource);

    public void OnRefused(PendingItem item, ItemOutcome outcome)
    {
        Metrics.Refused.Add(1, Tag);
        Logger.Refused(Aggregate, partition, outcome);
        if (outcome is ItemOutcome.OverflowNotKept or ItemOutcome.MalformedNotKept)
            OnLost(LossCause.RefusedAndNotKept, default, 0, 0, [item]);
    }

    public void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items)
    {
        Metrics.Lost.Add(1, Tag, EngineMetrics.Cause(cause.ToString()));
        Logger.Lost(Aggregate, partition, incarnation, first, last, cause, items.Length);
        if (cause == LossCause.FateUnknown)
        {
            foreach (PendingItem item in items)
                item.DoubtReleases();
        }

        if (runtime.Engine.Options.OnLoss is not { } onLoss)
            return;
        ImmutableArray<KeyValuePair<string, ReadOnlyMemory<byte>>>.Builder known = ImmutableArray.CreateBuilder<KeyValuePair<string, ReadOnlyMemory<byte>>>(items.Length);
        foreach (PendingItem item in items)
            known.Add(new(item.Resource.ToString(), item.Delta));
        try
        {
            onLoss(new LossReport(Aggregate, partition, Describe(cause), first, last, known.DrainToImmutable()));
        }
        catch (Exception e)
        {
            // The lane must go on: the report is in the log and in the metric too.
            Logger.LossHandlerThrew(e);
        }
    }

    public void OnReincarnated(FlushStatus status, IncarnationId dead)
    {
        Metrics.Fenced.Add(1, Tag, EngineMetrics.Cause(status.ToString()));
        Logger.Reincarnated(Aggregate, partition, dead, status);
        runtime.Cache.OnReincarnated(partition);
        if (status == FlushStatus.Fenced && runtime.FencePolicy.Discards)
            runtime.Engine.DiscardUnflushed(runtime, dead);
    }

    public void OnDuplicate() => Metrics.Duplicates.Add(1, Tag);

    public void OnReplayed(long number)
    {
        Metrics.Replayed.Add(1, Tag);
        Logger.Replayed(Aggregate, partition, number);
    }

    private static string Describe(LossCause cause) => cause switch
    {
        LossCause.ServerLostBatches => "The server lost acknowledged batches that are no longer kept.",
        LossCause.FateUnknown => "The engine was away for so long that nobody knows whether the batch was applied.",
        LossCause.RefusedAndNotKept => "The delta can't be merged, and the partition's dead letters are full.",
        LossCause.Discarded => "The source's broker has delivered the events to another engine.",
        _ => cause.ToString(),
    };
}
