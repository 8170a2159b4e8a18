using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Locking;

namespace Sluice.Bench.Scenarios;

/// <summary>Locks on a server: alone, handed over, and held in great numbers.</summary>
internal sealed class LocksScenario : IScenario
{
    /// <summary>Two scripts that make the same calls as an acquire and a release, and decide nothing.</summary>
    public const string Bare = "bare-evalsha";

    private const double UncontendedTarget = 1 / 1.1;
    private const int Held = 100_000;

    public string Name => "locks";

    public string Purpose => "locks on Redis: acquire and release beside scripts with the same calls, hand-over with many waiters, renewals of 100,000 held locks";

    public IEnumerable<BenchCase> Cases(BenchOptions options)
    {
        yield return new BenchCase("uncontended", 1, 1, HasTarget: true, () =>
        {
            BenchServer server = new(options.Redis);
            return
            [
                new UncontendedLockVariant(server, new Comparison(Bare, Target.AtLeast(UncontendedTarget))),
                new BareLockScriptsVariant(server),
            ];
        });
        foreach (int waiters in (int[])[1, 10, 100, 1000])
            yield return new BenchCase($"hand-over-{waiters}", 1, waiters, HasTarget: false, () => [new HandOverVariant(new BenchServer(options.Redis), waiters)]);
        yield return new BenchCase($"renew-{Held}", 1, null, HasTarget: false, () => [new RenewalVariant(new BenchServer(options.Redis), Held)]);
    }
}
