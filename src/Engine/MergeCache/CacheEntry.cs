using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>One resident session: its key, its unflushed delta, and the word that decides who may touch them.</summary>
/// <remarks>Fields without a remark of their own are written and read under the claim (<see cref="Word"/>).</remarks>
internal sealed class CacheEntry<TKey, TEvent, TState>(TKey key, CacheStripe<TKey, TEvent, TState> stripe, int partition, long hardDeadline, long now) : ResidentNode
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    /// <summary>Immutable.</summary>
    public readonly TKey Key = key;

    /// <summary>The stripe of the key. Immutable, and the same for every entry that the key ever has.</summary>
    public readonly CacheStripe<TKey, TEvent, TState> Stripe = stripe;

    /// <summary>The partition that the key's bytes belong to. Immutable.</summary>
    public readonly int Partition = partition;

    /// <summary>The session's first merge plus the hard period, saturated. Immutable.</summary>
    public readonly long HardDeadline = hardDeadline;

    /// <summary>The mutable state's guard.</summary>
    public SealWord Word;

    /// <summary>
    /// The flush epoch of the oldest unflushed event, 0 when everything is flushed. Written under the claim. Read without it only as a filter under
    /// the stripe's lock, where it can turn from 0 to an epoch or to an older epoch, never to 0; so writes by merges must not tear either.
    /// </summary>
    public long Epoch;

    /// <summary>
    /// The session clock at the newest merge. Written under the claim with a release store, and read without it (a 64-bit read must not tear on
    /// 32-bit processors); it never decreases, so such a reader computes a deadline that is not later than the true one.
    /// </summary>
    public long LastMerge = now;

    /// <summary>
    /// Events merged into this entry. Counting here costs an addition on a line that the claim already owns; the stripe folds the count in when
    /// the session ends, and whoever reads the counters adds those of the resident entries.
    /// </summary>
    public long Merges;

    /// <summary>Whether an item was handed over that makes the coordinator count this engine as a holder. Guarded by the stripe's lock.</summary>
    public bool Referenced;

    /// <summary>What was merged since the last flush.</summary>
    public TState State;

    /// <summary>True when the entry can leave without a word: nothing unflushed and no reference to give back. A filter, as <see cref="Epoch"/> is.</summary>
    public bool OwesNothing => Volatile.Read(ref Epoch) == 0 && !Referenced;

    /// <summary>min(first merge + hard, newest merge + soft). Under the claim it is the true deadline, otherwise not later than that.</summary>
    public long Deadline(long softTicks) => Math.Min(HardDeadline, Saturated(Volatile.Read(ref LastMerge), softTicks));

    /// <summary>Which of the two deadlines comes first.</summary>
    public CompletionReason DeadlineReason(long softTicks) =>
        HardDeadline <= Saturated(LastMerge, softTicks) ? CompletionReason.HardDeadline : CompletionReason.Idle;

    /// <summary>The sum of a point in time and a period that is not negative, or <see cref="long.MaxValue"/> where it would wrap: never.</summary>
    public static long Saturated(long ticks, long period)
    {
        long sum = unchecked(ticks + period);
        return sum < ticks ? long.MaxValue : sum;
    }
}
