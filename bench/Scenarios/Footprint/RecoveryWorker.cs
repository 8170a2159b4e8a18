using System.Globalization;
using Sluice.Bench.Scenarios.Pipeline;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>
/// A process that holds sessions until it is killed: <c>recovery-worker URL SESSIONS LEASE-MS</c>. It says <c>holding</c> when their updates are on the server, and merges no more.
/// </summary>
internal static class RecoveryWorker
{
    public const string Command = "recovery-worker";
    public const string Prefix = "recovery";

    public static EngineOptions Options(string url, TimeSpan lease) => new()
    {
        Redis = { url },
        Prefix = Prefix,
        SoftSession = null,
        HardSession = null,
        LeaseDuration = lease,
    };

    public static async Task<int> RunAsync(string[] arguments, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        TimeSpan lease = TimeSpan.FromMilliseconds(int.Parse(arguments[2], CultureInfo.InvariantCulture));
        await using SluiceEngine engine = await SluiceEngine.StartAsync(Options(arguments[0], lease), cancellation);
        Aggregator<string, PageHits, PageHits.Event> pages = engine.Aggregate(PageHits.Definition);
        for (int i = int.Parse(arguments[1], CultureInfo.InvariantCulture); i > 0; i--)
            await pages.MergeAsync(PipelineEvents.Name(i), new PageHits.Event { Hits = 1 }, cancellation);
        await pages.FlushAsync(cancellation);
        await output.WriteLineAsync("holding");
        await input.ReadLineAsync(cancellation);
        return 0;
    }
}
