using System.Collections.Immutable;
using System.Diagnostics;
using Sluice.Cli.Redis;
using Sluice.Cli.Sessions;
using Sluice.Coordination;

namespace Sluice.Cli.Workers;

/// <summary>
/// Worker processes that share a coordinator on Redis servers. What one of them held when it died is settled before the run ends: lines that had not arrived are handed out
/// again, so that every line is counted once although processes die.
/// </summary>
internal sealed class WorkerFleet(FleetOptions options) : IVisitCrew, IFleet
{
    private const int Replacements = 3;

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly LineLedger _ledger = new();
    private readonly Deliveries _deliveries = new();
    private readonly List<string> _lost = [];
    private readonly Lock _gate = new();
    private readonly CoordinationNamespace _space = new(
        options.Prefix, options.Trace is null ? Visit.Definition.Schema : TracedVisit.Definition.Schema, options.Partitions);
    private ImmutableArray<WorkerProcess> _workers = [];
    private Action<CompletedVisit> _complete = static _ => { };
    private RedisCoordinator? _coordinator;
    private TraceLog? _trace;
    private Timer? _watch;
    private long _lastLoss;
    private int _started;
    private int _replacements;
    private int _next;

    public LineLedger Ledger => _ledger;

    /// <summary>All that were started, lost ones among them.</summary>
    public ImmutableArray<WorkerProcess> Workers => _workers;

