using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>Batches of known resources that stay held: what nearly every flush of a hot key is. One operation is one key.</summary>
internal sealed class MidSessionVariant(BenchServer server, int counters, int batch, ulong seed, params Comparison[] comparisons) : Variant
{
    private RespClient? _client;
    private PartitionLoad[] _loads = [];

    public override string Name => "mid-session";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        _client = await RespClient.ConnectAsync(
            new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellationToken);
        _loads = await PartitionLoad.CreateAsync(_client, "mid", counters, batch, seed, cancellationToken);
        await Task.WhenAll(_loads.Select(static load => load.JoinAsync()));
        for (int warmUp = 0; warmUp < 4; warmUp++)
            await WorkAsync(TimeSpan.FromMilliseconds(150));
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        ServerUsage before = await ServerUsage.NowAsync(server, cancellationToken);
        long began = Stopwatch.GetTimestamp();
        long bytes = GC.GetTotalAllocatedBytes(precise: true);
        long keys = await WorkAsync(duration);
        bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        ServerUsage used = (await ServerUsage.NowAsync(server, cancellationToken)).Since(before);
        return new VariantRun(keys, elapsed, ServerCpu: used.Cpu, Note: string.Create(
            CultureInfo.InvariantCulture, $"{used.Wire(Name, keys)}; the client allocates {(double)bytes * batch / keys:0} B a batch, whatever its size"));
    }

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task<long> WorkAsync(TimeSpan duration)
    {
        long began = Stopwatch.GetTimestamp();
        long[] batches = await Task.WhenAll(_loads.Select(async load =>
        {
            long sent = 0;
            for (; Stopwatch.GetElapsedTime(began) < duration; sent++)
                await load.MidSessionAsync();
            return sent;
        }));
        return batches.Sum() * batch;
    }
}
