using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Harness;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>So many callers that each await one command after the other, on one connection of the client.</summary>
internal sealed class ClientVariant(CommandUnderTest command, int callers, BenchServer server, params Comparison[] comparisons) : Variant
{
    private readonly CallerGate _gate = new(callers);
    private RespClient? _client;
    private Task _callers = Task.CompletedTask;

    public override string Name => "sluice";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        foreach (string[] setUp in command.SetUp)
            await server.AskAsync(setUp, cancellationToken);
        _client = await RespClient.ConnectAsync(
            new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellationToken);
        int sampleEvery = callers == 1 ? 1 : 64;
        _callers = Task.WhenAll(Enumerable.Range(0, callers).Select(_ => command.LoopAsync(_client, new Caller(_gate, sampleEvery))));
        // Tiered compilation: optimised code takes over in the background, some hundred milliseconds after a method became hot.
        for (int warmUp = 0; warmUp < 4; warmUp++)
            await _gate.RunAsync(TimeSpan.FromMilliseconds(200), cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        TimeSpan cpu = await server.CpuAsync(cancellationToken);
        (long writes, long reads) = Turns();
        long began = Stopwatch.GetTimestamp();
        (long operations, LatencyHistogram latencies) = await _gate.RunAsync(duration, cancellationToken);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        (long writesAfter, long readsAfter) = Turns();
        string note = string.Create(
            CultureInfo.InvariantCulture,
            $"sluice, {command.Name}, {callers} callers: {(double)operations / Math.Max(1, writesAfter - writes):0.#} commands per flush, {(double)operations / Math.Max(1, readsAfter - reads):0.#} replies per read");
        return new VariantRun(operations, elapsed, latencies, await server.CpuAsync(cancellationToken) - cpu, note);
    }

    public override async ValueTask DisposeAsync()
    {
        _gate.Close();
        await _callers;
        if (_client is not null)
            await _client.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private (long Writes, long Reads) Turns() => (_client!.CommandLinks[0].Link.Writes, _client.CommandLinks[0].Link.Reads);
}
