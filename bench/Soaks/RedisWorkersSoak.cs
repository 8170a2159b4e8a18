using System.Diagnostics;
using Sluice.Cli.Tests.Workers;
using Sluice.Harness;

namespace Sluice.Bench.Soaks;

/// <summary>The access log by four worker processes on a Redis coordinator: one is killed, or sleeps beyond its lease, at another random point in every run.</summary>
internal sealed class RedisWorkersSoak : ISoak
{
    private const int LeastRuns = 50;

    public string Name => "redis-workers";

    public string Claim =>
        "Every line of the access log is in the totals exactly once, and every session is completed under one idempotency key, although a worker process is killed or sleeps beyond its lease.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } reason)
            return new SoakResult(false, [], reason);
        if (RealInput.Find("apache_access.log.gz", out string absent) is not { } log)
            return new SoakResult(false, [], absent);
        long began = Stopwatch.GetTimestamp();
        Tally kills = new(), pauses = new();
        PrivateRedisServer server = await PrivateRedisServer.StartAsync([], cancellationToken).ConfigureAwait(false);
        await using (server)
        {
            for (int run = 0; (run < LeastRuns || Stopwatch.GetElapsedTime(began) < context.Duration) && !cancellationToken.IsCancellationRequested; run++)
            {
                foreach ((WorkerFault fault, Tally tally) in new[] { (WorkerFault.Kill, kills), (WorkerFault.Pause, pauses) })
                {
                    int seed = unchecked((int)context.Seed + run);
                    WorkerLossResult result = await new WorkerLossRun(server, $"soak-{fault}-{run}", fault, seed, log).RunAsync(cancellationToken).ConfigureAwait(false);
                    tally.Add(result);
                    context.Progress($"{kills.Runs} runs with a kill, {pauses.Runs} with a pause");
                    if (result.Findings.Count > 0)
                        return new SoakResult(false, Figures(), $"{fault}, seed {seed}: {string.Join(' ', result.Findings)}");
                }
            }
        }

        bool isWhole = kills.Runs >= LeastRuns && pauses.Runs >= LeastRuns;
        return new SoakResult(isWhole, Figures(), isWhole ? null : $"Only {kills.Runs} and {pauses.Runs} runs of {LeastRuns} each.");

        (string Name, string Value)[] Figures() =>
        [
            ("runs with SIGKILL", $"{kills.Runs:N0}"), ("lines that the killed held unacknowledged and that had arrived", $"{kills.Arrived:N0}"),
            ("lines that they held and that were handed out again", $"{kills.HandedOutAgain:N0}"), ("sessions, and those that were delivered again under a higher token", $"{kills.Sessions:N0}, {kills.DeliveredAgain:N0}"),
            ("runs with SIGSTOP beyond the lease, then SIGCONT", $"{pauses.Runs:N0}"), ("runs in which the sleeper was fenced before it woke", $"{pauses.Fenced:N0}"),
            ("sessions, and those that were delivered again under a higher token or late", $"{pauses.Sessions:N0}, {pauses.DeliveredAgain:N0}"),
        ];
    }

    private sealed class Tally
    {
        public int Runs { get; private set; }

        public int Fenced { get; private set; }

        public long Arrived { get; private set; }

        public long HandedOutAgain { get; private set; }

        public long Sessions { get; private set; }

        public long DeliveredAgain { get; private set; }

        public void Add(WorkerLossResult result)
        {
            Runs++;
            Fenced += result.WasFenced ? 1 : 0;
            Arrived += result.Arrived;
            HandedOutAgain += result.HandedOutAgain;
            Sessions += result.Sessions;
            DeliveredAgain += result.DeliveredAgain;
        }
    }
}
