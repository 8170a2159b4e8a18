using System.Diagnostics;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Locking;

/// <summary>A mutex that nobody else wants, acquired and released by one caller, as applications do it. One operation is both.</summary>
internal sealed class UncontendedLockVariant(BenchServer server, Comparison comparison) : LockVariant(server)
{
    private IMutex? _mutex;

    public override string Name => "sluice";

    public override IReadOnlyList<Comparison> Comparisons => [comparison];

    protected override async Task FillAsync(CancellationToken cancellationToken) => _mutex = (await StartEngineAsync(cancellationToken)).Locks.Mutex("order:00000000000001");

    protected override async Task<long> WorkAsync(TimeSpan duration, LatencyHistogram latencies)
    {
        long began = Stopwatch.GetTimestamp(), done = 0;
        for (; Stopwatch.GetElapsedTime(began) < duration; done++)
        {
            long from = Stopwatch.GetTimestamp();
            LockHandle held = await _mutex!.AcquireAsync();
            await held.ReleaseAsync();
            latencies.Record(Stopwatch.GetElapsedTime(from));
        }

        return done;
    }
}
