using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>One place for a resident session: its key, its unflushed delta, and the word that decides who may touch them.</summary>
/// <remarks>
/// <para>A value in an array, used again for one session after the other: no object for each session, and one cache line or two from the table to
/// everything that a merge needs. Fields without a remark of their own are written and read under the claim (<see cref="Word"/>).</para>
/// <para>Between two lives, and while one begins, everything belongs to the holder of the stripe's lock.</para>
/// </remarks>
internal struct CacheEntry<TKey, TEvent, TState>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    /// <summary>Constant for a life. Who reads it without claim and lock must check that the life has not changed meanwhile.</summary>
    public TKey Key;

    // The runtime puts nested structs behind all other fields, aligned: as bare numbers they fill no gaps, and the word lies beside the key.
    private ulong _word;

    /// <summary>
    /// The session clock at the newest merge. Written under the claim with a release store, and read without it (a 64-bit read must not tear on
    /// 32-bit processors); it never decreases, so such a reader computes a deadline that is not later than the true one.
    /// </summary>
    public long LastMerge;

    /// <summary>The session's first merge plus the hard period, saturated. Constant for a life.</summary>
    public long HardDeadline;

    private uint _epoch;

    /// <summary>The next newer entry of the stripe, see <see cref="RecencyList{TKey, TEvent, TState}"/>. Guarded by the stripe's lock.</summary>
    public int Newer;

    /// <summary>The next older entry of the stripe, or of the vacant places the next one. Guarded by the stripe's lock.</summary>
    public int Older;

    /// <summary>The partition that the key's bytes belong to. Constant for a life.</summary>
    public ushort Partition;

    /// <summary>Whether an item was handed over that makes the coordinator count this engine as a holder. Guarded by the stripe's lock.</summary>
    public bool Referenced;

    /// <summary>
    /// Set by a merge, cleared by the eviction hand when it passes. Both are plain stores that may race: a lost one moves the entry one turn of the
    /// hand towards or away from eviction, and is worth nothing to exclude.
    /// </summary>
    public bool Touched;

    /// <summary>What was merged since the last flush.</summary>
    public TState State;

    /// <summary>The mutable state's guard.</summary>
    [UnscopedRef]
    public ref SealWord Word => ref Unsafe.As<ulong, SealWord>(ref _word);

    /// <summary>
    /// The flush epoch of the oldest unflushed event, or that there is none. Written under the claim. Read without it only as a filter under the
    /// stripe's lock, where it can turn from clean to an epoch or to an older epoch, never to clean.
    /// </summary>
    [UnscopedRef]
    public ref ShortEpoch Epoch => ref Unsafe.As<uint, ShortEpoch>(ref _epoch);

    /// <summary>True when the entry can leave without a word: nothing unflushed and no reference to give back. A filter, as <see cref="Epoch"/> is.</summary>
    public bool OwesNothing => Epoch.IsClean && !Referenced;

    /// <summary>min(first merge + hard, newest merge + soft). Under the claim it is the true deadline, otherwise not later than that.</summary>
    public long Deadline(long softTicks) => Math.Min(HardDeadline, SessionTicks.Saturated(Volatile.Read(ref LastMerge), softTicks));

    /// <summary>Which of the two deadlines comes first.</summary>
    public readonly CompletionReason DeadlineReason(long softTicks) =>
        HardDeadline <= SessionTicks.Saturated(LastMerge, softTicks) ? CompletionReason.HardDeadline : CompletionReason.Idle;
}

/// <summary>Arithmetic of session-clock ticks.</summary>
internal static class SessionTicks
{
    /// <summary>The sum of a point in time and a period that is not negative, or <see cref="long.MaxValue"/> where it would wrap: never.</summary>
    public static long Saturated(long ticks, long period)
    {
        long sum = unchecked(ticks + period);
        return sum < ticks ? long.MaxValue : sum;
    }
}
