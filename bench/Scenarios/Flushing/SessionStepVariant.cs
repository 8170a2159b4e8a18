using System.Diagnostics;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>
/// Sessions that begin, end and are completed, again and again; of each round only the step that is asked for is measured. One operation is one key, or one whole session.
/// </summary>
internal sealed class SessionStepVariant(BenchServer server, int counters, int batch, SessionStep step, params Comparison[] comparisons) : Variant
{
    private RespClient? _client;
    private PartitionLoad[] _loads = [];
    private ServerUsage _used = ServerUsage.None;
    private TimeSpan _elapsed;

    public override string Name => step.Name;

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    // This process's own figures would be those of the whole round.
    public override bool IsElsewhere => true;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        _client = await RespClient.ConnectAsync(
            new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellationToken);
        _loads = await PartitionLoad.CreateAsync(_client, step.Name, counters, batch, seed: 1, cancellationToken);
        await RoundAsync(cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        (_used, _elapsed) = (ServerUsage.None, TimeSpan.Zero);
        long rounds = 0;

        // The server's account is exact: less time than for a throughput is enough.
        for (; _elapsed < duration / 4; rounds++)
            await RoundAsync(cancellationToken);
        long keys = rounds * _loads.Sum(static load => (long)load.Pass);
        return new VariantRun(keys, _elapsed, ServerCpu: _used.Cpu, Note: _used.Wire(Name, keys));
    }

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task RoundAsync(CancellationToken cancellation)
    {
        if (step == SessionStep.ColdShot || step == SessionStep.Session)
        {
            await DoAsync(SessionStep.ColdShot, static load => load.ColdShotAsync(), cancellation);
        }
        else
        {
            await DoAsync(SessionStep.Join, static load => load.JoinAsync(), cancellation);
            await DoAsync(SessionStep.Drop, static load => load.DropAsync(), cancellation);
        }

        await DoAsync(SessionStep.Claim, static load => load.ClaimAsync(), cancellation);
        await DoAsync(SessionStep.Acknowledge, static load => load.AcknowledgeAsync(), cancellation);
    }

    private async Task DoAsync(SessionStep part, Func<PartitionLoad, Task> work, CancellationToken cancellation)
    {
        bool isMeasured = part == step || step == SessionStep.Session;
        ServerUsage before = isMeasured ? await ServerUsage.NowAsync(server, cancellation) : ServerUsage.None;
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(_loads.Select(work));
        if (!isMeasured)
            return;
        _elapsed += Stopwatch.GetElapsedTime(began);
        _used = _used.Plus((await ServerUsage.NowAsync(server, cancellation)).Since(before));
    }
}
