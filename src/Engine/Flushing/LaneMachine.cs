using System.Buffers;
using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;

namespace Sluice.Flushing;

/// <summary>How a lane behaves.</summary>
/// <param name="Layout">The layout fingerprint that every batch carries.</param>
/// <param name="Flush">The durations that a flush applies.</param>
/// <param name="BatchSize">The most items of a batch.</param>
/// <param name="DurabilityWindow">How long after its acknowledgement a batch may still be lost by the server, in microseconds; batches are kept that long.</param>
/// <param name="RetentionBytes">How much the kept batches may take; beyond it the oldest are let go.</param>
/// <param name="Fence">What happens to unsettled deltas when the lane was fenced.</param>
internal sealed record LaneTerms(ulong Layout, FlushTerms Flush, int BatchSize, long DurabilityWindow, long RetentionBytes, FencePolicy Fence);

/// <summary>
/// What a fenced lane does with unsettled deltas (P11): sends them again, or drops them because the broker has delivered the events to another
/// engine. Decided by the first source that feeds the aggregate.
/// </summary>
internal sealed class FencePolicy
{
    private volatile bool _discards;

    public bool Discards
    {
        get => _discards;
        set => _discards = value;
    }
}

/// <summary>
/// The lane of one engine to one partition as a state machine without input and output: numbers batches, freezes their bytes, decides from a reply
/// what to send next. The asynchronous <see cref="Lane"/> drives it, and so do the property tests, with every loss and delay that a network can make.
/// </summary>
/// <remarks>
/// <code>
///             Cut                         Applied, Duplicate
///   Idle ------------> Outstanding(n) --------------------------> Idle, n + 1
///                        |  |   |  lost or failed request: the same bytes again
///                        |  |   +- Gap(last), all of last+1..n-1 kept and young -----> Replaying, then Outstanding(n)
///                        |  |        otherwise: report the range                  \
///                        |  +----- Unknown -> replay what is young, then ----------+-> NeedsIdentity
///                        +-------- Fenced(last): settled if n &lt;= last, else kept --/       | Identify
///                                  Conflict: kept                                          v
///                                                   held resources are referenced again, what was kept goes first, Idle, n = 1
/// </code>
/// <para>A batch is outstanding until its fate is known, a number that was taken is never abandoned, and there is one batch outstanding at a time:
/// so what the partition applied is always a prefix of what was sent (I9).</para>
/// <para>Not thread-safe: one owner.</para>
/// </remarks>
internal sealed partial class LaneMachine(LaneTerms terms, RecordMerger merger, FlushEpochs epochs, ILaneObserver observer)
{
    private readonly List<PendingItem> _pending = [];
    private readonly Dictionary<ResourceKey, PendingItem> _last = [];
    private readonly HashSet<ResourceKey> _held = [];
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private IncarnationId _incarnation;
    private FrozenBatch? _outstanding;
    private long _next = 1;
    private long _seen;

    public IncarnationId Incarnation => _incarnation;

    /// <summary>True before the first batch and after an incarnation ended: nothing can be cut before <see cref="Identify"/>.</summary>
    public bool NeedsIdentity => _incarnation.IsNone && _replay.Count == 0;

    /// <summary>Items that are not in a batch yet.</summary>
    public int Pending => _pending.Count;

    /// <summary>Resources that the engine holds in this partition once the outstanding batch is applied.</summary>
    public int Held => _held.Count;

    public bool IsIdle => _pending.Count == 0 && _outstanding is null && _replay.Count == 0;

    /// <summary>The highest generation or token seen in the partition.</summary>
    public long Seen
    {
        get => _seen;
        set => _seen = Math.Max(_seen, value);
    }

    /// <summary>What has to be sent now, again and again until <see cref="OnReply"/>: a lost batch, or the outstanding one.</summary>
    public FlushRequest? Outstanding => _replay.Count != 0 ? _replay.Peek().Request : _outstanding?.Request;

    /// <summary>Adds an item; it is folded into one of the same resource where that is right.</summary>
    public void Enqueue(PendingItem item)
    {
        if (_last.TryGetValue(item.Resource, out PendingItem? last) && last.TryFold(item, merger, _scratch, epochs))
            return;
        _pending.Add(item);
        _last[item.Resource] = item;
    }

