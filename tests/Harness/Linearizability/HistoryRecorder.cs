using System.Collections.Concurrent;
using System.Diagnostics;

namespace Sluice.Harness.Linearizability;

/// <summary>Writes down what concurrent callers do. Any thread.</summary>
/// <typeparam name="TInput">What an operation asks.</typeparam>
/// <typeparam name="TOutput">What it was answered.</typeparam>
public sealed class HistoryRecorder<TInput, TOutput>
{
    private readonly ConcurrentQueue<Operation<TInput, TOutput>> _operations = new();

    /// <summary>What was written down, when nobody calls any more.</summary>
    public IReadOnlyList<Operation<TInput, TOutput>> Operations => [.. _operations];

    /// <summary>Performs an operation and writes it down; one that throws has no known answer.</summary>
    public async Task<TOutput> PerformAsync(string key, int process, TInput input, Func<ValueTask<TOutput>> operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        long called = Stopwatch.GetTimestamp();
        try
        {
            TOutput output = await operation();
            _operations.Enqueue(new Operation<TInput, TOutput>(key, process, input, output, called, Stopwatch.GetTimestamp()));
            return output;
        }
        catch
        {
            _operations.Enqueue(new Operation<TInput, TOutput>(key, process, input, default!, called, long.MaxValue));
            throw;
        }
    }
}
