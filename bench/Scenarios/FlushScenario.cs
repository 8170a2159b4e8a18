using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;

namespace Sluice.Bench.Scenarios;

/// <summary>What a resource costs a server, request by request, beside the plain script that does no more than increment its counters.</summary>
internal sealed class FlushScenario : IScenario
{
    /// <summary>One EVALSHA for each key, as many increments as there are counters.</summary>
    public const string Bare = "bare-evalsha";

    /// <summary>The same with a batch's keys in one call.</summary>
    public const string BareBatch = "bare-evalsha-batch";

    /// <summary>The batch that targets speak of.</summary>
    private const int TargetBatch = 50;

    private const double SessionMicros = 20;

    public string Name => "flush";

    public string Purpose => "server CPU, wire bytes and client bytes of a resource: mid-session, join, drop, single-shot, claim, acknowledge (or --memory: what stays on the server)";

    public IEnumerable<BenchCase> Cases(BenchOptions options) =>
        from counters in new[] { 2, 8 }
        from batch in new[] { 1, 10, TargetBatch, 200 }
        select Case(counters, batch, options);

    private static BenchCase Case(int counters, int batch, BenchOptions options)
    {
        bool isTarget = batch == TargetBatch;
        return new BenchCase($"batch-{batch}-counters-{counters}", 1, PartitionLoad.Partitions, HasTarget: isTarget, () =>
        {
            BenchServer server = new(options.Redis);
            Comparison against = new(Bare, isTarget ? new Target(Figure.ServerCpu, counters == 2 ? 0.8 : 0.5) : null);
            List<Variant> variants =
            [
                new MidSessionVariant(server, counters, batch, options.Seed, against, new Comparison(BareBatch)),
                new SessionStepVariant(server, counters, batch, SessionStep.Session, new Comparison(Bare, isTarget ? Target.AtMostServerMicros(SessionMicros) : null)),
            ];
            if (!options.Quick)
                variants.AddRange(SessionStep.Single.Select(step => new SessionStepVariant(server, counters, batch, step, new Comparison(Bare))));
            variants.Add(new BareScriptVariant(Bare, server, counters, 1, options.Seed));
            variants.Add(new BareScriptVariant(BareBatch, server, counters, batch, options.Seed));
            return variants;
        });
    }
}