    /// <summary>Makes <paramref name="waiter"/> wait for everything that was enqueued so far.</summary>
    public void Barrier(FlushWaiter waiter)
    {
        IEnumerable<PendingItem> outstanding = _outstanding is null ? _unsettled : _outstanding.Items;
        foreach (PendingItem item in outstanding.Concat(_pending))
        {
            waiter.Add();
            item.AddWaiter(waiter);
        }
    }

    /// <summary>Begins a life. Everything held is referenced again, in front of what has arrived since.</summary>
    public void Identify(IncarnationId incarnation)
    {
        _incarnation = incarnation;
        _next = 1;
    }

    /// <summary>Forgets the identity of a lane that is idle and holds nothing; the caller has told the partition.</summary>
    public void Leave()
    {
        if (IsIdle && _held.Count == 0)
            _incarnation = default;
    }

    /// <summary>Freezes the next batch, unless one is outstanding, there is nothing to send, or the lane needs an identity.</summary>
    public bool TryCut()
    {
        if (_outstanding is not null || _replay.Count != 0 || _incarnation.IsNone || _pending.Count == 0)
            return false;
        ImmutableArray<PendingItem>.Builder items = ImmutableArray.CreateBuilder<PendingItem>(Math.Min(_pending.Count, terms.BatchSize));
        HashSet<ResourceKey> named = [];
        foreach (PendingItem item in _pending)
        {
            // A resource occurs once in a batch; its next item, which could not be folded, begins the next one.
            if (items.Count == terms.BatchSize || !named.Add(item.Resource))
                break;
            items.Add(item);
            if (_last[item.Resource] == item)
                _last.Remove(item.Resource);
            if (item.Holds)
                _held.Add(item.Resource);
            else
                _held.Remove(item.Resource);
        }

        _pending.RemoveRange(0, items.Count);
        _outstanding = new FrozenBatch(terms.Layout, _incarnation, _next++, items.DrainToImmutable(), terms.Flush, _seen);
        return true;
    }

    /// <summary>Empties the deltas of everything that is not in a batch yet; references and forces stay.</summary>
    public void DiscardPending()
    {
        foreach (PendingItem item in _pending)
            Discard(item);
    }

    /// <summary>Gives up everything, after the engine's deadline for stopping: returns what was not settled.</summary>
    public ImmutableArray<PendingItem> Surrender()
    {
        ImmutableArray<PendingItem> left = [.. _outstanding is null ? [] : _outstanding.Items, .. _unsettled, .. _pending];
        _unsettled = [];
        _outstanding = null;
        _replay.Clear();
        _pending.Clear();
        _last.Clear();
        return left;
    }

    private void Settle(FrozenBatch batch, ImmutableArray<RefusedItem> refused)
    {
        foreach (RefusedItem refusal in refused)
            observer.OnRefused(batch.Items[refusal.Index], refusal.Outcome);
        observer.OnSettled(batch.Items.AsSpan());
        if (batch == _outstanding)
            _outstanding = null;
    }

    /// <summary>
    /// Ends the incarnation: what it had not settled goes first on the next one, and every resource that is still held is referenced again.
    /// </summary>
    private void Reincarnate(FlushStatus status, IEnumerable<PendingItem> unsettled)
    {
        observer.OnReincarnated(status, _incarnation);
        _incarnation = default;
        PendingItem[] arrived = [.. _pending];
        _pending.Clear();
        _last.Clear();
        foreach (PendingItem item in unsettled)
        {
            item.Holds = _held.Contains(item.Resource);
            if (terms.Fence.Discards && status == FlushStatus.Fenced)
                Discard(item);
            Enqueue(item);
        }

        foreach (ResourceKey resource in _held)
        {
            if (!_last.ContainsKey(resource))
                Enqueue(new PendingItem(resource) { Holds = true });
        }

        foreach (PendingItem item in arrived)
        {
            if (terms.Fence.Discards && status == FlushStatus.Fenced)
                Discard(item);
            Enqueue(item);
        }
    }

    private void Discard(PendingItem item)
    {
        if (item.Delta.Length == 0)
            return;
        observer.OnLost(LossCause.Discarded, _incarnation, 0, 0, [item]);
        item.Delta = [];
        item.ReturnEpoch(epochs);
    }
}
