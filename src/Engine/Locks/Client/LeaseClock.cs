using System.Runtime.InteropServices;

namespace Sluice.Locking;

/// <summary>
/// Microseconds since some moment, never set back or forward. On Linux they go on while the machine sleeps, which the runtime's clock doesn't: a process
/// that wakes up after an hour must not believe that its lease is young.
/// </summary>
internal sealed partial class LeaseClock(TimeProvider time)
{
    private const int BootTime = 7;

    private readonly bool _isBootTime = ReferenceEquals(time, TimeProvider.System) && OperatingSystem.IsLinux() && TryRead(out _);

    public TimeProvider Time => time;

    public long Now
    {
        get
        {
            if (_isBootTime && TryRead(out long micros))
                return micros;
            return (long)((Int128)time.GetTimestamp() * 1_000_000 / time.TimestampFrequency);
        }
    }

    private static bool TryRead(out long micros)
    {
        micros = 0;
        if (!Environment.Is64BitProcess || GetTime(BootTime, out Timespec now) != 0)
            return false;
        micros = (now.Seconds * 1_000_000) + (now.Nanoseconds / 1000);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int GetTime(int clock, out Timespec now);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
