using System.Runtime.InteropServices;

namespace Sluice.Caching;

/// <summary>Cumulative counts of one stripe.</summary>
/// <remarks>Guarded by the stripe's gate, except for <see cref="CountLap"/>.</remarks>
internal sealed class StripeCounts
{
    private long _laps;

    public long Merges { get; set; }

    public long Created { get; set; }

    public long Evicted { get; private set; }

    public long ExpiredIdle { get; private set; }

    public long ExpiredHard { get; private set; }

    public long Flushed { get; set; }

    public long Refused { get; set; }

    /// <summary>The count of merges of one entry has come around. Any thread.</summary>
    public void CountLap() => Interlocked.Add(ref _laps, 1L << 32);

    public void CountEnd(CompletionReason reason)
    {
        switch (reason)
        {
            case CompletionReason.Idle:
                ExpiredIdle++;
                break;
            case CompletionReason.HardDeadline:
                ExpiredHard++;
                break;
            case CompletionReason.Evicted:
                Evicted++;
                break;
        }
    }

    public MergeCacheCounters AddedTo(in MergeCacheCounters sum) => new(
        sum.Merges + Merges + Volatile.Read(ref _laps),
        sum.Created + Created,
        sum.Evicted + Evicted,
        sum.ExpiredIdle + ExpiredIdle,
        sum.ExpiredHard + ExpiredHard,
        sum.Flushed + Flushed,
        sum.Refused + Refused);
}

/// <summary>
/// A counter that many threads increment, alone on its cache lines: 128 bytes on both sides, since processors fetch lines in pairs (and some have
/// lines of 128).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal sealed class PaddedCounter
{
    [FieldOffset(128)]
    public long Value;
}