    /// <summary>Workers that were lost, one sentence each.</summary>
    public IReadOnlyList<string> Lost
    {
        get
        {
            lock (_gate)
                return [.. _lost];
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<IVisitWorker>> StartAsync(Action<CompletedVisit> complete)
    {
        _complete = complete;
        _coordinator = await RedisTarget.ConnectAsync(options.Servers).ConfigureAwait(false);
        if (options.Trace is { } folder)
            _trace = new TraceLog(folder);
        await Task.WhenAll(Enumerable.Range(0, options.Workers).Select(_ => AddWorkerAsync())).ConfigureAwait(false);
        _watch = new Timer(static fleet => ((WorkerFleet)fleet!).KillTheSilent(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        return [.. _workers];
    }

    /// <inheritdoc/>
    public async ValueTask HandOutAsync(WorkerProcess preferred, ViewBatch batch, CancellationToken cancellation)
    {
        if (await preferred.TryHandAsync(batch, cancellation).ConfigureAwait(false))
            return;
        while (true)
        {
            ImmutableArray<WorkerProcess> living = [.. _workers.Where(static worker => !worker.IsGone)];
            if (living.IsEmpty)
            {
                if (!await TryReplaceAsync().ConfigureAwait(false))
                {
                    _ledger.GiveUp(Enumerable.Range(0, batch.Count).Select(batch.Copy));
                    return;
                }

                continue;
            }

            if (await living[(int)((uint)_next++ % (uint)living.Length)].TryHandAsync(batch, cancellation).ConfigureAwait(false))
                return;
        }
    }

    /// <inheritdoc/>
    public async ValueTask QuiesceAsync(CancellationToken cancellation)
    {
        foreach (WorkerProcess worker in _workers)
        {
            if (!worker.IsGone && !ReferenceEquals(await worker.AskAsync(Errand.Quiesce, cancellation).ConfigureAwait(false), WorkerAnswer.Gone))
                return;
        }
    }

    /// <inheritdoc/>
    public void Acknowledge(WorkerProcess worker, ViewBatch batch, int index)
    {
        ref readonly ViewBatch.Entry entry = ref batch.Entries[index];
        _ledger.Acknowledge(batch.Key(in entry), entry.Bytes, entry.IsError);
        if (_trace is null)
            return;
        lock (_gate)
            _trace.Acknowledged(entry.Line);
    }

    /// <inheritdoc/>
    public void Complete(WorkerProcess worker, CompletedVisit visit)
    {
        lock (_gate)
        {
            _trace?.Delivered(worker.Number, visit);
            if (!_deliveries.IsFirst(visit))
                return;
        }

        _ledger.Complete(visit);
        _complete(visit);
    }

    /// <inheritdoc/>
    public void Lose(WorkerProcess worker, string how, IReadOnlyList<HandedLine> held)
    {
        _ledger.Lose(held);
        lock (_gate)
        {
            _lost.Add(how);
            _lastLoss = Stopwatch.GetTimestamp();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<CrewReport> StopAsync()
    {
        for (int settled = 0; ;)
        {
            // Every answer before is behind every completion in the pipes.
            await EachAsync(Errand.Drain).ConfigureAwait(false);
            int losses = Lost.Count;
            if (losses == settled)
                break;
            if (_workers.All(static worker => worker.IsGone) && !await TryReplaceAsync().ConfigureAwait(false))
                break;
            await SettleAsync().ConfigureAwait(false);
            await EachAsync(Errand.Drain).ConfigureAwait(false);
            if (Lost.Count != losses)
                continue;
            settled = losses;
            await HandOutAgainAsync(_ledger.Resolve()).ConfigureAwait(false);
        }

        List<string> left = [];
        foreach (WorkerProcess worker in _workers)
        {
            if (await worker.StopAsync().ConfigureAwait(false) is { Length: > 0 } rest)
                left.Add($"worker {worker.Number} stopped {rest}");
        }

        LineReport lines;
        lock (_gate)
            lines = _ledger.Report([.. _lost], _deliveries);
        if (options.OwnsPrefix && lines.IsExact)
            await RemoveTracesAsync().ConfigureAwait(false);
        return new CrewReport(_workers.Sum(static worker => worker.FlushedItems), left) { Lines = lines };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_watch is not null)
            await _watch.DisposeAsync().ConfigureAwait(false);
        foreach (WorkerProcess worker in _workers)
            await worker.DisposeAsync().ConfigureAwait(false);
        if (_coordinator is not null)
            await _coordinator.DisposeAsync().ConfigureAwait(false);
        _trace?.Dispose();
    }

    /// <summary>Starts one more worker, which takes what lost ones would be dealt.</summary>
    /// <exception cref="ToolFailureException">It could not start.</exception>
    public async Task AddWorkerAsync()
    {
        WorkerProcess worker = new(Interlocked.Increment(ref _started), this);
        try
        {
            await worker.StartAsync(options.StartOf(worker.Number)).ConfigureAwait(false);
        }
        catch
        {
            await worker.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        lock (_gate)
        {
            _workers = _workers.Add(worker);
            _trace?.Worker(worker.Number, worker.ProcessId);
        }
    }

    /// <summary>Starts one more when nobody is left, a few times.</summary>
    private async ValueTask<bool> TryReplaceAsync()
    {
        if (_replacements++ >= Replacements)
            return false;
        try
        {
            await AddWorkerAsync().ConfigureAwait(false);
            return true;
        }
        catch (ToolFailureException)
        {
            return _workers.Any(static worker => !worker.IsGone);
        }
    }

    private async ValueTask HandOutAgainAsync(IReadOnlyList<HandedLine> lines)
    {
        ViewBatch batch = new();
        foreach (HandedLine line in lines)
        {
            batch.Add(line);
            if (!batch.IsFull)
                continue;
            await HandOutAsync(_workers[0], batch, CancellationToken.None).ConfigureAwait(false);
            batch = new ViewBatch();
        }

        if (batch.Count > 0)
            await HandOutAsync(_workers[0], batch, CancellationToken.None).ConfigureAwait(false);
        await EachAsync(Errand.EndAll).ConfigureAwait(false);
        await QuiesceAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>
    /// Returns when the dead are fenced, so that nothing of theirs can arrive any more, and all sessions are completed.
    /// </summary>
    private async ValueTask SettleAsync()
    {
        long lastLoss;
        lock (_gate)
            lastLoss = _lastLoss;

        // Before its lease is over a dead worker looks alive.
        TimeSpan rest = options.Lease - Stopwatch.GetElapsedTime(lastLoss);
        if (rest > TimeSpan.Zero)
            await Task.Delay(rest).ConfigureAwait(false);
        long began = Stopwatch.GetTimestamp();
        for (int partition = 0; partition < options.Partitions; partition++)
        {
            while (!await IsSettledAsync(partition).ConfigureAwait(false))
            {
                if (Stopwatch.GetElapsedTime(began) > Patience)
                    throw new ToolFailureException(ExitCode.NotConserved, $"what lost workers left in partition {partition} was not settled within {Patience.TotalMinutes:0} minutes: look at it with sluice inspect --redis URL --prefix {options.Prefix}");
                await Task.Delay(LookAgain).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<bool> IsSettledAsync(int partition)
    {
        try
        {
            PokeReply look = await _coordinator!.SendAsync(_space, partition, new PokeRequest(1), CancellationToken.None).ConfigureAwait(false);
            return look.Expired.IsEmpty && look.Open == 0 && look.Sealed == look.Parked;
        }
        catch (CoordinatorException)
        {
            return false; // it is asked again until patience ends
        }
    }

    private async ValueTask EachAsync(Errand errand) =>
        await Task.WhenAll(_workers.Where(static worker => !worker.IsGone).Select(worker => worker.AskAsync(errand, CancellationToken.None).AsTask())).ConfigureAwait(false);

    private void KillTheSilent()
    {
        foreach (WorkerProcess worker in _workers.Where(worker => !worker.IsGone && worker.Silence > options.LostAfter))
            worker.Kill();
    }

    /// <summary>Nobody will ask for the namespace of a run that is through.</summary>
    private async ValueTask RemoveTracesAsync()
    {
        try
        {
            await StoredKeys.RemoveAsync(options.Servers, options.Prefix, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Resp.RespException)
        {
            // The user may not delete, which is no reason to fail: sluice purge says how.
        }
    }
}
