namespace Sluice.Dogpiling;

/// <summary>
/// A moment of the system's clock that has not come yet, for hits: a value that lives beyond it is young enough, and no clock has to be read to know that. It is a second ahead and is moved on ten times a second, by a
/// thread of its own that exists only while values are asked for by the thousand.
/// </summary>
/// <remarks>
/// Reading a clock takes 5 ns, and among many keys several times that, because the processor then fetches the next value only when the clock was read. So who asks often does not; but what is about to expire is
/// compared with the clock itself, so that the thread may be nine tenths of a second late before anything is served too long. Any thread; the words are independent of each other.
/// </remarks>
internal static class AgeHorizon
{
    private const long Unknown = long.MaxValue;
    private const int EnoughReadings = 1_000;
    private const int IdleTicks = 20;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly long Ahead = TimeSpan.TicksPerSecond;
    private static readonly Lock Gate = new();

    // Unknown is later than every value's end, so that a hit need not ask for it.
    private static long _moment = Unknown;
    private static bool _wasAsked;
    private static long _windowStart;
    private static int _readings;
    private static bool _isKept;

    /// <summary>Whether a thread keeps it.</summary>
    public static bool IsKept
    {
        get
        {
            lock (Gate)
                return _isKept;
        }
    }

    /// <summary>Whether a moment is certainly still to come. False says nothing: read the clock, and say so with <see cref="Note"/>.</summary>
    public static bool IsBefore(long moment)
    {
        if (Volatile.Read(ref _moment) >= moment)
            return false;

        // Tested first, so that it stays in the caches of all processors.
        if (!Volatile.Read(ref _wasAsked))
            Volatile.Write(ref _wasAsked, true);
        return true;
    }

    /// <summary>The clock was read. A thousand times within a second, and it is worth a thread. The count is not exact, and need not be.</summary>
    public static void Note(long now)
    {
        if (Volatile.Read(ref _moment) != Unknown)
            return;
        if (now - Volatile.Read(ref _windowStart) > Ahead)
        {
            Volatile.Write(ref _windowStart, now);
            _readings = 0;
        }
        else if (++_readings >= EnoughReadings)
        {
            _readings = 0;
            Begin();
        }
    }

    private static void Begin()
    {
        lock (Gate)
        {
            if (_isKept)
                return;
            _isKept = true;
        }

        new Thread(Keep) { IsBackground = true, Name = "Sluice: age horizon" }.UnsafeStart();
    }

    private static void Keep()
    {
        for (int idle = 0; idle < IdleTicks; idle++)
        {
            Volatile.Write(ref _moment, (Environment.TickCount64 * TimeSpan.TicksPerMillisecond) + Ahead);
            Thread.Sleep(Tick);
            if (!Volatile.Read(ref _wasAsked))
                continue;
            Volatile.Write(ref _wasAsked, false);
            idle = -1;
        }

        // First unknown, then gone: whoever begins it again finds that it is.
        Volatile.Write(ref _moment, Unknown);
        lock (Gate)
            _isKept = false;
    }
}
