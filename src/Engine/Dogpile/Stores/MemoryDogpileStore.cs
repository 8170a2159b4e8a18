namespace Sluice;

/// <summary>A store in this process's memory, for several caches of one process, and for tests of what uses a store. It keeps bytes, as a remote one would.</summary>
/// <remarks>All members are thread-safe. Forgets values after their time when they are asked for, and all of those whenever it has doubled in size.</remarks>
public sealed class MemoryDogpileStore : IDogpileStore
{
    private const int FirstSweep = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, StoredValue> _values = [];
    private readonly TimeProvider _time;
    private int _sweepAt = FirstSweep;

    /// <summary>An empty store.</summary>
    /// <param name="time">Decides what is forgotten; null = the system's.</param>
    public MemoryDogpileStore(TimeProvider? time = null) => _time = time ?? TimeProvider.System;

    /// <summary>How many values it holds, those included whose time is over and that nobody asked for since.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _values.Count;
        }
    }

    /// <inheritdoc/>
    public ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_values.TryGetValue(key, out StoredValue? value))
                return ValueTask.FromResult<StoredValue?>(null);
            if (!IsOver(value))
                return ValueTask.FromResult<StoredValue?>(value);
            _values.Remove(key);
            return ValueTask.FromResult<StoredValue?>(null);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(value);
        lock (_gate)
        {
            if (_values.TryGetValue(key, out StoredValue? present) && present.FencingToken > value.FencingToken)
                return ValueTask.FromResult(false);
            _values[key] = value;
            if (_values.Count >= _sweepAt)
            {
                foreach (string old in _values.Where(pair => IsOver(pair.Value)).Select(static pair => pair.Key).ToArray())
                    _values.Remove(old);
                _sweepAt = Math.Max(FirstSweep, 2 * _values.Count);
            }

            return ValueTask.FromResult(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask RemoveAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
            _values.Remove(key);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask ExpireAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_values.TryGetValue(key, out StoredValue? value))
                _values[key] = value with { IsExpired = true };
        }

        return ValueTask.CompletedTask;
    }

    private bool IsOver(StoredValue value) => value.KeepUntil <= _time.GetUtcNow();
}
