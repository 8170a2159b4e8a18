using System.Diagnostics;
using Sluice.Cli.Output;
using Spectre.Console;

namespace Sluice.Cli.Report;

/// <summary>One line that moves while a run lasts, and is gone when it ends.</summary>
internal static class IngestProgress
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>Shows progress until the run ends.</summary>
    /// <param name="console">A terminal.</param>
    /// <param name="counters">What the run has read.</param>
    /// <param name="totalBytes">Bytes of all inputs as stored, or null when that is not known.</param>
    /// <param name="run">The run.</param>
    public static Task ShowAsync(IAnsiConsole console, IngestCounters counters, long? totalBytes, Task run) =>
        console.Progress()
            .AutoClear(true)
            .HideCompleted(false)
            .Columns(totalBytes is null
                ? [new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }]
                : [new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }])
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask("starting", maxValue: totalBytes ?? double.MaxValue);
                long started = Stopwatch.GetTimestamp();
                using PeriodicTimer timer = new(Period);
                while (!run.IsCompleted)
                {
                    double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                    long read = counters.StoredBytes.Value;
                    task.Value = totalBytes is null ? 0 : read;
                    task.Description = $"{HumanUnits.Count(counters.Events)} events [dim]· {HumanUnits.Rate(counters.Events / Math.Max(seconds, 0.001))}/s · {HumanUnits.Bytes(read)} read[/]";
                    await Task.WhenAny(run, timer.WaitForNextTickAsync().AsTask()).ConfigureAwait(false);
                }
            });
}
