using Sluice.Waiting;

namespace Sluice.Completing;

/// <summary>
/// When each partition has to be looked at next, in local time: a server's "due in 3 s" becomes a local moment, so that clocks are never compared
/// across machines.
/// </summary>
/// <remarks>Any thread notes; one loop takes.</remarks>
internal sealed class DueSchedule : IDisposable
{
    /// <summary>A day: what is due later is looked at again then.</summary>
    private const long LongestMicros = 86_400_000_000;

    private readonly TimeProvider _time;
    private readonly long[] _at;
    private readonly Lock _gate = new();
    private readonly WakeSignal _wake;
    private long _earliest = long.MaxValue;

    public DueSchedule(int partitions, TimeProvider time, WorkCount? work = null)
    {
        _wake = new WakeSignal(work);
        _time = time;
        _at = new long[partitions];
        Array.Fill(_at, long.MaxValue);
    }

    /// <summary>Notes that something is due in <paramref name="micros"/> (negative: now); <see cref="long.MaxValue"/> notes nothing.</summary>
    public void Note(int partition, long micros)
    {
        if (micros == long.MaxValue)
            return;
        micros = Math.Min(micros, LongestMicros);
        long at = micros <= 0 ? 0 : _time.GetTimestamp() + (long)Math.Ceiling(micros / 1e6 * _time.TimestampFrequency);
        lock (_gate)
        {
            if (at >= _at[partition])
                return;
            _at[partition] = at;
            if (at >= _earliest)
                return;
            _earliest = at;
        }

        _wake.Set();
    }

    /// <summary>Takes the partitions that are due now.</summary>
    public void TakeDue(List<int> partitions)
    {
        long now = _time.GetTimestamp();
        partitions.Clear();
        _wake.Clear(); // before the look: what is noted after it wakes again
        lock (_gate)
        {
            _earliest = long.MaxValue;
            for (int i = 0; i < _at.Length; i++)
            {
                if (_at[i] <= now)
                {
                    partitions.Add(i);
                    _at[i] = long.MaxValue;
                }
                else
                {
                    _earliest = Math.Min(_earliest, _at[i]);
                }
            }
        }
    }

    /// <summary>Waits until something is due or was noted.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellation)
    {
        long earliest;
        lock (_gate)
            earliest = _earliest;
        long now = _time.GetTimestamp();
        if (earliest <= now)
            return;
        using ITimer? alarm = earliest == long.MaxValue ? null : _wake.Alarm(_time, Delay(now, earliest));
        await _wake.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Waits for <see cref="Note"/> or <see cref="Wake"/>, whatever is due meanwhile.</summary>
    public ValueTask WaitForWakeAsync(CancellationToken cancellation) => _wake.WaitAsync(cancellation);

    /// <summary>Lets who waits look again.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Nobody will wait any more.</summary>
    public void Dispose() => _wake.Dispose();

    /// <summary>A timer counts whole milliseconds and drops the rest: rounded down, the loop would spin through the last one.</summary>
    private TimeSpan Delay(long now, long earliest)
    {
        TimeSpan delay = TimeSpan.FromMilliseconds(Math.Ceiling(_time.GetElapsedTime(now, earliest).TotalMilliseconds));
        return delay < TimeSpan.FromHours(1) ? delay : TimeSpan.FromHours(1);
    }
}
