using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Sluice.Bench.Running;

/// <summary>A variant whose work is a loop of synchronous operations, on one or more threads.</summary>
internal abstract class LoopVariant(int threads) : Variant
{
    // Reads of the clock cost as much as an operation: one for so many.
    private const int Chunk = 4_096;

    /// <summary>Performs operations number <paramref name="from"/> to <paramref name="from"/> + <paramref name="count"/> - 1 of this thread's endless sequence.</summary>
    protected abstract void Work(int thread, long from, int count);

    /// <summary>Where each thread's sequence goes on in the next run.</summary>
    private readonly long[] _positions = new long[threads];

    /// <inheritdoc/>
    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        // Tiered compilation: enough calls and then enough time for optimised code to take over in every loop.
        Measure(TimeSpan.FromMilliseconds(600));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken) => Task.FromResult(Measure(duration));

    private VariantRun Measure(TimeSpan duration)
    {
        long operations = 0;
        ExceptionDispatchInfo? failure = null;
        using Barrier start = new(threads + 1);
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() =>
        {
            start.SignalAndWait();
            try
            {
                Interlocked.Add(ref operations, WorkFor(thread, duration));
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e); // thrown to whoever asked for the run
            }
        }))];
        foreach (Thread worker in workers)
            worker.Start();
        start.SignalAndWait();
        long began = Stopwatch.GetTimestamp();
        foreach (Thread worker in workers)
            worker.Join();
        failure?.Throw();
        return new VariantRun(operations, Stopwatch.GetElapsedTime(began));
    }

    private long WorkFor(int thread, TimeSpan duration)
    {
        long began = Stopwatch.GetTimestamp(), first = _positions[thread], position = first;
        do
        {
            Work(thread, position, Chunk);
            position += Chunk;
        }
        while (Stopwatch.GetElapsedTime(began) < duration);
        _positions[thread] = position;
        return position - first;
    }
}
