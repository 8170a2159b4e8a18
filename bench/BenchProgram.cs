using BenchmarkDotNet.Running;
using Sluice.Bench.Guard;
using Sluice.Bench.Reporting;
using Sluice.Bench.Results;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Footprint;
using Sluice.Bench.Scenarios.Pipeline;
using Sluice.Bench.Soaks;
using Spectre.Console;

namespace Sluice.Bench;

/// <summary>The command line of the benchmarks; exit status 0, 1 when a target is missed under --enforce (or a soak or micro benchmark fails), 2 for a wrong command line.</summary>
internal sealed class BenchProgram(IReadOnlyList<IScenario> scenarios, IReadOnlyList<ISoak> soaks, TextWriter output, TextWriter errors)
{
    public async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        try
        {
            return (arguments.Count == 0 ? "" : arguments[0]) switch
            {
                "micro" => Micro([.. arguments.Skip(1)]),
                "guard" => await GuardCommand.RunAsync(HotPaths.All, [.. arguments.Skip(1)], output, cancellationToken),
                "charts" => await ChartCommand.RunAsync([.. arguments.Skip(1)], output, cancellationToken),
                PipelineWorker.Command => await PipelineWorker.RunAsync([.. arguments.Skip(1)], Console.In, output, cancellationToken),
                RecoveryWorker.Command => await RecoveryWorker.RunAsync([.. arguments.Skip(1)], Console.In, output, cancellationToken),
                "flush" when arguments.Contains("--memory", StringComparer.Ordinal) => await FootprintCommand.RunAsync([.. arguments.Skip(1)], output, cancellationToken),
                "soak" => await SoakCommand.RunAsync(soaks, [.. arguments.Skip(1)], output, cancellationToken),
                _ => await MeasureAsync(BenchOptions.Parse(arguments), cancellationToken),
            };
        }
        catch (UsageException e)
        {
            await errors.WriteLineAsync($"bench: {e.Message}");
            return 2;
        }
    }

    private static int Micro(string[] arguments)
    {
        // BenchmarkDotNet reports a benchmark that could not be built or run, and goes on.
        BenchmarkDotNet.Reports.Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(BenchProgram).Assembly).Run(arguments)];
        bool allRan = summaries.All(summary => !summary.HasCriticalValidationErrors && summary.Reports.Length > 0 && summary.Reports.All(report => report.Success));
        return allRan ? 0 : 1;
    }

    private async Task<int> MeasureAsync(BenchOptions options, CancellationToken cancellationToken)
    {
        IScenario scenario = scenarios.SingleOrDefault(s => string.Equals(s.Name, options.Scenario, StringComparison.Ordinal))
            ?? throw new UsageException($"{(options.Scenario.Length == 0 ? "Name a scenario" : $"There is no scenario '{options.Scenario}'")}. There are:\n{Listing()}");
        BenchCase[] cases = [.. scenario.Cases(options)
            .Where(c => (c.HasTarget || !options.Quick) && c.Name.Contains(options.Case, StringComparison.Ordinal))];
        if (cases.Length == 0)
            throw new UsageException($"No case of '{scenario.Name}' {(options.Quick ? "that carries a target " : "")}has '{options.Case}' in its name.");

        Report report = options.Json
            ? new JsonReport(output, errors)
            : new TableReport(Terminal());
        KeepingReport? kept = options.Record ? new KeepingReport(report) : null;
        report = kept ?? report;
        bool isMissed = false;
        foreach (BenchCase subject in cases)
        {
            report.Begin(scenario.Name, subject.Name);
            IReadOnlyList<Measurement> measurements = await PairRunner.MeasureAsync(scenario.Name, subject, options, cancellationToken);
            report.Add(measurements);
            isMissed |= measurements.Any(m => m.Met == false);
        }

        if (kept is not null)
        {
            RecordedResults results = new()
            {
                Command = $"bench {scenario.Name}{(options.Quick ? " --quick" : "")}{(options.Case.Length == 0 ? "" : $" --case {options.Case}")} --record",
                Commit = await SourceRevision.HereAsync(),
                Date = DateTimeOffset.UtcNow,
                Machine = MachineFacts.Here(),
                Figures = kept.Figures,
            };
            string path = Path.Combine(options.Results, scenario.Name + ".json");
            await results.WriteAsync(path, cancellationToken);
            await errors.WriteLineAsync($"Recorded in {path}; draw it with: bench charts");
        }

        return isMissed && options.Enforce ? 1 : 0;
    }

    private IAnsiConsole Terminal()
    {
        AnsiConsoleSettings settings = new() { Out = new AnsiConsoleOutput(output), Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect };
        IAnsiConsole console = AnsiConsole.Create(settings);
        console.Profile.Width = Math.Max(console.Profile.Width, 160); // a line that a narrow terminal folds reads better than a folded cell
        return console;
    }

    private string Listing() => string.Join('\n', scenarios
        .Select(s => $"  {s.Name,-12} {s.Purpose}")
        .Append($"  {"soak NAME",-12} the long form of a check: {string.Join(", ", soaks.Select(s => s.Name))}")
        .Append($"  {"guard",-12} fails when a hot path has become slower than bench/guard.json allows; --record writes that file")
        .Append($"  {"charts",-12} draws what --record has left in bench/results")
        .Append($"  {"micro",-12} BenchmarkDotNet, e.g. micro --filter '*Hash*'"));
}
