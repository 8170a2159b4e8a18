using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Pipeline;

namespace Sluice.Bench.Scenarios;

/// <summary>Events end to end: two processes merge zipf keys and flush them to one server, beside one INCRBY for each event by the same client.</summary>
internal sealed class PipelineScenario : IScenario
{
    public const string Increment = "incrby";

    public const int Processes = 2;

    public string Name => "pipeline";

    public string Purpose => $"events end to end: {Processes} processes, {PipelineEvents.Keys:N0} keys zipf {PipelineEvents.Exponent:0.0}, flush intervals 0.1, 1 and 10 s";

    public IEnumerable<BenchCase> Cases(BenchOptions options)
    {
        double[] intervals = options.Quick ? [1] : [0.1, 1, 10];
        foreach (double seconds in intervals)
        {
            yield return new BenchCase(string.Create(CultureInfo.InvariantCulture, $"interval-{seconds}s"), Processes, null, HasTarget: seconds >= 1, () =>
            {
                BenchServer server = new(options.Redis);
                Target? throughput = seconds >= 1 ? Target.AtLeast(3) : null;
                Target? cpu = seconds >= 10 ? new Target(Figure.ServerCpu, 1.0 / 20) : null;
                TimeSpan interval = TimeSpan.FromSeconds(seconds);
                return
                [
                    new PipelineVariant("sluice", PipelineWorker.Merge, server, interval, options.Seed, new Comparison(Increment, throughput), new Comparison(Increment, cpu)),
                    new PipelineVariant(Increment, PipelineWorker.Increment, server, interval, options.Seed),
                ];
            });
        }
    }
}
