namespace Sluice.Resp.Connection;

/// <summary>Something that the clock looks at.</summary>
internal interface IClocked
{
    /// <summary>Looks for what is late or stuck. On the clock's thread: short, no waiting, no user code.</summary>
    /// <returns>True while it must be looked at every few milliseconds; false when once in a while will do.</returns>
    bool Tick(long now);
}

/// <summary>
/// The one thread that looks at deadlines, stalls and silent peers: every <see cref="PeriodMilliseconds"/> while something is in flight, now and then otherwise.
/// </summary>
/// <remarks>
/// A thread of its own, because a deadline that waits for a starved thread pool is none. Shared by all connections of the process; it ends when the last one leaves.
/// Any thread may call any method.
/// </remarks>
internal sealed class RespClock
{
    /// <summary>How often it looks while something is in flight; a deadline is noticed within two of these.</summary>
    public const int PeriodMilliseconds = 4;

    private const int RestingPeriodMilliseconds = 100;

    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _wake = new(initialState: false, spinCount: 0);
    private IClocked[] _watched = [];
    private bool _runs;
    private int _resting;

    /// <summary>The process's clock.</summary>
    public static RespClock Shared { get; } = new();

    /// <summary>Milliseconds of a monotonic clock.</summary>
    public static long Now => Environment.TickCount64;

    /// <summary>Begins to look at something.</summary>
    public void Add(IClocked watched)
    {
        lock (_gate)
        {
            _watched = [.. _watched, watched];
            if (!_runs)
            {
                // Without the caller's execution context: the thread outlives the call, and what flows in it would live as long.
                new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "Sluice.Resp clock" }.UnsafeStart();
                _runs = true;
            }
        }

        _wake.Set();
    }

    /// <summary>Stops looking; a tick that has begun may still end.</summary>
    public void Remove(IClocked watched)
    {
        lock (_gate)
            _watched = [.. _watched.Where(other => !ReferenceEquals(other, watched))];
        _wake.Set();
    }

    /// <summary>Something is in flight. A read of one flag unless the clock rests.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _resting) != 0)
            _wake.Set();
    }

    private void Run()
    {
        while (true)
        {
            IClocked[] watched;
            lock (_gate)
            {
                watched = _watched;
                if (watched.Length == 0)
                {
                    _runs = false;
                    return;
                }
            }

            // The flag first, then the look: who enqueues after the look sees the flag; who enqueued before is seen.
            _wake.Reset();
            Interlocked.Exchange(ref _resting, 1);
            bool busy = false;
            long now = Now;
            foreach (IClocked one in watched)
                busy |= one.Tick(now);
            if (busy)
            {
                Volatile.Write(ref _resting, 0);
                Thread.Sleep(PeriodMilliseconds);
            }
            else
            {
                _wake.Wait(RestingPeriodMilliseconds);
                Volatile.Write(ref _resting, 0);
            }
        }
    }
}
