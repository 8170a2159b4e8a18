using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>The server's own load generator, written in C: one connection that sends the frames of so many callers at once and waits for all replies.</summary>
internal sealed class RedisBenchmarkVariant(CommandUnderTest command, int callers, double soundFrom, BenchServer server) : Variant
{
    private const string Binary = "redis-benchmark";

    private double _perSecond = 20_000;

    public override string Name => RespScenario.RedisBenchmark;

    public override double SoundFrom => soundFrom;

    public override bool IsElsewhere => true;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        foreach (string[] setUp in command.SetUp)
            await server.AskAsync(setUp, cancellationToken);
        // It wants a number, not a duration: two short runs say how fast it is here.
        for (int calibration = 0; calibration < 2; calibration++)
            await RunAsync(TimeSpan.FromMilliseconds(200), cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        long requests = Math.Max(callers, (long)(_perSecond * duration.TotalSeconds));
        TimeSpan before = await server.CpuAsync(cancellationToken);
        string[] fixedPart =
        [
            "-h", server.EndPoint.Address.ToString(), "-p", server.EndPoint.Port.ToString(CultureInfo.InvariantCulture),
            "-c", "1", "-P", callers.ToString(CultureInfo.InvariantCulture), "-n", requests.ToString(CultureInfo.InvariantCulture), "--csv",
        ];
        await using ProcessHost process = ProcessHost.Start(Binary, [.. fixedPart, .. command.Arguments]);
        string? line;
        string last = "";
        while ((line = await process.ReadLineAsync(cancellationToken)) is not null)
            last = line.Length == 0 ? last : line;
        await process.ExitCode.WaitAsync(cancellationToken);

        // "test","rps","avg_latency_ms",...: the command itself may contain commas, the figures don't.
        string[] cells = last.Split("\",\"");
        if (cells.Length < 8 || !double.TryParse(cells[^7].Trim('"'), CultureInfo.InvariantCulture, out _perSecond) || _perSecond <= 0)
            throw new InvalidOperationException($"{Binary} ended with '{last}'.");
        return new VariantRun(requests, TimeSpan.FromSeconds(requests / _perSecond), ServerCpu: await server.CpuAsync(cancellationToken) - before);
    }

    public override async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await base.DisposeAsync();
    }
}
