using System.Diagnostics;
using System.Globalization;
using Sluice.Harness;
using Sluice.Harness.Faults;
using Sluice.Harness.Linearizability;

namespace Sluice.LockFaults;

/// <summary>
/// Four processes take locks of one server, round after round, and a fault comes in the middle of each. A round has locks of its own, so its history is judged by itself. What holders write goes to two
/// sinks on another server which no fault meets: one takes everything and counts what came from holders whose successor had written, the other has a fence.
/// </summary>
internal sealed class LockFaultRun : IAsyncDisposable
{
    private const int Workers = 4;

    /// <summary>As short as a busy machine allows: a third of it is a worker's time to renew.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan BeforeFault = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan BeyondLease = Lease * 1.5;

    /// <summary>For what is released already, or is about to be: a stuck lock is stuck for as long as its worker lives, so this is long against a busy machine and no more.</summary>
    private static readonly TimeSpan Patience = Lease * 5;

    private readonly PrivateRedisServer _server;
    private readonly PrivateRedisServer _sink;
    private readonly WorkerProcess[] _workers = new WorkerProcess[Workers];
    private readonly Random _random;
    private readonly bool _remembers;
    private int _round;
    private int _started;

    private LockFaultRun(PrivateRedisServer server, PrivateRedisServer sink, bool remembers, int seed) => (_server, _sink, _remembers, _random) = (server, sink, remembers, new Random(seed));

    /// <summary>Where the locks are.</summary>
    public string ServerUrl => _server.Url;

    /// <summary>How many partitions the workers' engines have.</summary>
    public const int Partitions = 2;

