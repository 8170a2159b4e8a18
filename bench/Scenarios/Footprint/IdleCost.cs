using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;
using Sluice.Bench.Scenarios.Pipeline;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>What an engine costs its server while nothing happens.</summary>
/// <param name="PerSecond">Commands.</param>
/// <param name="Partitions">Over how many partitions.</param>
/// <param name="ServerMicrosPerSecond">CPU time, in a second.</param>
internal sealed record IdleCost(double PerSecond, int Partitions, double ServerMicrosPerSecond)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(30);

    public double PerPartition => PerSecond / Partitions;

    public static async Task<IdleCost> MeasureAsync(BenchServer server, bool holds, CancellationToken cancellation)
    {
        EngineOptions options = new()
        {
            Redis = { string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint.Address}:{server.EndPoint.Port}") },
            Prefix = holds ? "idle-holding" : "idle",
            SoftSession = null,
            HardSession = null,
        };
        await using SluiceEngine engine = await SluiceEngine.StartAsync(options, cancellation);
        Aggregator<string, PageHits, PageHits.Event> pages = engine.Aggregate(PageHits.Definition, static aggregate => aggregate.OnComplete = static (_, _) => ValueTask.CompletedTask);

        // Ten times as many names as partitions: none of those is left out.
        for (int i = 0; holds && i < options.Partitions * 10; i++)
            await pages.MergeAsync(PipelineEvents.Name(i), new PageHits.Event { Hits = 1 }, cancellation);
        await pages.FlushAsync(cancellation);
        await Task.Delay(TimeSpan.FromSeconds(5), cancellation); // what follows a start is not idleness
        ServerUsage idle = await UsedAsync(server, Window, cancellation);
        return new IdleCost(idle.Commands / Window.TotalSeconds, options.Partitions, idle.Cpu.TotalMicroseconds / Window.TotalSeconds);
    }

    private static async Task<ServerUsage> UsedAsync(BenchServer server, TimeSpan window, CancellationToken cancellation)
    {
        ServerUsage before = await ServerUsage.NowAsync(server, cancellation);
        await Task.Delay(window, cancellation);
        return (await ServerUsage.NowAsync(server, cancellation)).Since(before);
    }
}
