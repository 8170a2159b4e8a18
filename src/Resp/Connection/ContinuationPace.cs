using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Sluice.Resp.Connection;

/// <summary>
/// Notices that continuations of a batch take long while others wait behind them. Looks at the time after the first, then after 2, 4 and 8 more, and every 8 from then on: short continuations
/// pay an eighth of a time stamp each, and nothing when nobody waits.
/// </summary>
/// <remarks>Belongs to one thread and one batch.</remarks>
internal struct ContinuationPace
{
    private const int LargestStride = 8;

    // Up to eight continuations together: those that only send the next command take some microseconds at most.
    private static readonly long Long = Stopwatch.Frequency / 10_000;

    private long _since;
    private int _stride;
    private int _left;

    /// <summary>A continuation is about to run, and so many wait behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeforeOne(int waiting)
    {
        if (_since != 0 || waiting == 0)
            return;
        _since = Stopwatch.GetTimestamp();
        _stride = _left = 1;
    }

    /// <summary>A continuation ran: true when the last ones took long and something waits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsSlow(ref int waiting) => _since != 0 && --_left == 0 && Look(Volatile.Read(ref waiting));

    private bool Look(int waiting)
    {
        if (waiting == 0)
        {
            _since = 0;
            return false;
        }

        long now = Stopwatch.GetTimestamp();
        bool slow = now - _since > Long;
        _stride = slow ? 1 : Math.Min(LargestStride, 2 * _stride);
        _left = _stride;
        _since = now;
        return slow;
    }
}
