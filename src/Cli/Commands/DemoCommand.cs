using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Sluice.Cli.Arguments;
using Sluice.Cli.Demo;
using Sluice.Cli.Demo.Embedded;
using Sluice.Cli.Input;
using Sluice.Cli.Output;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Cli.Sample;
using Sluice.Cli.Sessions;
using Sluice.Cli.Workers;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice demo</c>: workers share a made-up load while mishaps happen to them, and the totals are exact all the same.</summary>
internal sealed class DemoCommand
{
    private readonly ToolOption<string?> _redis = RedisTarget.Option("--redis", "Worker processes share these servers; without it, workers in this process share the embedded coordinator");
    private readonly ToolOption<string?> _chaos = ToolOptions.Text("--chaos", $"{MishapText.Embedded}|none", "What happens to the workers; rollback and sink only without --redis [default: everything]");
    private readonly ToolOption<long> _workers = ToolOptions.Count("--workers", "Workers", 4, 1, 64);
    private readonly ToolOption<Limit> _duration = ToolOptions.Duration("--duration", "How long events are generated; longer until every mishap has happened", new Limit(TimeSpan.FromSeconds(15)));
    private readonly ToolOption<Limit> _lease = ToolOptions.Duration("--lease", "How long a silent worker keeps what it holds", new Limit(TimeSpan.FromSeconds(2)));
    private readonly ToolOption<long> _seed = ToolOptions.Count("--seed", "Seed of the load and of the mishaps", 1, 0, int.MaxValue);

    private DemoCommand()
    {
    }

    public static Command Create()
    {
        DemoCommand demo = new();
        Command command = new("demo", "Show that totals stay exact while workers die, sleep and lose their connections.")
        {
            demo._redis, demo._chaos, demo._workers, demo._duration, demo._lease, demo._seed,
        };
        command.SetAction((parse, _) => CommandGuard.RunAsync(() => demo.RunAsync(parse)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse)
    {
        TimeSpan lease = LeaseText.Check(_lease.Of(parse));
        IReadOnlyList<string> servers = RedisTarget.Parse("--redis", _redis.Of(parse));
        bool isEmbedded = servers.Count == 0;
        IReadOnlyList<Mishap> mishaps = MishapText.Parse(_chaos.Of(parse), isEmbedded);
        if (mishaps.Count > 0 && mishaps.Any(static mishap => mishap is Mishap.Kill or Mishap.Pause) && _workers.Of(parse) < 2)
            throw new BadArgumentException("--workers 1 leaves nobody to take over: give at least 2, or --chaos disconnect");
        if (isEmbedded)
        {
            DemoTerms terms = new((int)_workers.Of(parse), _duration.Of(parse).Span ?? TimeSpan.FromDays(1), lease, (int)_seed.Of(parse));
            return await EmbeddedDemo.RunAsync(Terminal.Create(Console.Out), terms, mishaps, isLive: !Console.IsOutputRedirected).ConfigureAwait(false);
        }

        if (servers is not [RedisTarget.Spawn])
            return await RunAsync(parse, servers, lease, mishaps).ConfigureAwait(false);
        SpawnedRedisServer server = await SpawnedRedisServer.StartAsync(CancellationToken.None).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
            return await RunAsync(parse, [server.Url], lease, mishaps).ConfigureAwait(false);
    }

    private async Task<int> RunAsync(ParseResult parse, IReadOnlyList<string> servers, TimeSpan lease, IReadOnlyList<Mishap> mishaps)
    {
        IAnsiConsole console = Terminal.Create(Console.Out);
        int workers = (int)_workers.Of(parse), seed = (int)_seed.Of(parse);
        VisitEngineOptions engine = new(TimeSpan.FromSeconds(1), null, 100_000, LogClock: false);
        WorkerFleet fleet = new(new FleetOptions
        {
            Workers = workers,
            Servers = servers,
            Prefix = $"demo-{Guid.NewGuid():N}"[..13],
            OwnsPrefix = true,
            Partitions = SluiceVisitEngines.PartitionsFor(engine.Capacity, workers),
            Lease = lease,
            Engine = engine,
        });
        await using (fleet.ConfigureAwait(false))
        {
            using CancellationTokenSource stop = new();
            using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
            {
                context.Cancel = !stop.IsCancellationRequested;
                stop.Cancel();
            });
            using VisitOutput output = VisitOutput.ToStream(Stream.Null);
            IngestCounters counters = new();
            IngestRun run = new(
                new IngestOptions
                {
                    Inputs = [new LogInput("the load", null, () => new SampleLog((ulong)seed, long.MaxValue / 1024))],
                    CreateParser = static () => new CombinedLogParser(),
                    Engine = engine,
                    Workers = workers,
                },
                fleet, output, counters);
            Task<IngestResult> running = Task.Run(() => run.RunAsync(stop.Token));
            Chaos chaos = new(fleet, servers, mishaps, lease, seed, line => console.MarkupLine($"  [yellow]{Markup.Escape(line)}[/]"));
            Task mischief = Task.WhenAll(EndAsync(stop, _duration.Of(parse).Span ?? TimeSpan.FromDays(1), chaos), Task.Run(() => chaos.RunAsync(stop.Token)));
            console.MarkupLine($"  [bold]{workers} worker processes[/] on {Markup.Escape(RedisTarget.Display(servers))}, seed {seed}");
            if (Console.IsOutputRedirected)
                await running.ConfigureAwait(false);
            else
                await ShowAsync(console, counters, fleet, running, stop.Token).ConfigureAwait(false);
            await mischief.ConfigureAwait(false);
            IngestResult result = await running.ConfigureAwait(false);
            DemoReport.Write(console, result, workers, chaos.Summary);
            return result is { IsConserved: true, Undelivered: 0 } ? ExitCode.Success : ExitCode.NotConserved;
        }
    }

    /// <summary>Not before everything has happened that was asked for.</summary>
    private static async Task EndAsync(CancellationTokenSource stop, TimeSpan after, Chaos chaos)
    {
        await Task.Delay(after, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await chaos.EachHappened.ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
    }

    private static Task ShowAsync(IAnsiConsole console, IngestCounters counters, WorkerFleet fleet, Task running, CancellationToken over) =>
        console.Status().StartAsync("starting", async status =>
        {
            long began = Stopwatch.GetTimestamp();
            using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(100));
            while (!running.IsCompleted)
            {
                double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
                status.Status(
                    $"{seconds:0} s  {HumanUnits.Count(counters.Events)} events  [dim]{HumanUnits.Count(fleet.Ledger.Acknowledged)} acknowledged, {HumanUnits.Count(fleet.Ledger.Completed)} completed, {fleet.Workers.Count(static worker => !worker.IsGone)} workers[/]{(over.IsCancellationRequested ? "  settling" : "")}");
                await Task.WhenAny(running, timer.WaitForNextTickAsync().AsTask()).ConfigureAwait(false);
            }
        });
}
