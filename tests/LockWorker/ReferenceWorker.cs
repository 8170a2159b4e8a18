using System.Diagnostics;
using System.Globalization;
using Sluice.Coordination.Redis;

namespace Sluice.LockWorker;

/// <summary>A process that takes references, and does what standard input says, as with locks.</summary>
internal static class ReferenceWorker
{
    /// <summary>Of a claim, in leases of a member: a round waits as long for the callback of a process that was killed in it.</summary>
    private const int ClaimLeases = 3;

    public static async Task<int> RunAsync(string coordinator, TimeSpan lease, int seed, WorkerLog log)
    {
        Watch(log);
        log.Say("ready");
        SluiceEngine? engine = null;
        ReferenceCallers? callers = null;
        string? planted = null;
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            switch (words[0])
            {
                case "round":
                    string? bug = words.Length > 2 ? words[2] : null;
                    if (engine is null || bug != planted)
                        engine = await ReplaceAsync(engine, await StartAsync(coordinator, lease, bug));
                    planted = bug;
                    callers = callers is not null && callers.Engine == engine ? callers : new ReferenceCallers(engine, log, bug);
                    callers.Begin(words[1], new Random(unchecked(seed++ * 7919)));
                    break;
                case "end" when callers is not null:
                    await callers.EndAsync();
                    log.Say("done");
                    break;
                case "starve":
                    Strain.Starve(TimeSpan.FromMilliseconds(int.Parse(words[1], CultureInfo.InvariantCulture)));
                    break;
                case "collect":
                    Strain.Collect();
                    break;
                case "quiet" when callers is not null:
                    await callers.WhenQuietAsync();
                    log.Say("done");
                    break;
                default:
                    return 2;
            }
        }

        await ReplaceAsync(engine, null);
        return 0;
    }

    private static Task<SluiceEngine> StartAsync(string coordinator, TimeSpan lease, string? bug) => SluiceEngine.StartAsync(new EngineOptions
    {
        // With a bug in its scripts it must not share anything with those that have none.
        Coordinator = new RedisCoordinator(new RedisOptions { coordinator }, new RedisScripts((name, source) => PlantedReferenceBug.Rewrite(bug, name, source))),
        Prefix = bug is null ? "references" : $"references-{bug}",
        Partitions = 2,
        BatchLinger = TimeSpan.Zero,
        LeaseDuration = lease,
        ClaimLease = lease * ClaimLeases,
        SweepInterval = lease / 4,
        RequestTimeout = lease / 2,
    });

    private static async Task<SluiceEngine> ReplaceAsync(SluiceEngine? before, SluiceEngine? after)
    {
        if (before is not null)
        {
            await before.DisposeAsync();
            await before.Options.Coordinator!.DisposeAsync();
        }

        return after!;
    }

    /// <summary>Says when the whole process stood still, as it does on a machine that is busy or under a signal: for that time nothing it held is certain. A thread of its own, so that a full pool is no standstill.</summary>
    private static void Watch(WorkerLog log) => new Thread(() =>
    {
        long before = Stopwatch.GetTimestamp();
        while (true)
        {
            Thread.Sleep(100);
            long now = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(before, now) > TimeSpan.FromSeconds(1))
                log.Say(string.Create(CultureInfo.InvariantCulture, $"Z {before} {now}"));
            before = now;
        }
    })
    { IsBackground = true }.Start();
}
