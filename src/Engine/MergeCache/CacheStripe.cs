using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>
/// A fixed share of the keys: the lock under which their entries come, go and are handed to the sink, with the recency list and the deadlines of
/// those that are resident.
/// </summary>
/// <remarks>
/// <para>Merges of resident keys take no lock. Everything else is serialised by <see cref="Gate"/>: a key has one stripe for ever, so its items
/// reach the sink in the order of its sessions and of the flushes within them.</para>
/// <para>Lock order: gate, then an entry's claim, then the leaf locks inside the flush epochs and the sink. Who merges takes the claim without the
/// gate and never takes the gate while it holds a claim; nobody holds two gates.</para>
/// <para>All methods need the gate unless they say otherwise.</para>
/// </remarks>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    public readonly Lock Gate = new();

    private readonly CacheParts<TKey, TEvent, TState> _parts;
    private readonly RecencyList _recency = new();
    private readonly DeadlineHeap _deadlines = new();
    private readonly FlushOutlet _outlet;
    private readonly PartitionSet _full;

    // Copies of what every merge reads, one hop from the entry.
    private readonly SessionClock _clock;
    private readonly long _softTicks;
    private readonly ulong _origin;
    private readonly bool _holdReferences;

    private StripeCounts _counts;

    // By stripe, so that it grows across the sessions of a key.
    private PaddedCounter _sequence;
    private bool _closed;

    public CacheStripe(CacheParts<TKey, TEvent, TState> parts)
    {
        _parts = parts;
        _outlet = new FlushOutlet(parts.Sink);
        _full = new PartitionSet(parts.Options.Partitions);
        _clock = parts.Options.Clock;
        _softTicks = parts.Options.SoftTicks;
        _origin = parts.Options.Origin;
        _holdReferences = parts.Options.HoldReferences;
    }

    /// <summary>Resident entries.</summary>
    public int Count => _recency.Count;

    /// <summary>The earliest scheduled deadline. Any thread, without the gate.</summary>
    public long Earliest => _deadlines.Earliest;

    /// <summary>Whether <see cref="Close"/> was called. Any thread; under the gate the answer lasts until the gate is given back.</summary>
    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>The counts of this stripe, with the merges of the entries that are resident now.</summary>
    public StripeCounts Counts
    {
        get
        {
            StripeCounts counts = _counts;
            for (ResidentNode? node = _recency.Newest; node is not null; node = node.Older)
                counts.Merges += Volatile.Read(ref Entry(node).Merges);
            return counts;
        }
    }

    /// <summary>From now on no entry is created and no event merged: creators hold the gate, and merges look under their claim.</summary>
    public void Close() => Volatile.Write(ref _closed, true);

    /// <summary>A new key, or a new session of a key, was turned away.</summary>
    public void CountRefusal() => _counts.Refused++;

    /// <summary>Merges one event into an entry of this stripe unless its session is over. Any thread, without the gate; allocates nothing.</summary>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    public Attempt TryMerge(CacheEntry<TKey, TEvent, TState> entry, in TEvent contribution, long epoch)
    {
        if (!entry.Word.TryClaim())
            return Attempt.Over;
        MergeOutcome outcome;
        try
        {
            if (IsClosed)
                return Attempt.Closed;
            long now = _clock.NowTicks;
            if (now >= entry.Deadline(_softTicks))
                return Attempt.Over;
            outcome = entry.State.Merge(in contribution, new MergeContext(now, _origin, ref _sequence.Value));
            if (outcome.IsMerged)
            {
                if (now > entry.LastMerge)
                    Volatile.Write(ref entry.LastMerge, now);
                if (epoch < entry.Epoch || entry.Epoch == 0)
                    CountEpoch(entry, epoch);
                entry.Merges++;
                if (!entry.Touched)
                    entry.Touched = true;
                return Attempt.Merged;
            }
        }
        finally
        {
            // Also when a clock or a state throws, which they must not: the entry stays usable.
            entry.Word.Release();
        }

        throw Overflow(outcome);
    }

    /// <summary>Adds an entry for a key that has none, with its first event. The caller hands over a place for it.</summary>
    /// <exception cref="FieldOverflowException">Nothing was added.</exception>
    public void Create(TKey key, int partition, in TEvent contribution, long epoch)
    {
        long now = _clock.NowTicks;
        long hardDeadline = CacheEntry<TKey, TEvent, TState>.Saturated(now, _parts.Options.HardTicks);
        CacheEntry<TKey, TEvent, TState> entry = new(key, this, partition, hardDeadline, now);
        MergeOutcome outcome = entry.State.Merge(in contribution, new MergeContext(now, _origin, ref _sequence.Value));
        if (!outcome.IsMerged)
            throw Overflow(outcome);
        entry.Merges = 1;
        _deadlines.Reserve();

        // The count is taken before anybody can see the entry: afterwards its fields belong to whoever claims it.
        entry.Epoch = _parts.Epochs.Add(epoch);
        try
        {
            _parts.Table.Add(key, entry);
        }
        catch
        {
            _parts.Epochs.Remove(entry.Epoch);
            throw;
        }

        // What is scheduled is the deadline after the first merge. Others may have merged since, which only moved it later.
        _deadlines.Add(entry, Math.Min(hardDeadline, CacheEntry<TKey, TEvent, TState>.Saturated(now, _softTicks)));
        _recency.Add(entry);
        _counts.Created++;
    }

    private void CountEpoch(CacheEntry<TKey, TEvent, TState> entry, long epoch)
    {
        // The new count before the old one goes: the entry's events are never without one.
        long before = entry.Epoch;
        Volatile.Write(ref entry.Epoch, _parts.Epochs.Add(epoch));
        if (before != 0)
            _parts.Epochs.Remove(before);
    }

    private static CacheEntry<TKey, TEvent, TState> Entry(ResidentNode node) => (CacheEntry<TKey, TEvent, TState>)node;

    private static void Claim(CacheEntry<TKey, TEvent, TState> entry)
    {
        if (!entry.Word.TryClaim())
            throw new InvalidOperationException("A sealed entry is resident: whoever seals holds the gate, and unlinks before it lets go.");
    }

    private FieldOverflowException Overflow(MergeOutcome outcome) => new(_parts.Schema.Name, _parts.Schema.Fields[outcome.Field].Name);
}
