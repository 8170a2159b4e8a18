using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Pipeline;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>
/// How long the sessions of a process wait that was killed, until another one has completed them. One that holds resources in the same partitions hears of the death with its next beat, one that holds
/// nothing when it looks after all partitions again.
/// </summary>
internal static class Recovery
{
    public const int Sessions = 10_000;

    // Ten times as many as there are partitions: one of them at least in each.
    private const int Own = 640;

    public static async Task<(TimeSpan First, TimeSpan Last)> MeasureAsync(BenchServer server, TimeSpan lease, bool works, CancellationToken cancellation)
    {
        string url = string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint.Address}:{server.EndPoint.Port}");
        string prefix = works ? "recovery-working" : "recovery-idle";
        string[] arguments =
        [
            RecoveryWorker.Command, url, Sessions.ToString(CultureInfo.InvariantCulture), ((int)lease.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            prefix,
        ];
        long first = 0, last = 0;
        int completed = 0;
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(RecoveryWorker.Options(url, prefix, lease), cancellation);
        Aggregator<string, PageHits, PageHits.Event> pages = engine.Aggregate(PageHits.Definition, options => options.OnCompleteBatch = (completions, _) =>
        {
            Interlocked.CompareExchange(ref first, Stopwatch.GetTimestamp(), 0);
            if (Interlocked.Add(ref completed, completions.Count) >= Sessions)
            {
                Volatile.Write(ref last, Stopwatch.GetTimestamp());
                all.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });
        for (int i = 1; works && i <= Own; i++)
            await pages.MergeAsync(PipelineEvents.Name(PipelineEvents.Keys + i), new PageHits.Event { Hits = 1 }, cancellation);
        await pages.FlushAsync(cancellation);
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
