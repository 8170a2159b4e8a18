namespace Sluice.Completing;

/// <summary>
/// When each partition has to be looked at next, in local time: a server's "due in 3 s" becomes a local moment, so that clocks are never compared
/// across machines.
/// </summary>
/// <remarks>Any thread notes; one loop takes.</remarks>
internal sealed class DueSchedule
{
    /// <summary>A day: what is due later is looked at again then.</summary>
    private const long LongestMicros = 86_400_000_000;

    private readonly TimeProvider _time;
    private readonly long[] _at;
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _earliest = long.MaxValue;

    public DueSchedule(int partitions, TimeProvider time)
    {
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
            _changed.TrySetResult();
        }
    }

    /// <summary>Takes the partitions that are due now.</summary>
    public void TakeDue(List<int> partitions)
    {
        long now = _time.GetTimestamp();
        partitions.Clear();
        lock (_gate)
        {
            if (_changed.Task.IsCompleted)
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
        Task changed;
        long earliest;
        lock (_gate)
        {
            changed = _changed.Task;
            earliest = _earliest;
        }

        if (changed.IsCompleted)
            return;
        long now = _time.GetTimestamp();
        if (earliest <= now)
            return;

        // A delay counts whole milliseconds and drops the rest: rounded down, the loop would spin through the last one.
        TimeSpan delay = earliest == long.MaxValue
            ? Timeout.InfiniteTimeSpan
            : TimeSpan.FromMilliseconds(Math.Ceiling(_time.GetElapsedTime(now, earliest).TotalMilliseconds));
        if (delay > TimeSpan.FromHours(1))
            delay = TimeSpan.FromHours(1);
        using CancellationTokenSource woken = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task elapsed = Task.Delay(delay, _time, woken.Token);
        await Task.WhenAny(changed, elapsed).ConfigureAwait(false);
        await woken.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }
}