    /// <summary>Starts servers and workers.</summary>
    /// <param name="remembers">Whether the server writes everything down before it answers; otherwise a restart forgets all locks.</param>
    /// <param name="seed">Of what the workers do and whom faults meet.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<LockFaultRun> StartAsync(bool remembers, int seed, CancellationToken cancellation)
    {
        PrivateRedisServer server = await PrivateRedisServer.StartAsync(remembers ? ["--appendonly", "yes", "--appendfsync", "always"] : [], cancellation).ConfigureAwait(false);
        LockFaultRun run = new(server, await PrivateRedisServer.StartAsync([], cancellation).ConfigureAwait(false), remembers, seed);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => run.LaunchAsync(worker, cancellation))).ConfigureAwait(false);
            return run;
        }
        catch
        {
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>One round.</summary>
    public async Task RunAsync(LockFault fault, LockFaultFigures figures, CancellationToken cancellation)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{fault}{++_round}");
        RoundHistory history = new();
        ClockPair clocks = ClockPair.Read();
        Task<bool>[] listening = [.. _workers.Select(worker => worker.ListenAsync(history, cancellation))];
        foreach (WorkerProcess worker in _workers)
            await worker.TellAsync($"round {name}").ConfigureAwait(false);

        int victim = _random.Next(Workers);
        await Task.Delay(BeforeFault, cancellation).ConfigureAwait(false);
        await MeetAsync(fault, _workers[victim], cancellation).ConfigureAwait(false);
        long healed = Stopwatch.GetTimestamp();

        // Time for everybody to find out, and to work again.
        await Task.Delay(fault is LockFault.None or LockFault.ScriptFlush ? BeforeFault : Lease, cancellation).ConfigureAwait(false);
        for (long began = Stopwatch.GetTimestamp(); history.GrantedAfter(healed) == 0 && Stopwatch.GetElapsedTime(began) < Patience;)
            await Task.Delay(10, cancellation).ConfigureAwait(false); // a busy machine needs longer
        for (int i = 0; i < Workers; i++)
        {
            if (fault != LockFault.Kill || i != victim)
                await _workers[i].TellAsync("end").ConfigureAwait(false);
        }

        bool[] areAlive = await Task.WhenAll(listening).WaitAsync(TimeSpan.FromSeconds(60), cancellation).ConfigureAwait(false);
        for (int i = 0; i < Workers; i++)
        {
            if (!areAlive[i] && (fault != LockFault.Kill || i != victim))
                figures.Findings.Add($"{name}: worker {i} ended: {_workers[i].Transcript[^Math.Min(2_000, _workers[i].Transcript.Length)..]}");
        }

        if (history.GrantedAfter(healed) == 0)
            figures.Findings.Add($"{name}: nobody got a lock any more.");
        await JudgeAsync(name, fault, victim, history, clocks, figures, cancellation).ConfigureAwait(false);
        await FindStuckAsync(history, fault == LockFault.Kill ? Patience + Lease : Patience, figures, cancellation).ConfigureAwait(false);
        for (int i = 0; i < Workers; i++)
        {
            if (areAlive[i])
                continue;
            await _workers[i].DisposeAsync().ConfigureAwait(false);
            await LaunchAsync(i, cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (WorkerProcess? worker in _workers)
        {
            if (worker is not null)
                await worker.DisposeAsync().ConfigureAwait(false);
        }

        await _server.DisposeAsync().ConfigureAwait(false);
        await _sink.DisposeAsync().ConfigureAwait(false);
    }

    private async Task LaunchAsync(int worker, CancellationToken cancellation) => _workers[worker] = await WorkerProcess
        .StartAsync(worker, _server.EndPoint, _sink.EndPoint.Port, _random.Next(1_000_000) + Interlocked.Increment(ref _started), Lease, cancellation)
        .ConfigureAwait(false);

    private async Task MeetAsync(LockFault fault, WorkerProcess victim, CancellationToken cancellation)
    {
        switch (fault)
        {
            case LockFault.None:
                break;
            case LockFault.Kill:
                victim.Kill();
                break;
            case LockFault.Pause:
                victim.Suspend();
                await Task.Delay(BeyondLease, cancellation).ConfigureAwait(false);
                victim.Resume();
                break;
            case LockFault.Silence:
                victim.Proxy.Stall(FaultDirection.ToServer);
                victim.Proxy.Stall(FaultDirection.ToClient);
                await Task.Delay(BeyondLease, cancellation).ConfigureAwait(false);
                Heal(victim);
                break;
            case LockFault.LostReplies:
                foreach (WorkerProcess worker in _workers)
                    worker.Proxy.Stall(FaultDirection.ToClient);
                await Task.Delay(_random.Next(5, 200), cancellation).ConfigureAwait(false);
                foreach (WorkerProcess worker in _workers)
                    Heal(worker);
                break;
            case LockFault.Restart:
                _server.Process.Kill();
                await _server.RestartAsync(cancellation).ConfigureAwait(false);
                break;
            case LockFault.ScriptFlush:
                await _server.AskAsync(["SCRIPT", "FLUSH"], cancellation).ConfigureAwait(false);
                break;
            case LockFault.Starvation:
                await victim.TellAsync(string.Create(CultureInfo.InvariantCulture, $"starve {(int)BeyondLease.TotalMilliseconds}")).ConfigureAwait(false);
                await Task.Delay(BeyondLease, cancellation).ConfigureAwait(false);
                break;
            case LockFault.Collection:
                for (int i = 0; i < 3; i++)
                    await victim.TellAsync("collect").ConfigureAwait(false);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "There is no such fault.");
        }
    }

    private static void Heal(WorkerProcess worker)
    {
        // What was stalled is thrown away with its connections.
        worker.Proxy.ResetAll();
        worker.Proxy.Resume(FaultDirection.ToServer);
        worker.Proxy.Resume(FaultDirection.ToClient);
    }

    private async Task JudgeAsync(string name, LockFault fault, int victim, RoundHistory history, ClockPair clocks, LockFaultFigures figures, CancellationToken cancellation)
    {
        long stale = Integer(await _sink.AskAsync(["GETDEL", "stale"], cancellation).ConfigureAwait(false));
        long staleFenced = 0;
        foreach (string mutex in (string[])[$"{name}:mutex0", $"{name}:mutex1", $"{name}:paths", $"{name}:kept0", $"{name}:kept1"])
        {
            string[] tokens = [.. (await _sink.AskAsync(["LRANGE", $"fenced:{mutex}", "0", "-1"], cancellation).ConfigureAwait(false)).Split('\n').Where(static line => line.Length > 0 && char.IsAsciiDigit(line[0]))];
            for (int i = 1; i < tokens.Length; i++)
                staleFenced += long.Parse(tokens[i], CultureInfo.InvariantCulture) < long.Parse(tokens[i - 1], CultureInfo.InvariantCulture) ? 1 : 0;
        }

        await _sink.AskAsync(["FLUSHALL"], cancellation).ConfigureAwait(false);

        // Who did not run could not be told.
        figures.Add(history, stale, staleFenced, history.Leads(clocks).Where(lead => fault != LockFault.Pause || lead.Worker != victim).Select(static lead => lead.Lead));
        if (staleFenced > 0)
            figures.Findings.Add($"{name}: {staleFenced} writes of replaced holders passed the fence.");

        // Nobody here is kept from noticing in time that it has lost: not even the sink without a fence takes anything that is stale.
        bool isForgotten = fault == LockFault.Restart && !_remembers;
        if (stale > 0 && !isForgotten && fault is LockFault.None or LockFault.ScriptFlush or LockFault.Kill or LockFault.Restart)
            figures.Findings.Add($"{name}: {stale} writes of replaced holders came after those of their successors.");

        // A server that forgets gives away what others hold: counted above, promised by nobody.
        if (isForgotten)
            return;
        LinearizabilityResult result = history.Check();
        if (!result.IsLinearizable)
            figures.Findings.Add($"{name}: {result.Key} has no order. {result.Explanation}");
    }

    private async Task FindStuckAsync(RoundHistory history, TimeSpan patience, LockFaultFigures figures, CancellationToken cancellation)
    {
        SluiceEngine fresh = await SluiceEngine.StartAsync(new EngineOptions { Redis = { ServerUrl }, Partitions = Partitions, Locks = { Description = "judge" } }, cancellation).ConfigureAwait(false);
        await using (fresh.ConfigureAwait(false))
            figures.Findings.AddRange(await StuckLocks.FindAsync(fresh.Locks, history.Locks, patience, cancellation).ConfigureAwait(false));
    }

    private static long Integer(string reply) => long.TryParse(reply.TrimStart('$', ':', '+').Split('\n')[^1], NumberStyles.Integer, CultureInfo.InvariantCulture, out long number) && number > 0 ? number : 0;
}
