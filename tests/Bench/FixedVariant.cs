using Sluice.Bench.Running;

namespace Sluice.Bench.Tests;

/// <summary>A variant whose every run is written down beforehand, so that what the runner makes of it is known exactly.</summary>
internal sealed class FixedVariant(string name, double[] operationsPerSecond, params IReadOnlyList<Comparison> comparisons) : Variant
{
    private int _runs;

    public override string Name => name;

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    /// <summary>Set where a reference must be faster to be sound.</summary>
    public double Floor { get; init; }

    public override double SoundFrom => Floor;

    /// <summary>Everything that happened to the variants that share it, in order.</summary>
    public List<string> Journal { get; init; } = [];

    public override Task PrepareAsync(CancellationToken cancellationToken)
    {
        Journal.Add($"{name} prepared");
        return Task.CompletedTask;
    }

    public override Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        Journal.Add(name);
        return Task.FromResult(new VariantRun((long)operationsPerSecond[_runs++ % operationsPerSecond.Length], TimeSpan.FromSeconds(1)));
    }

    public override ValueTask DisposeAsync()
    {
        Journal.Add($"{name} disposed");
        return base.DisposeAsync();
    }
}

internal sealed class FixedScenario(params IReadOnlyList<BenchCase> cases) : IScenario
{
    public string Name => "fixed";

    public string Purpose => "for the tests of the runner";

    public IEnumerable<BenchCase> Cases(BenchOptions options) => cases;
}
