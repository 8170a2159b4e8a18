using System.Diagnostics;
using System.Runtime;

namespace Sluice.Allocations;

/// <summary>
/// Measures what the whole process, on all threads, allocates while a case runs a million operations in optimised code. Alone in its process, because
/// with tests beside it the figure would be theirs too.
/// </summary>
internal static class AllocationGuard
{
    public const int Operations = 1_000_000;

    /// <summary>Of a million operations: one byte an operation would be 60 times as much; the runtime's own background work is far less.</summary>
    public const long LimitBytes = 16 * 1024;

    // Tier 0 counts 30 calls, then the tier-1 timer waits until no new tier-0 code was made for 100 ms.
    private const int WarmUpCalls = 60;
    private static readonly TimeSpan QuietFor = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan WarmUpLimit = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that a million operations allocated, after the warm-up.</summary>
    public static long Measure(AllocationCase subject)
    {
        WarmUp(subject);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        subject.Run(Operations);
        return Math.Max(0, GC.GetTotalAllocatedBytes(precise: true) - before - subject.ExcusedBytes);
    }

    private static void WarmUp(AllocationCase subject)
    {
        // Optimised means: the compiler has been quiet for longer than its own delay although the code kept running. In processor time too: on a
        // busy machine the compiler's thread waits as long as this one does.
        long began = Stopwatch.GetTimestamp(), quietSince = began, compiled = JitInfo.GetCompiledMethodCount();
        TimeSpan cpuSince = Environment.CpuUsage.TotalTime;
        for (int calls = 0; calls < WarmUpCalls || Stopwatch.GetElapsedTime(quietSince) < QuietFor || Environment.CpuUsage.TotalTime - cpuSince < QuietFor; calls++)
        {
            subject.Run(subject.WarmUpOperations);
            long now = JitInfo.GetCompiledMethodCount();
            if (now != compiled)
                (compiled, quietSince, cpuSince) = (now, Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            if (Stopwatch.GetElapsedTime(began) > WarmUpLimit)
                return; // a method is still being compiled over and over: the measurement will say whether it matters
        }
    }
}
