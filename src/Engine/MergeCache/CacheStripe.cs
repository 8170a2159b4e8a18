using System.Runtime.CompilerServices;
using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <summary>
/// A fixed share of the keys: their table and entries, and the lock under which entries come, go and are handed to the sink, with the recency list and
/// the deadlines of those that are resident.
/// </summary>
/// <remarks>
/// <para>Merges of resident keys take no lock. Everything else is serialised by <see cref="Enter"/>: a key has one stripe for ever, so its items
/// reach the sink in the order of its sessions and of the flushes within them.</para>
/// <para>Lock order: gate, then an entry's claim, then the leaf locks inside the flush epochs and the sink. Who merges takes the claim without the
/// gate and never takes the gate while it holds a claim; nobody holds two gates.</para>
/// <para>All methods need the gate unless they say otherwise. What merges read stands in this object; what changes under the gate stands in others,
/// so that sessions that come and go do not take these lines away from the merging processors.</para>
/// </remarks>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    private readonly Lock _gate = new();

    private readonly CacheParts<TKey, TEvent, TState> _parts;
    private readonly EntrySlab<TKey, TEvent, TState> _slab = new();
    private readonly RecencyList<TKey, TEvent, TState> _recency;
    private readonly DeadlineBlocks _deadlines = new();
    private readonly StripeCounts _counts = new();
    private readonly FlushOutlet _outlet;
    private readonly PartitionSet _full;

    // What every merge reads, one hop from here.
    private TagTable _table = new();
    private CacheEntry<TKey, TEvent, TState>[][] _chunks = [];
    private readonly KeyEquality<TKey> _keys;
    private readonly long _softTicks;
    private readonly ulong _origin;
    private readonly bool _holdReferences;

    // By stripe, so that it grows across the sessions of a key.
    private readonly PaddedCounter _sequence = new();
    private bool _closed;

    public CacheStripe(CacheParts<TKey, TEvent, TState> parts)
    {
        _parts = parts;
        _keys = parts.Equality;
        _recency = new(_slab);
        _outlet = new FlushOutlet(parts.Sink);
        _full = new PartitionSet(parts.Options.Partitions);
        _softTicks = parts.Options.SoftTicks;
        _origin = parts.Options.Origin;
        _holdReferences = parts.Options.HoldReferences;
    }

    /// <summary>Takes the gate, until the scope is disposed.</summary>
    public Lock.Scope Enter()
    {
        Schedule.AwaitFree(_gate);
        Lock.Scope scope = _gate.EnterScope();
        Schedule.Point(Step.GateEntered);
        return scope;
    }

    /// <summary>Resident entries.</summary>
    public int Count => _recency.Count;

    /// <summary>Memory of places, table and deadlines.</summary>
    public long SessionBytes => _slab.Bytes + _table.Bytes + _deadlines.Bytes;

    /// <summary>No session is due before. Any thread, without the gate.</summary>
    public long Earliest => _deadlines.Earliest;

    /// <summary>Whether <see cref="Close"/> was called. Any thread; under the gate the answer lasts until the gate is given back.</summary>
    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>Adds the counts of this stripe to others, with the merges of the entries that are resident now.</summary>
    public MergeCacheCounters CountsAddedTo(in MergeCacheCounters sum)
    {
        long resident = 0;
        for (int index = 0; index < _slab.Used; index++)
            resident += SealWord.Merges(_slab[index].Word.Seen);
        MergeCacheCounters counted = _counts.AddedTo(in sum);
        return counted with { Merges = counted.Merges + resident };
    }

    /// <summary>From now on no entry is created and no event merged: creators hold the gate, and merges look before they claim.</summary>
    public void Close() => Volatile.Write(ref _closed, true);

    /// <summary>A new key, or a new session of a key, was turned away.</summary>
    public void CountRefusal() => _counts.Refused++;

    /// <summary>
    /// Merges one event into a session of this stripe unless it is over; folds the session's opaque deltas when they leave no room for the event's. Any
    /// thread, without the gate; allocates nothing unless it folds.
    /// </summary>
    /// <param name="entry">The place that the key was found in.</param>
    /// <param name="seen">Its word when it was found there.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="epoch">The flush epoch that was current before the look-up.</param>
    /// <param name="now">The session clock, read by this call's caller: the time of the event.</param>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    /// <exception cref="OpaqueStateException">Nothing was merged.</exception>
    public Attempt TryMerge(ref CacheEntry<TKey, TEvent, TState> entry, ulong seen, in TEvent contribution, long epoch, long now)
    {
        Attempt attempt = TryMergeOnce(ref entry, seen, in contribution, epoch, now);
        return attempt == Attempt.Crowded ? FoldAndMerge(ref entry, seen, in contribution, epoch, now) : attempt;
    }

    /// <summary>
    /// As above, without the folding: nothing of the application runs under the claim but the merge that was generated for its aggregate.
    /// </summary>
    /// <param name="entry">The place that the key was found in.</param>
    /// <param name="seen">Its word when it was found there.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="epoch">The flush epoch that was current before the look-up.</param>
    /// <param name="now">The session clock, read by this call's caller: the time of the event.</param>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)] // so that the compiler's budget is spent on the state's own merge
    private Attempt TryMergeOnce(ref CacheEntry<TKey, TEvent, TState> entry, ulong seen, in TEvent contribution, long epoch, long now)
    {
        if (!entry.Word.TryClaim(ref seen))
            return Attempt.Over;
        MergeOutcome outcome;
        bool isMerged = false;
        try
        {
            Schedule.Point(Step.Claimed);
            if (now >= entry.Deadline(_softTicks))
                return Attempt.Over;
            outcome = entry.State.Merge(in contribution, new MergeContext(now, _origin, ref _sequence.Value));
            if (outcome.IsMerged)
            {
                if (now > entry.LastMerge)
                    Volatile.Write(ref entry.LastMerge, now);
                CountEpoch(ref entry, epoch);
                if (!entry.Touched)
                    entry.Touched = true;
                isMerged = true;
                Schedule.Point(Step.Merged);
            }
        }
        finally
        {
            // Also when a state throws, which it must not: the entry stays usable.
            if (!isMerged)
                entry.Word.Release(seen);
        }

        if (isMerged)
        {
            if (entry.Word.ReleaseMerged(seen))
                _counts.CountLap();
            return Attempt.Merged;
        }

        return outcome.IsCrowded ? Attempt.Crowded : throw Overflow(outcome);
    }

    /// <summary>As above, under the gate, where the application's code must not run: a crowded entry is for <see cref="Fold(int)"/>.</summary>
    public Attempt TryMerge(int index, in TEvent contribution, long epoch, long now)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
        return TryMergeOnce(ref entry, entry.Word.Seen, in contribution, epoch, now);
    }

    /// <summary>Adds an entry for a key that has none, with its first event. The caller hands over a place for it.</summary>
    /// <exception cref="FieldOverflowException">Nothing was added.</exception>
    public void Create(TKey key, uint tag, int partition, in TEvent contribution, long epoch, long now)
    {
        _table.Reserve(Count + 1);
        int index = _slab.Rent();
        bool isCreated = false;
        try
        {
            // Before the table shows an index into a new chunk; its release store and the acquire of whoever finds the index keep that order.
            _chunks = _slab.Chunks;
            _deadlines.Reserve(index);
            ref CacheEntry<TKey, TEvent, TState> entry = ref _slab[index];
            MergeOutcome outcome = entry.State.Merge(in contribution, new MergeContext(now, _origin, ref _sequence.Value));
            if (!outcome.IsMerged)
                throw Overflow(outcome);
            entry.Key = key;
            entry.Partition = (ushort)partition;
            entry.LastMerge = now;
            entry.HardDeadline = SessionTicks.Saturated(now, _parts.Options.HardTicks);

            // The count is taken before anybody can see the entry: afterwards its fields belong to whoever claims it.
            entry.Epoch.Set(_parts.Epochs.Add(epoch));
            isCreated = true;

            // What is scheduled is the deadline after the first merge: once others can merge, theirs only move it later.
            _deadlines.Schedule(index, entry.Deadline(_softTicks));
            entry.Word.Open();
            Schedule.Point(Step.Opened);
        }
        finally
        {
            if (!isCreated)
                _slab.Return(index);
        }

        _table.Add(tag, index);
        _recency.Add(index);
        _counts.Created++;
    }

    /// <summary>An event of an epoch is in the entry now. Under the claim.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountEpoch(ref CacheEntry<TKey, TEvent, TState> entry, long epoch)
    {
        if (!entry.Epoch.IsNotAfter(epoch))
            CountOlderEpoch(ref entry, epoch);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountOlderEpoch(ref CacheEntry<TKey, TEvent, TState> entry, long epoch)
    {
        // The new count before the old one goes: the entry's events are never without one.
        long before = entry.Epoch.Read(_parts.Epochs);
        if (before != 0 && before <= epoch)
            return;
        entry.Epoch.Set(_parts.Epochs.Add(epoch));
        if (before != 0)
            _parts.Epochs.Remove(before);
    }

    /// <summary>Takes the claim of a resident entry and returns what is to be given back.</summary>
    private static ulong Claim(ref CacheEntry<TKey, TEvent, TState> entry)
    {
        ulong seen = entry.Word.Seen;
        if (!SealWord.IsLive(seen) || !entry.Word.TryClaim(ref seen))
            throw new InvalidOperationException("A sealed entry is resident: whoever seals holds the gate, and unlinks before it lets go.");
        return seen;
    }

    private FieldOverflowException Overflow(MergeOutcome outcome) => new(_parts.Schema.Name, _parts.Schema.Fields[outcome.Field].Name);
}
