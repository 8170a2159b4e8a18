using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>Batches of known resources that stay held: what nearly every flush of a hot key is. One operation is one key.</summary>
internal sealed class MidSessionVariant(BenchServer server, int counters, int batch, ulong seed, params Comparison[] comparisons) : ServerVariant(server)
{
    private PartitionLoad[] _loads = [];

    public override string Name => "mid-session";

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    protected override async Task FillAsync(CancellationToken cancellationToken)
    {
        _loads = await PartitionLoad.CreateAsync(Client, "mid", counters, batch, seed, cancellationToken);
        await Task.WhenAll(_loads.Select(static load => load.JoinAsync()));
        await WarmUpAsync();
    }

    protected override string NoteOf(double clientBytesPerOperation) => string.Create(CultureInfo.InvariantCulture, $"; the client allocates {clientBytesPerOperation * batch:0} B a batch");

    protected override async Task<long> WorkAsync(TimeSpan duration)
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
