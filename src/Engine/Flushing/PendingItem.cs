using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Referencing;

namespace Sluice.Flushing;

/// <summary>What a lane will send, or has sent, for one resource: one flush item, or several folded into one. Owned by one lane.</summary>
internal sealed class PendingItem(ResourceKey resource)
{
    private List<FlushWaiter>? _waiters;

    public ResourceKey Resource { get; } = resource;

    /// <summary>Canonical record bytes.</summary>
    public byte[] Delta { get; set; } = [];

    public bool Holds { get; set; }

    public bool Force { get; set; }

    /// <summary>See <see cref="FlushItem.Takes"/>.</summary>
    public bool Takes { get; set; }

    public CompletionReason Reason { get; set; }

    /// <summary>The oldest flush epoch in the delta, or 0: one count of it is returned when the item is settled.</summary>
    public long Epoch { get; private set; }

    /// <summary>
    /// True for what was acknowledged, then lost by the server: nobody else has it, so that it is never discarded, and never folded with what may be.
    /// </summary>
    public bool IsRecovered { get; init; }

    /// <summary>How many flush items are folded into this one.</summary>
    public int Folded { get; set; }

    /// <summary>
    /// Takes a count of an epoch along. Of two, the younger is returned at once: as long as the older one is unacknowledged, no watermark can pass
    /// either.
    /// </summary>
    public void TakeEpoch(long epoch, FlushEpochs epochs)
    {
        if (epoch == 0)
            return;
        if (Epoch == 0)
        {
            Epoch = epoch;
            return;
        }

        epochs.Remove(Math.Max(Epoch, epoch));
        Epoch = Math.Min(Epoch, epoch);
    }

    public void ReturnEpoch(FlushEpochs epochs)
    {
        if (Epoch != 0)
            epochs.Remove(Epoch);
        Epoch = 0;
    }

    public void AddWaiter(FlushWaiter waiter) => (_waiters ??= []).Add(waiter);

    public void ReleaseWaiters()
    {
        foreach (FlushWaiter waiter in _waiters ?? [])
            waiter.Release();
        _waiters = null;
    }

    /// <summary>Nobody knows whether the coordinator ever had the item: who let go by it may have had nothing to give back any more.</summary>
    public void DoubtReleases()
    {
        foreach (ReleaseWaiter waiter in _waiters?.OfType<ReleaseWaiter>() ?? [])
            waiter.IsLost = true;
    }

    /// <summary>The one who is told when this item lets go of the resource last: of several releases that were folded, the latest.</summary>
    public ReleaseWaiter? LastRelease => _waiters?.OfType<ReleaseWaiter>().LastOrDefault();

    public void FailWaiters(Exception reason)
    {
        foreach (FlushWaiter waiter in _waiters ?? [])
            waiter.Fail(reason);
        _waiters = null;
    }

    /// <summary>
    /// Folds a later item of the same resource into this one. False when they have to be told apart: what follows a force belongs to the next
    /// generation, a sum of deltas that overflows is for the coordinator to judge one by one, and a reference that had stood must stand before it ends.
    /// </summary>
    public bool TryFold(PendingItem later, RecordMerger merger, System.Buffers.ArrayBufferWriter<byte> scratch, FlushEpochs epochs)
    {
        if (Force || IsRecovered != later.IsRecovered || (IsRecovered && Takes && !later.Holds))
            return false;
        if (later.Delta.Length != 0)
        {
            scratch.ResetWrittenCount();
            if (merger.TryMerge(Delta, later.Delta, scratch, out _) != RecordMergeStatus.Merged)
                return false;
            Delta = scratch.WrittenSpan.ToArray();
        }

        Takes = (Takes || later.Takes) && later.Holds;
        Holds = later.Holds;
        Force = later.Force;
        Reason = later.Reason;
        Folded += later.Folded;
        TakeEpoch(later.Epoch, epochs);
        later.Epoch = 0; // its count is ours now
        foreach (FlushWaiter waiter in later._waiters ?? [])
            AddWaiter(waiter);
        return true;
    }
}
