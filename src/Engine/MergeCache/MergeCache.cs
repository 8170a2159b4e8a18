using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <summary>What became of one event that was offered to the merge cache.</summary>
internal enum MergeAnswer
{
    /// <summary>The event is in an entry and will be flushed.</summary>
    Merged,

    /// <summary>Nothing happened: the key is new, the cache is at capacity, and the lane that would have to take the evicted entry is full.</summary>
    Full,

    /// <summary>Nothing happened: the cache was closed because the engine is stopping.</summary>
    Closed,
}

/// <summary>How a merge cache is built. Filled by the engine from <c>EngineOptions</c> and the aggregate's options.</summary>
internal sealed record MergeCacheOptions
{
    /// <summary>The most resident entries, 1 or more.</summary>
    public required int Capacity { get; init; }

    /// <summary>Ticks without a merge after which a local session ends; <see cref="long.MaxValue"/> = never.</summary>
    public required long SoftTicks { get; init; }

    /// <summary>Ticks since the session's first merge after which it ends; <see cref="long.MaxValue"/> = never.</summary>
    public required long HardTicks { get; init; }

    /// <summary>Decides soft and hard deadlines, and stamps contributions.</summary>
    public required SessionClock Clock { get; init; }

    /// <summary>Number of partitions of the stored layout.</summary>
    public required int Partitions { get; init; }

    /// <summary>Whether a flushed entry that stays resident holds a reference (sessions end by reference) or not (by inactivity).</summary>
    public required bool HoldReferences { get; init; }

    /// <summary>The engine's number, see <see cref="MergeContext.Origin"/>.</summary>
    public required ulong Origin { get; init; }
}

/// <summary>The merge cache as the engine's loops see it: without key and event.</summary>
internal abstract class MergeCache
{
    /// <summary>Resident entries.</summary>
    public abstract int Count { get; }

    /// <summary>The earliest deadline of a resident session in session-clock ticks (never later than the true one), or <see cref="long.MaxValue"/>.</summary>
    public abstract long NextDeadline { get; }

    /// <summary>Memory for sessions, used and empty, in bytes: places and tables, without what keys and states refer to.</summary>
    public abstract long SessionBytes { get; }

    /// <summary>Counts for metrics, cumulative.</summary>
    public abstract MergeCacheCounters Counters { get; }

    /// <summary>
    /// Flushes the deltas of all resident entries whose epoch is at most <paramref name="upToEpoch"/> and keeps the entries.
    /// Returns false when at least one lane was full: those entries keep their deltas, call again.
    /// </summary>
    public abstract bool TryFlushDirty(long upToEpoch);

    /// <summary>
    /// Ends every session whose deadline is not after the session clock's now. Returns false when a lane was full: call again.
    /// </summary>
    public abstract bool TrySweep(out int expired);

    /// <summary>Ends every session. Returns false when a lane was full: call again.</summary>
    public abstract bool TryExpireAll(CompletionReason reason, out int expired);

    /// <summary>From now on no entry is created and no event is merged. Idempotent. A merge that returned Merged before is in an entry.</summary>
    public abstract void Close();

    /// <summary>Empties every delta without flushing it and returns its epoch count; the entries and their references stay. Returns how many were dropped.</summary>
    public abstract int DiscardDeltas();

    /// <summary>The lane of a partition begins a new life, on which it references everything again that is held. Called by the lane's loop.</summary>
    public virtual void OnReincarnated(int partition)
    {
        // Sessions go on: what the old life had flushed was completed, and what they add now is the next generation.
    }

    /// <summary>The server had lost the engine's reference to a resource; the lane has brought it back. Called by the lane's loop.</summary>
    public virtual void OnTakenAgain(ResourceKey resource)
    {
        // Nobody was told of a session's reference.
    }
}

/// <summary>The merge cache as the aggregator sees it; the derived class knows the state.</summary>
internal abstract class MergeCache<TKey, TEvent> : MergeCache
    where TKey : notnull
    where TEvent : struct
{
    /// <summary>Merges one event. <paramref name="epoch"/> is the flush epoch that was read before the call, or 0 for the current one.</summary>
    /// <exception cref="FieldOverflowException">Nothing was merged.</exception>
    /// <exception cref="OpaqueStateException">Nothing was merged: the application's code threw while it made room for the event.</exception>
    /// <exception cref="ArgumentException">The key is not valid.</exception>
    public abstract MergeAnswer TryMerge(TKey key, in TEvent contribution, long epoch);

    /// <summary>As <see cref="TryMerge(TKey, in TEvent, long)"/>, for string keys; makes a string only for a new key.</summary>
    /// <exception cref="NotSupportedException">The key is not a string.</exception>
    public abstract MergeAnswer TryMerge(ReadOnlySpan<char> key, in TEvent contribution, long epoch);

    /// <summary>As <see cref="TryMerge(TKey, in TEvent, long)"/>, for string keys in UTF-8; makes a string only for a new key.</summary>
    public abstract MergeAnswer TryMerge(ReadOnlySpan<byte> utf8Key, in TEvent contribution, long epoch);

    /// <summary>Merges events in order until one is not merged; returns how many were.</summary>
    public abstract int TryMerge(ReadOnlySpan<KeyValuePair<TKey, TEvent>> events, long epoch, out MergeAnswer last);

    /// <summary>Flushes the delta of one resident key and keeps it; true when it was handed over or there was nothing to do, false when the lane is full.</summary>
    public abstract bool TryFlush(TKey key, FlushWaiter? waiter);

    /// <summary>
    /// Ends the session of one key: its last delta and its dereference go out as one item. With <paramref name="force"/> an item goes out even when
    /// the key is not resident. True when it was handed over or there was nothing to do; false when the lane is full.
    /// </summary>
    public abstract bool TryExpire(TKey key, bool force, FlushWaiter? waiter);
}

/// <summary>Cumulative counts of a merge cache.</summary>
internal readonly record struct MergeCacheCounters(
    long Merges, long Created, long Evicted, long ExpiredIdle, long ExpiredHard, long Flushed, long Refused);
