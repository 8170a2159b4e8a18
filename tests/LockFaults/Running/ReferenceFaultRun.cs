using System.Diagnostics;
using System.Globalization;
using Sluice.Harness;
using Sluice.Harness.Linearizability;

namespace Sluice.LockFaults;

/// <summary>
/// Four processes take and give back references on one server that writes everything down, round after round, and a fault comes in the middle of each. A round ends when nobody holds anything and no
/// callback is owed; it has keys of its own, so its history is judged by itself.
/// </summary>
internal sealed class ReferenceFaultRun : IAsyncDisposable
{
    private const int Workers = 4;
    private const int LeastTaken = 200;

    private static readonly TimeSpan Lease = LockFaultRun.Lease;
    private static readonly TimeSpan BeforeFault = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan BeyondLease = Lease * 1.5;

    /// <summary>For what the dead have left: their lease, a claim's lease, and a busy machine.</summary>
    private static readonly TimeSpan Patience = Lease * 10;

    private readonly PrivateRedisServer _server;
    private readonly WorkerProcess[] _workers = new WorkerProcess[Workers];
    private readonly Random _random;
    private int _round;
    private int _started;

    private ReferenceFaultRun(PrivateRedisServer server, int seed) => (_server, _random) = (server, new Random(seed));

    /// <summary>Starts the server and the workers.</summary>
    public static async Task<ReferenceFaultRun> StartAsync(int seed, CancellationToken cancellation)
    {
        ReferenceFaultRun run = new(await PrivateRedisServer.StartAsync(["--appendonly", "yes", "--appendfsync", "always"], cancellation).ConfigureAwait(false), seed);
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
    /// <param name="fault">What happens.</param>
    /// <param name="figures">Take the round.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="bug">Planted in the workers or their scripts; null: none.</param>
    public async Task RunAsync(LockFault fault, ReferenceFaultFigures figures, CancellationToken cancellation, string? bug = null)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{bug ?? fault.ToString()}{++_round}");
        ReferenceHistory history = new();
        int victim = _random.Next(Workers);
        Task<bool>[] listening = Listen(history, _workers, cancellation);
        await TellAsync(_workers, $"round {name}{(bug is null ? "" : $" {bug}")}").ConfigureAwait(false);
        await Task.Delay(BeforeFault, cancellation).ConfigureAwait(false);
        await UntilTakenAsync(name, history, 0, figures, cancellation).ConfigureAwait(false);
        long met = Stopwatch.GetTimestamp();
        await new Adversary(_server, _workers, _random, BeyondLease).MeetAsync(fault, _workers[victim], cancellation).ConfigureAwait(false);
        long healed = Stopwatch.GetTimestamp();
        if (fault is LockFault.Pause or LockFault.Silence or LockFault.Starvation or LockFault.Collection)
            history.StandStill(victim, met, healed);

        // Time for everybody to find out, and to work again.
        await Task.Delay(fault is LockFault.None or LockFault.ScriptFlush ? BeforeFault : Lease, cancellation).ConfigureAwait(false);
        await UntilTakenAsync(name, history, healed, figures, cancellation).ConfigureAwait(false);
        WorkerProcess[] alive = [.. _workers.Where((_, i) => fault != LockFault.Kill || i != victim)];
        await TellAsync(alive, "end").ConfigureAwait(false);
        if (!await EndAsync(name, listening, fault == LockFault.Kill ? victim : null, figures, cancellation).ConfigureAwait(false))
            return;

        // All are asked, so that all that they have said until then has been read.
        listening = Listen(history, alive, cancellation);
        await TellAsync(alive, "quiet").ConfigureAwait(false);
        if (await EndAsync(name, listening, null, figures, cancellation).ConfigureAwait(false))
            history.Quiet(Stopwatch.GetTimestamp());
        Judge(name, history, figures);
        if (fault == LockFault.Kill)
        {
            await _workers[victim].DisposeAsync().ConfigureAwait(false);
            await LaunchAsync(victim, cancellation).ConfigureAwait(false);
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
    }

    private static Task<bool>[] Listen(ReferenceHistory history, IEnumerable<WorkerProcess> workers, CancellationToken cancellation) =>
        [.. workers.Select(worker => worker.ListenAsync(history.Add, cancellation))];

    private static Task TellAsync(IEnumerable<WorkerProcess> workers, string line) => Task.WhenAll(workers.Select(worker => worker.TellAsync(line)));

    private static void Judge(string name, ReferenceHistory history, ReferenceFaultFigures figures)
    {
        figures.Add(history);
        figures.Findings.AddRange(history.Errors.Select(error => $"{name}: {error}"));
        LinearizabilityResult result = history.Check();
        if (!result.IsLinearizable)
            figures.Findings.Add($"{name}: {result.Key} has no order. {result.Explanation}");
    }

    /// <summary>On a busy machine a second may be nothing: a round is not over before there is something to judge.</summary>
    private static async Task UntilTakenAsync(string name, ReferenceHistory history, long since, ReferenceFaultFigures figures, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        while (history.TakenAfter(since) < LeastTaken)
        {
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                figures.Findings.Add($"{name}: nobody gets a reference any more.");
                return;
            }

            await Task.Delay(20, cancellation).ConfigureAwait(false);
        }
    }

    /// <returns>False: it has not come to an end, and nothing can be said of it.</returns>
    private async Task<bool> EndAsync(string name, Task<bool>[] listening, int? killed, ReferenceFaultFigures figures, CancellationToken cancellation)
    {
        try
        {
            bool[] haveEnded = await Task.WhenAll(listening).WaitAsync(Patience, cancellation).ConfigureAwait(false);
            int[] gone = [.. Enumerable.Range(0, haveEnded.Length).Where(i => !haveEnded[i] && i != killed)];
            figures.Findings.AddRange(gone.Select(i => $"{name}: worker {i} ended: {_workers[i].Transcript[^Math.Min(2_000, _workers[i].Transcript.Length)..]}"));
            return gone.Length == 0;
        }
        catch (TimeoutException)
        {
            figures.Findings.Add($"{name}: it does not come to rest.");
            return false;
        }
    }

    private async Task LaunchAsync(int worker, CancellationToken cancellation) => _workers[worker] = await WorkerProcess
        .StartAsync(worker, _server.EndPoint, 0, _random.Next(1_000_000) + Interlocked.Increment(ref _started), Lease, cancellation, "references")
        .ConfigureAwait(false);
}
