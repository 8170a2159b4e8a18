using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Report;
using Sluice.Coordination;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>Workers on one server, what may be done to them while they work, and what has happened. Actions are for one thread.</summary>
internal sealed class DemoRun : IAsyncDisposable
{
    /// <summary>What settling takes at most, beside the leases that have to run out.</summary>
    private static readonly TimeSpan SettlingLimit = TimeSpan.FromSeconds(60);

    private readonly DemoTerms _terms;
    private readonly DemoServer _server;
    private readonly Random _random;
    private readonly List<DemoWorker> _workers = [];
    private readonly ConcurrentQueue<(TimeSpan At, string Text)> _log = [];
    private readonly HashSet<int> _unclaimed = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private TimeSpan? _lastDeath;
    private TimeSpan? _lastLoss;

    private DemoRun(DemoTerms terms, bool ignoresNumbers)
    {
        _terms = terms;
        _server = new DemoServer(ignoresNumbers);
        _random = new Random(terms.Seed);
        Sink = new DemoSink(Mishaps);
    }

    public Mishaps Mishaps { get; } = new();

    public DemoSink Sink { get; }

    public IReadOnlyList<DemoWorker> Workers => _workers;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_began);

    /// <summary>What has happened, oldest first.</summary>
    public IReadOnlyCollection<(TimeSpan At, string Text)> Log => _log;

    public bool IsSettling { get; private set; }

    public static async Task<DemoRun> StartAsync(DemoTerms terms, bool ignoresNumbers = false)
    {
        DemoRun run = new(terms, ignoresNumbers);
        for (int number = 1; number <= terms.Workers; number++)
            run._workers.Add(await DemoWorker.StartAsync(number, run._server, run.Mishaps, run.Sink, terms).ConfigureAwait(false));
        return run;
    }

    /// <summary>Whether everybody has sent again what the server lost last, so that a death costs nothing.</summary>
    public bool HasRecovered => _lastLoss is not { } loss || Elapsed - loss >= DemoServer.Memory * 2;

    /// <summary>Whether a worker is stopped.</summary>
    public bool HasSleeper => _workers.Exists(static worker => worker.State == WorkerState.Paused);

    /// <summary>A worker dies, if another one is left to take over.</summary>
    public async Task KillAsync()
    {
        if (!HasRecovered)
        {
            Tell("nobody is killed now: the server is being sent again what it lost");
            return;
        }

        if (Pick() is not { } victim)
            return;
        await victim.KillAsync().ConfigureAwait(false);
        _lastDeath = Elapsed;
        _unclaimed.Add(victim.Number);
        Tell($"worker {victim.Number} was killed with {HumanUnits.Count(victim.Waiting)} unacknowledged events");
    }

    /// <summary>A worker is stopped beyond its lease; or, if one is stopped, it goes on.</summary>
    public void PauseOrResume()
    {
        if (_workers.Find(static worker => worker.State == WorkerState.Paused) is { } sleeper)
        {
            sleeper.Resume();
            Tell($"worker {sleeper.Number} goes on, and believes that nothing happened");
            return;
        }

        if (!HasRecovered)
        {
            Tell("nobody is stopped now: the server is being sent again what it lost");
            return;
        }

        if (Pick() is not { } chosen)
            return;
        chosen.Pause();
        Tell(string.Create(CultureInfo.InvariantCulture, $"worker {chosen.Number} was stopped; its lease runs out in {_terms.Lease.TotalSeconds:0.#} s"));
    }

    public void LoseReplies(bool isOn)
    {
        if (Mishaps.RepliesAreLost == isOn)
            return;
        Mishaps.RepliesAreLost = isOn;
        Tell(isOn ? "one reply of five is lost, of batches that were applied" : "replies arrive again");
    }

    public void BreakSink(bool isOn)
    {
        if (Mishaps.SinkIsBroken == isOn)
            return;
        Mishaps.SinkIsBroken = isOn;
        Tell(isOn ? "the database is broken: sessions wait, nothing is lost" : "the database works again");
    }

    /// <summary>The server loses its latest writes, which the workers still have.</summary>
    public void LoseLatestWrites()
    {
        // What a dead worker had sent cannot be sent again by anybody, and a stopped one may sleep for longer than it keeps what it has sent.
        if (Elapsed - _lastDeath < DemoServer.Memory * 2 || HasSleeper)
        {
            Tell("the server keeps its writes: a dead or stopped worker could not help");
            return;
        }

        TimeSpan lost = _server.LoseLatestWrites();
        if (lost == TimeSpan.Zero)
            return;
        _lastLoss = Elapsed;
        Tell($"the server lost its last {lost.TotalMilliseconds:0} ms of writes; workers still have them");
    }

    /// <summary>Looks at everything; called some times a second.</summary>
    public DemoView Look()
    {
        PartitionState[] states = _server.Remember();
        List<WorkerView> workers = [];
        foreach (DemoWorker worker in _workers)
        {
            int references = worker.Incarnations.Sum(id => states.Sum(state => state.Owned.TryGetValue(id, out var owned) ? owned.Count : 0));
            if (worker.State == WorkerState.Killed && references == 0 && _unclaimed.Remove(worker.Number))
                Tell($"the others have taken back all references of worker {worker.Number}");
            workers.Add(new WorkerView(worker.Number, worker.State, worker.Merged, worker.Waiting, references));
        }

        return new DemoView(
            Elapsed, _workers.Sum(static worker => worker.Merged), _workers.Sum(static worker => worker.Writes), Sink.Sessions, states.Sum(static state => state.Open.Count),
            states.Sum(static state => state.Sealed.Count), workers);
    }

    /// <summary>Ends every mishap, takes no more events, and returns when every session has been completed.</summary>
    public async Task<Truth> SettleAsync()
    {
        IsSettling = true;
        LoseReplies(false);
        BreakSink(false);
        if (HasSleeper)
            PauseOrResume();
        using CancellationTokenSource limit = new(SettlingLimit + (2 * _terms.Lease));
        DemoWorker[] living = [.. _workers.Where(static worker => worker.State == WorkerState.Running)];
        await Task.WhenAll(living.Select(worker => Task.Run(() => worker.FinishAsync(limit.Token), limit.Token))).ConfigureAwait(false);
        while (Array.Exists(_server.Snapshot(), static state => !state.Open.IsEmpty || !state.Sealed.IsEmpty))
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token).ConfigureAwait(false);
        return Truth.Of(_workers, Sink);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (DemoWorker worker in _workers)
            await worker.DisposeAsync().ConfigureAwait(false);
        await _server.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Somebody who runs, if somebody else does too: who takes over has to be there.</summary>
    private DemoWorker? Pick()
    {
        DemoWorker[] running = [.. _workers.Where(static worker => worker.State == WorkerState.Running)];
        if (running.Length > 1)
            return running[_random.Next(running.Length)];
        Tell($"worker {running[0].Number} is the last one that runs: somebody has to be left");
        return null;
    }

    private void Tell(string text) => _log.Enqueue((Elapsed, text));
}
