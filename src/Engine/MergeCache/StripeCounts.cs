using System.Runtime.InteropServices;

namespace Sluice.Caching;

/// <summary>Cumulative counts of one stripe.</summary>
/// <remarks>Guarded by the stripe's gate.</remarks>
internal struct StripeCounts
{
    public long Merges;
    public long Created;
    public long Evicted;
    public long ExpiredIdle;
    public long ExpiredHard;
    public long Flushed;
    public long Refused;

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

    public readonly MergeCacheCounters AddedTo(in MergeCacheCounters sum) => new(
        sum.Merges + Merges,
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
internal struct PaddedCounter
{
    [FieldOffset(128)]
    public long Value;
}
