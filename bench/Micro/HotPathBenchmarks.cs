using BenchmarkDotNet.Attributes;
using Sluice.Bench.Guard;

namespace Sluice.Bench.Micro;

/// <summary>Every hot path that the guard watches, each beside its reference: time, and bytes allocated. Run with <c>-- micro --filter '*HotPath*'</c>.</summary>
[MemoryDiagnoser]
public class HotPathBenchmarks
{
    private const int Operations = 10_000;

    private GuardedPath? _path;

    /// <summary>The paths' names.</summary>
    public static IEnumerable<string> Paths => HotPaths.All.Select(static path => path.Name);

    /// <summary>The path that is measured.</summary>
    [ParamsSource(nameof(Paths))]
    public string Path { get; set; } = "";

    [GlobalSetup]
    public void Make() => _path = HotPaths.All.Single(path => string.Equals(path.Name, Path, StringComparison.Ordinal)).Make();

    [GlobalCleanup]
    public void Dispose() => _path?.Dispose();

    [Benchmark(Baseline = true, OperationsPerInvoke = Operations)]
    public void Reference() => _path!.Reference.Run(Operations);

    [Benchmark(OperationsPerInvoke = Operations)]
    public void Product() => _path!.Product.Run(Operations);
}
