namespace Sluice.Cli.Sessions;

/// <summary>
/// Deals lines round-robin to the workers and keeps their log clocks together.
/// </summary>
/// <remarks>
/// <para>Sessions in log time must come out the same however many workers there are. So every line carries the time of the log at its place (the
/// running maximum), each worker's clock moves with the lines that it merges, and no clock passes the end of any session without a barrier: all
/// workers have merged what they were dealt, the coordinator has it, then all clocks move, all due sessions are ended, and they are completed
/// before the next line is merged. Without the flush before the sweep, one worker could let go of a visitor whom another has just met, before the
/// coordinator has heard of it.</para>
/// <para>Between barriers nothing can end: sessions that were open at the last one end no earlier than <c>NextSessionDeadlineTicks</c> said then,
/// and newer ones no earlier than the shorter limit after it. Most lines therefore cost one comparison.</para>
/// <para>Belongs to the reader's thread.</para>
/// </remarks>
internal sealed class VisitDealer : IAsyncDisposable
{
    private readonly IVisitWorker[] _workers;
    private readonly long _shortestSession;
    private readonly bool _logClock;
    private long _clock;
    private long _nothingEndsBefore = long.MinValue;
    private readonly ViewBatch _held = new();
    private int _next;

    public VisitDealer(IReadOnlyList<IVisitWorker> workers, VisitEngineOptions options)
    {
        _workers = [.. workers];
        _logClock = options.LogClock;
        _shortestSession = Math.Min(options.Soft?.Ticks ?? long.MaxValue, options.Hard?.Ticks ?? long.MaxValue);
    }

    /// <summary>Lines that an engine refused because a sum would not fit 64 bits.</summary>
    public long Refused => _workers.Sum(static worker => worker.Refused);

    /// <summary>Barriers taken, for tests and curiosity.</summary>
    public long Barriers { get; private set; }

    /// <summary>Deals one line. False when <see cref="SettleAsync"/> must be awaited before the next one.</summary>
    public bool Deal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> page, long bytes, bool isError, long seenTicks, long stampTicks, long line = 0)
    {
        if (_logClock && seenTicks > _clock)
        {
            _clock = seenTicks;
            if (seenTicks >= _nothingEndsBefore)
            {
                _held.Add(key, page, bytes, isError, seenTicks, stampTicks, _clock, line);
                return false;
            }
        }

        ViewBatch filling = _workers[_next].Filling;
        _next = _next + 1 == _workers.Length ? 0 : _next + 1;
        filling.Add(key, page, bytes, isError, seenTicks, stampTicks, _clock, line);
        return !filling.IsFull;
    }

    /// <summary>Takes the barrier if the line that was dealt last asks for one, and sends full batches.</summary>
    public async ValueTask SettleAsync(CancellationToken cancellation)
    {
        if (_held.Count == 0)
        {
            foreach (IVisitWorker worker in _workers)
            {
                if (worker.Filling.IsFull)
                    await worker.SendAsync(cancellation).ConfigureAwait(false);
            }

            return;
        }

        await TakeBarrierAsync(cancellation).ConfigureAwait(false);
        DealHeld();
    }

    /// <summary>Sends what is dealt, full or not: the input has nothing more at the moment.</summary>
    public async ValueTask SendAsync(CancellationToken cancellation)
    {
        foreach (IVisitWorker worker in _workers)
            await worker.SendAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>There are no more lines: ends and completes all sessions. The dealer is of no use afterwards.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellation)
    {
        foreach (IVisitWorker worker in _workers)
        {
            await worker.SendAsync(cancellation).ConfigureAwait(false);
            await worker.FinishAsync().ConfigureAwait(false);
        }

        await FlushIfSharedAsync(cancellation).ConfigureAwait(false);
        await EachAsync(static (worker, c) => worker.EndAllAsync(c), cancellation).ConfigureAwait(false);
        await _workers[0].QuiesceAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends the workers: nothing touches the engines afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (IVisitWorker worker in _workers)
            await worker.EndAsync().ConfigureAwait(false);
    }

    private async ValueTask TakeBarrierAsync(CancellationToken cancellation)
    {
        await SendAsync(cancellation).ConfigureAwait(false);
        foreach (IVisitWorker worker in _workers)
            await worker.DrainAsync(cancellation).ConfigureAwait(false);

        long earliest = EarliestDeadline();
        if (earliest <= _clock)
        {
            Barriers++;
            await FlushIfSharedAsync(cancellation).ConfigureAwait(false);
            foreach (IVisitWorker worker in _workers)
                worker.AdvanceTo(_clock);
            await EachAsync(static (worker, c) => worker.SweepAsync(c), cancellation).ConfigureAwait(false);
            await _workers[0].QuiesceAsync(cancellation).ConfigureAwait(false);
            earliest = EarliestDeadline();
        }

        long newest = _shortestSession > long.MaxValue - _clock ? long.MaxValue : _clock + _shortestSession;
        _nothingEndsBefore = Math.Min(earliest, newest);
    }

    private void DealHeld()
    {
        ViewBatch.Entry entry = _held.Entries[0];
        _workers[_next].Filling.Add(_held.Key(in entry), _held.Page(in entry), entry.Bytes, entry.IsError, entry.SeenTicks, entry.StampTicks, entry.ClockTicks, entry.Line);
        _next = _next + 1 == _workers.Length ? 0 : _next + 1;
        _held.Clear();
    }

    private long EarliestDeadline() => _workers.Min(static worker => worker.NextSessionDeadlineTicks);

    // With one worker nobody else can hold what it lets go of.
    private ValueTask FlushIfSharedAsync(CancellationToken cancellation) =>
        _workers.Length == 1 ? ValueTask.CompletedTask : EachAsync(static (worker, c) => worker.FlushAsync(c), cancellation);

    private async ValueTask EachAsync(Func<IVisitWorker, CancellationToken, ValueTask> action, CancellationToken cancellation)
    {
        if (_workers.Length == 1)
            await action(_workers[0], cancellation).ConfigureAwait(false);
        else
            await Task.WhenAll(_workers.Select(worker => action(worker, cancellation).AsTask())).ConfigureAwait(false);
    }
}
