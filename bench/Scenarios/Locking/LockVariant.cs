using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Locking;

/// <summary>A variant that locks on a server, whose processor time and commands are accounted for.</summary>
internal abstract class LockVariant(BenchServer server) : Variant
{
    // Nothing is renewed or looked up within a run: what is measured is what was asked for.
    private static readonly TimeSpan Lease = TimeSpan.FromHours(1);

    private readonly List<SluiceEngine> _engines = [];

    protected BenchServer Server => server;

    protected string Url => string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint}");

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        await FillAsync(cancellationToken);
        for (int turn = 0; turn < 4; turn++)
            await WorkAsync(TimeSpan.FromMilliseconds(150), new LatencyHistogram());
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        ServerUsage before = await ServerUsage.NowAsync(server, cancellationToken);
        LatencyHistogram latencies = new();
        long began = Stopwatch.GetTimestamp();
        long done = await WorkAsync(duration, latencies);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        ServerUsage used = (await ServerUsage.NowAsync(server, cancellationToken)).Since(before);
        string note = string.Create(CultureInfo.InvariantCulture, $"{Name}: {(double)used.Requests / done:0.#####} commands an operation{Note}");
        return new VariantRun(done, elapsed, latencies.Count == 0 ? null : latencies, used.Cpu, note);
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (SluiceEngine engine in _engines)
            await engine.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <summary>What the report says besides.</summary>
    protected virtual string Note => "";

    protected async Task<SluiceEngine> StartEngineAsync(CancellationToken cancellationToken)
    {
        SluiceEngine engine = await SluiceEngine.StartAsync(
            new EngineOptions { Redis = { Url }, Prefix = "bench", Partitions = 4, Locks = { LeaseDuration = Lease } }, cancellationToken);
        _engines.Add(engine);
        return engine;
    }

    protected abstract Task FillAsync(CancellationToken cancellationToken);

    /// <summary>Works for at least so long.</summary>
    /// <returns>How many operations were done.</returns>
    protected abstract Task<long> WorkAsync(TimeSpan duration, LatencyHistogram latencies);
}
