using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Pipeline;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>How long the sessions of a process wait that was killed, until another one has completed them.</summary>
internal static class Recovery
{
    public const int Sessions = 10_000;

    public static async Task<(TimeSpan First, TimeSpan Last)> MeasureAsync(BenchServer server, TimeSpan lease, CancellationToken cancellation)
    {
        string url = string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint.Address}:{server.EndPoint.Port}");
        string[] arguments =
        [
            RecoveryWorker.Command, url, Sessions.ToString(CultureInfo.InvariantCulture), ((int)lease.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
        ];
        long first = 0, last = 0;
        int completed = 0;
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(RecoveryWorker.Options(url, lease), cancellation);
        engine.Aggregate(PageHits.Definition, options => options.OnCompleteBatch = (completions, _) =>
        {
            Interlocked.CompareExchange(ref first, Stopwatch.GetTimestamp(), 0);
            if (Interlocked.Add(ref completed, completions.Count) >= Sessions)
            {
                Volatile.Write(ref last, Stopwatch.GetTimestamp());
                all.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });
        long killed;
        await using (ProcessHost worker = ProcessHost.StartDotnet(typeof(Recovery).Assembly.Location, arguments))
        {
            await worker.ReadLineWithAsync("holding", cancellation);
            killed = Stopwatch.GetTimestamp();
            worker.Kill();
            await worker.ExitCode.WaitAsync(cancellation);
        }

        await all.Task.WaitAsync(cancellation);
        return (Stopwatch.GetElapsedTime(killed, first), Stopwatch.GetElapsedTime(killed, last));
    }
}
