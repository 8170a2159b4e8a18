using System.Diagnostics;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>
/// Sessions that begin, end and are completed, again and again; of each round only the step that is asked for is measured. One operation is one key, or one whole session.
/// </summary>
internal sealed class SessionStepVariant(BenchServer server, int counters, int batch, SessionStep step, params Comparison[] comparisons) : ServerVariant(server)
{
    private PartitionLoad[] _loads = [];
    private ServerUsage _used = ServerUsage.None;
    private TimeSpan _elapsed;

    public override string Name => step.Name;

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    // This process's own figures would be those of the whole round.
    public override bool IsElsewhere => true;

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        (_used, _elapsed) = (ServerUsage.None, TimeSpan.Zero);
        long keys = await WorkAsync(duration);
        return new VariantRun(keys, _elapsed, ServerCpu: _used.Cpu, Note: _used.Wire(Name, keys));
    }

    protected override async Task FillAsync(CancellationToken cancellationToken)
    {
        _loads = await PartitionLoad.CreateAsync(Client, step.Name, counters, batch, seed: 1, cancellationToken);
        await RoundAsync();
    }

    protected override async Task<long> WorkAsync(TimeSpan duration)
    {
        long rounds = 0;

        // The server's account is exact: less time than for a throughput is enough.
        for (; _elapsed < duration / 4; rounds++)
            await RoundAsync();
        return rounds * _loads.Sum(static load => (long)load.Pass);
    }

    private async Task RoundAsync()
    {
        if (step == SessionStep.ColdShot || step == SessionStep.Session)
        {
            await DoAsync(SessionStep.ColdShot, static load => load.ColdShotAsync());
        }
        else
        {
            await DoAsync(SessionStep.Join, static load => load.JoinAsync());
            await DoAsync(SessionStep.Drop, static load => load.DropAsync());
        }

        await DoAsync(SessionStep.Claim, static load => load.ClaimAsync());
        await DoAsync(SessionStep.Acknowledge, static load => load.AcknowledgeAsync());
    }

    private async Task DoAsync(SessionStep part, Func<PartitionLoad, Task> work)
    {
        bool isMeasured = part == step || step == SessionStep.Session;
        ServerUsage before = isMeasured ? await ServerUsage.NowAsync(Server, CancellationToken.None) : ServerUsage.None;
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(_loads.Select(work));
        if (!isMeasured)
            return;
        _elapsed += Stopwatch.GetElapsedTime(began);
        _used = _used.Plus((await ServerUsage.NowAsync(Server, CancellationToken.None)).Since(before));
    }
}
