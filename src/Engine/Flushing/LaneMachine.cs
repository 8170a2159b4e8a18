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
/// What a fenced lane does with unsettled deltas: sends them again, or drops them because the broker has delivered the events to another
/// engine. Decided by the first source that feeds the aggregate.
/// </summary>
/// <remarks>
/// A pause usually fences an engine in all its partitions, and its lanes learn so one after the other, while new sources may have begun already. So the
/// first fence begins an <em>episode</em> that covers the incarnations of all lanes: what was merged before it is dropped wherever it is, and the
/// later fences of covered incarnations drop nothing that came after. An incarnation that shows life afterwards has survived the pause: its fence, if
/// it comes, is another pause's, and begins an episode of its own. Any thread.
/// </remarks>
internal sealed class FencePolicy
{
    private readonly Lock _gate = new();
    private volatile bool _discards;
    private volatile int _episode;
    private HashSet<IncarnationId> _covered = [];

    public bool Discards
    {
        get => _discards;
        set => _discards = value;
    }

    /// <summary>How often everything unflushed was dropped. An item of an earlier episode is dropped when a lane meets it.</summary>
    public int Episode => _episode;

    /// <summary>Whether what this incarnation had not flushed has been dropped.</summary>
    public bool Covers(IncarnationId incarnation)
    {
        lock (_gate)
            return _covered.Contains(incarnation);
    }

    /// <summary>Begins an episode.</summary>
    /// <param name="incarnations">The one that was fenced and those of the other lanes, which the same pause will have fenced.</param>
    public void Begin(IEnumerable<IncarnationId> incarnations)
    {
        lock (_gate)
        {
            _covered = [.. incarnations];
            _episode++;
        }
    }

