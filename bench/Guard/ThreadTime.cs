using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Sluice.Bench.Guard;

/// <summary>What this thread has spent of the processor's time: whatever else runs on the machine is not in it. On Linux; elsewhere it is the clock on the wall.</summary>
internal static partial class ThreadTime
{
    private const int ThreadClock = 3; // CLOCK_THREAD_CPUTIME_ID

    /// <summary>Nanoseconds since some moment.</summary>
    public static long Now
    {
        get
        {
            if (OperatingSystem.IsLinux() && Read(ThreadClock, out Moment moment) == 0)
                return (moment.Seconds * 1_000_000_000) + moment.Nanoseconds;
            return (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Read(int clock, out Moment moment);

    // As 64-bit systems have it.
    [StructLayout(LayoutKind.Sequential)]
    private struct Moment
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
