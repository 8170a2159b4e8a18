using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>Lets all callers of a variant begin and end a run together.</summary>
internal sealed class CallerGate(int callers)
{
    private readonly Lock _recording = new();
    private TaskCompletionSource<bool> _begin = New<bool>();
    private TaskCompletionSource _end = New();
    private LatencyHistogram _latencies = new();
    private long _operations;
    private int _working;
    private bool _over;

    /// <summary>The run's time is up.</summary>
    public bool IsOver => Volatile.Read(ref _over);

    /// <summary>Waits for the next run.</summary>
    /// <returns>False when there will be none.</returns>
    public Task<bool> EnterAsync() => Volatile.Read(ref _begin).Task;

    /// <summary>A timed operation.</summary>
    public void Record(TimeSpan latency)
    {
        lock (_recording)
            _latencies.Record(latency);
    }

    /// <summary>A caller has noticed that the run is over.</summary>
    public void Leave(long operations)
    {
        Interlocked.Add(ref _operations, operations);
        if (Interlocked.Decrement(ref _working) == 0)
            _end.SetResult();
    }

    /// <summary>One run: everybody works for so long.</summary>
    public async Task<(long Operations, LatencyHistogram Latencies)> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        (_operations, _working, _latencies, _end) = (0, callers, new LatencyHistogram(), New());
        Volatile.Write(ref _over, false);
        TaskCompletionSource<bool> begin = _begin;
        // Whoever leaves this run must meet the gate of the next one.
        Volatile.Write(ref _begin, New<bool>());
        begin.SetResult(true);
        await Task.Delay(duration, cancellationToken);
        Volatile.Write(ref _over, true);
        await _end.Task.WaitAsync(cancellationToken);
        return (_operations, _latencies);
    }

    /// <summary>No more runs: the callers end.</summary>
    public void Close() => _begin.SetResult(false);

    private static TaskCompletionSource<T> New<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