    /// <summary>The partition has taken a batch or a beat of the incarnation. One that was sent before the pause may say so too: that only drops more.</summary>
    public void OnLife(IncarnationId incarnation)
    {
        if (!_discards)
            return;
        lock (_gate)
            _covered.Remove(incarnation);
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
///                        |  |   |    otherwise: report the range                  \
///                        |  |   +- Unknown, all of 1..n-1 kept and young ------------> Replaying, then Outstanding(n)
///                        |  +----- Unknown otherwise: report the range ------------+-> NeedsIdentity
///                        +-------- Fenced(last): settled if n &lt;= last, else kept --/       | Identify
///                                  Conflict: kept                                          v
///                                                   held resources are referenced again, what was kept goes first, Idle, n = 1
/// </code>
/// <para>A partition that lost writes, or fenced the lane, says so only to a batch. <see cref="Probe"/> sends an empty one: when a beat was refused, and
/// after the lane fell idle until its last batch is safe, so that what was lost is noticed while it is still kept.</para>
/// <para>A batch is outstanding until its fate is known, a number that was taken is never abandoned, and there is one batch outstanding at a time:
/// so what the partition applied is always a prefix of what was sent (I9).</para>
/// <para>Not thread-safe: one owner.</para>
/// </remarks>
internal sealed partial class LaneMachine(LaneTerms terms, RecordMerger merger, FlushEpochs epochs, ILaneObserver observer)
{
    private readonly List<PendingItem> _pending = [];
    private readonly Dictionary<ResourceKey, PendingItem> _last = [];
    private readonly HashSet<ResourceKey> _held = new(ResourceKey.Comparer);
    private readonly HashSet<ResourceKey> _named = [];
    private readonly ArrayBufferWriter<byte> _scratch = new();
    private IncarnationId _incarnation;
    private FrozenBatch? _outstanding;
    private long _next = 1;
    private long _seen;
    private int _episode;
    private int _outstandingEpisode;
    private bool _probes;

    public IncarnationId Incarnation => _incarnation;

    /// <summary>True before the first batch and after an incarnation ended: nothing can be cut before <see cref="Identify"/>.</summary>
    public bool NeedsIdentity => _incarnation.IsNone && _replay.Count == 0;

    /// <summary>The last batch that the partition acknowledged to this incarnation, or 0.</summary>
    public long Acknowledged => _next - (_outstanding is null ? 1 : 2);

    /// <summary>Items that are not in a batch yet.</summary>
    public int Pending => _pending.Count;

    /// <summary>Resources that the engine holds in this partition once the outstanding batch is applied.</summary>
    public int Held => _held.Count;

    /// <summary>Whether there is something to cut a batch for.</summary>
    public bool HasNext => _pending.Count != 0 || _probes;

    /// <summary>
    /// True when the server may still lose something that it acknowledged: without more batches, only a <see cref="Probe"/> before the durability window is
    /// over finds out in time.
    /// </summary>
    public bool IsUnconfirmed => terms.DurabilityWindow != 0 && !_incarnation.IsNone && _lastFull > _safe;

    public bool IsIdle => !HasNext && _outstanding is null && _replay.Count == 0;

    /// <summary>The highest generation or token seen in the partition.</summary>
    public long Seen
    {
        get => _seen;
        set => _seen = Math.Max(_seen, value);
    }

    /// <summary>What has to be sent now, again and again until <see cref="OnReply"/>: a lost batch, or the outstanding one.</summary>
    public FlushRequest? Outstanding => _replay.Count != 0 ? _replay.Peek().Request : _outstanding?.Request;

    /// <summary>Adds an item that was taken in an episode of <see cref="FencePolicy"/>: what is of an earlier one than the lane's loses its delta.</summary>
    public void Enqueue(PendingItem item, int episode)
    {
        if (episode < _episode)
            Discard(item);
        else
            Enter(episode);
        Enqueue(item);
    }

    /// <summary>Adds an item; it is folded into one of the same resource where that is right.</summary>
    public void Enqueue(PendingItem item)
    {
        if (_last.TryGetValue(item.Resource, out PendingItem? last) && last.TryFold(item, merger, _scratch, epochs))
            return;
        _pending.Add(item);
        _last[item.Resource] = item;
    }

    /// <summary>The key with these bytes: the one that the lane has already, if it holds the resource, as it does most.</summary>
    public ResourceKey KeyOf(ReadOnlySpan<byte> bytes) =>
        _held.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(bytes, out ResourceKey? held) ? held : new ResourceKey(bytes);

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

    /// <summary>Begins a life: the next batch is its first.</summary>
    public void Identify(IncarnationId incarnation)
    {
        _incarnation = incarnation;
        _next = 1;
        _heard = incarnation.IssuedAt;
        _lastFull = 0;
        _safe = 0;
    }

    /// <summary>The incarnation was a living member at this server time: until long after it, its tombstone can't have been purged.</summary>
    public void Hear(long now) => _heard = Math.Max(_heard, now);

    /// <summary>
    /// Asks the partition whether it still knows the lane and has its last batch: the next batch is cut even if there is nothing to put into it.
    /// </summary>
    /// <remarks>
    /// A refused beat is a reason to ask and not an answer: it can be older than the batch that made the incarnation a member, and it doesn't say which
    /// batches were applied before the fence.
    /// </remarks>
    public void Probe() => _probes = _next > 1 && !_incarnation.IsNone;

    /// <summary>
    /// Whether the lane has an identity to give up, holds nothing and expects nothing. Who left can't find out that its last batch was lost, so the batch
    /// has to be confirmed before.
    /// </summary>
    public bool CanLeave => IsIdle && !IsUnconfirmed && _held.Count == 0 && !_incarnation.IsNone;

    /// <summary>Forgets the identity if <see cref="CanLeave"/>; the caller has told the partition.</summary>
    public void Leave()
    {
        if (CanLeave)
            _incarnation = default;
    }

    /// <summary>Freezes the next batch, unless one is outstanding, there is nothing to send, or the lane needs an identity.</summary>
    public bool TryCut()
    {
        if (_outstanding is not null || _replay.Count != 0 || _incarnation.IsNone || !HasNext)
            return false;
        _probes = false;
        Enter(terms.Fence.Episode);
        _outstandingEpisode = _episode;
        ImmutableArray<PendingItem>.Builder items = ImmutableArray.CreateBuilder<PendingItem>(Math.Min(_pending.Count, terms.BatchSize));
        _named.Clear();
        foreach (PendingItem item in _pending)
        {
            // A resource occurs once in a batch; its next item, which could not be folded, begins the next one.
            if (items.Count == terms.BatchSize || !_named.Add(item.Resource))
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

    /// <summary>Everything that is not in a batch yet is of an earlier episode: its deltas are dropped; references and forces stay.</summary>
    private void Enter(int episode)
    {
        if (episode <= _episode)
            return;
        _episode = episode;
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

    private void TellLastReleases(FrozenBatch batch, FlushReply reply)
    {
        foreach (ReleasedItem released in reply.Released)
            observer.OnLastRelease(batch.Items[released.Index], reply.Claims.FirstOrDefault(claim => claim.Token == released.Token), reply.Now);
    }

    private void Settle(FrozenBatch batch, ImmutableArray<RefusedItem> refused)
    {
        foreach (RefusedItem refusal in refused)
            observer.OnRefused(batch.Items[refusal.Index], refusal.Outcome);
        observer.OnSettled(batch.Items.AsSpan());
        _outstanding = null;
    }

    /// <summary>
    /// Ends the incarnation: what the server lost of acknowledged batches and what had not been settled goes first on the next one, and every resource
    /// that is still held is referenced again.
    /// </summary>
    private void Reincarnate(FlushStatus status, IReadOnlyList<PendingItem> recovered, IReadOnlyList<PendingItem> unsettled)
    {
        IncarnationId dead = _incarnation;
        observer.OnReincarnated(status, dead);
        _incarnation = default;
        _probes = false;
        if (terms.Fence.Discards && status == FlushStatus.Fenced)
        {
            // The broker has redelivered what it had no acknowledgement for; what was recovered is acknowledged, and nobody else has it.
            if (!terms.Fence.Covers(dead))
                terms.Fence.Begin([dead]);
            if (_outstandingEpisode < terms.Fence.Episode)
            {
                foreach (PendingItem item in unsettled)
                    Discard(item);
            }

            Enter(terms.Fence.Episode);
        }

        HashSet<ResourceKey> named = [.. recovered.Concat(unsettled).Select(static item => item.Resource)];
        PutFirst([.. recovered, .. unsettled, .. _held.Where(resource => !named.Contains(resource)).Select(static resource => new PendingItem(resource))]);
    }

    /// <summary>
    /// Enqueues items in front of what is pending. They say who is held as the last batch left it; what is pending may change that again. Only a reference that was taken and given
    /// back within what the server lost is taken anew first: its end has a callback.
    /// </summary>
    private void PutFirst(IReadOnlyList<PendingItem> items)
    {
        PendingItem[] arrived = [.. _pending];
        _pending.Clear();
        _last.Clear();
        HashSet<ResourceKey> givenBack = [];
        foreach (PendingItem item in items.Reverse())
        {
            // Without its end behind it, the reference would be nobody's and stay.
            bool isGivenBack = givenBack.Remove(item.Resource);
            if (!item.Holds || (isGivenBack && !item.Takes))
                givenBack.Add(item.Resource);
            item.Holds = (isGivenBack && item is { IsRecovered: true, Takes: true }) || _held.Contains(item.Resource);
        }

        foreach (PendingItem item in items)
            Enqueue(item);

        foreach (PendingItem item in arrived)
            Enqueue(item);
    }

    private void Discard(PendingItem item)
    {
        if (item.Delta.Length == 0 || item.IsRecovered)
            return;
        observer.OnLost(LossCause.Discarded, _incarnation, 0, 0, [item]);
        item.Delta = [];
        item.ReturnEpoch(epochs);
    }
}
