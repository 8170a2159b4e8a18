namespace Sluice.Cli.Workers;

/// <summary>The engine of a worker process.</summary>
internal static class WorkerOptions
{
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(200);

    public static EngineOptions Of(WorkerStart start)
    {
        EngineOptions options = new()
        {
            Prefix = start.Prefix,
            Partitions = start.Partitions,
            SoftSession = start.Engine.Soft,
            HardSession = start.Engine.Hard,
            Capacity = start.Engine.Capacity,
            LeaseDuration = start.Lease,

            // What a lost worker was completing comes back as soon as what it held does.
            ClaimLease = start.Lease,
            SweepInterval = TimeSpan.FromTicks(start.Lease.Ticks / 2),

            // The parent holds every line until it is flushed.
            FlushInterval = FlushEvery,
            OpenLimit = 1_000_000,
        };
        foreach (string server in start.Servers)
            options.Redis.Add(server);
        options.Redis.Persistence = RedisPersistence.Ignore;
        return options;
    }
}
