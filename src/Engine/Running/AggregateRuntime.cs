using Microsoft.Extensions.Logging;
using Sluice.Caching;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Waiting;

namespace Sluice.Running;

/// <summary>
/// One aggregate in one running engine: its cache's way out (the lanes), its completions, and the loops that keep its membership alive and look
/// after partitions that nobody else looks after.
/// </summary>
internal sealed class AggregateRuntime : IFlushSink
{
    private readonly Membership _membership;
    private readonly CancellationTokenSource _stopping = new();
    private readonly WakeSignal _flushRequests;
    private Task _sweeper = Task.CompletedTask;
    private Task _flusher = Task.CompletedTask;
    private Task _compaction = Task.CompletedTask;
    private long _flushUpTo;
    private EngineFaultException? _fault;
    private volatile bool _hasEnded;
    private long _writes;
    private long _completions;

    public AggregateRuntime(SluiceEngine engine, CoordinationNamespace space, FlushTerms flush)
    {
        Engine = engine;
        _flushRequests = new WakeSignal(Work);
        Space = space;
        Seen = new SeenClock(space.Partitions);
        EngineOptions options = engine.Options;
        LaneTerms terms = new(
            space.Layout, flush, options.BatchSize, Durations.Micros(options.DurabilityWindow), options.RetentionBytes, FencePolicy);
        Lanes = new Lane[space.Partitions];
        for (int i = 0; i < Lanes.Length; i++)
        {
            Lanes[i] = new Lane(i, new LaneSurroundings(
                space, engine.Coordinator, terms, engine.Epochs, options.TimeProvider, engine.NewIdentity, options.BatchLinger, options.RequestTimeout,
                options.LaneCapacity, Work)
            {
                Seen = Seen,
                Observer = new LaneObserver(this, i),
                OnDue = OnDue,
                OnRoom = Room.Pulse,
                OnRetry = OnRetry,
                OnFault = OnFault,
                OnCrowded = (partition, resource) => Compactor?.Note(partition, resource),
            });
        }

        _membership = new Membership(this, flush);
    }

    public SluiceEngine Engine { get; }

    public CoordinationNamespace Space { get; }

    public SeenClock Seen { get; }

    public WorkCount? Work => Engine.Options.Work;

    public FencePolicy FencePolicy { get; } = new();

    public Lane[] Lanes { get; }

    public Room Room { get; } = new();

    public MergeCache Cache { get; private set; } = null!;

    public Completer? Completer { get; private set; }

    /// <summary>Null for an aggregate without opaque fields.</summary>
    public Compactor? Compactor { get; private set; }

    public int InFlight => Lanes.Sum(static lane => lane.InFlight);

    /// <summary>Resources in acknowledged batches.</summary>
    public long Writes => Volatile.Read(ref _writes);

    /// <summary>Sessions that this engine completed.</summary>
    public long Completions => Volatile.Read(ref _completions);

    public bool TryWrite(int partition, in FlushItem item) => Lanes[partition].TryWrite(item);

    public void CountWrites(int items) => Interlocked.Add(ref _writes, items);

    public void CountCompletions(int sessions) => Interlocked.Add(ref _completions, sessions);

    public void OnDue(int partition, long now, long nextDue) => Completer?.OnDue(partition, now, nextDue);

    public void Start(MergeCache cache, Completer? completer, Compactor? compactor)
    {
        Cache = cache;
        Completer = completer;
        Compactor = compactor;
        foreach (Lane lane in Lanes)
            lane.Start();
        completer?.Start();
        _membership.Start();
        _sweeper = WorkCount.Run(Work, SweepLoopAsync);
        _flusher = WorkCount.Run(Work, FlushLoopAsync);
        if (compactor is not null)
            _compaction = WorkCount.Run(Work, () => LoopAsync("compaction", compactor.WaitAsync, compactor.CompactNextAsync));
    }

    /// <summary>
    /// Asks for everything of the epochs up to <paramref name="upTo"/> to be flushed. One flush at a time: it goes on until the lanes have taken all of
    /// those epochs, so that under pressure the oldest updates get through and not the newest again and again.
    /// </summary>
    public void RequestFlush(long upTo)
    {
        Volatile.Write(ref _flushUpTo, upTo);
        _flushRequests.Set();
    }

    /// <summary>Returns when the coordinator has everything of the epochs up to <paramref name="upTo"/>.</summary>
    public async ValueTask FlushAsync(long upTo, CancellationToken cancellation)
    {
        await UntilTakenAsync(cache => cache.TryFlushDirty(upTo), cancellation).ConfigureAwait(false);
        await DrainLanesAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Reports updates that were dropped before they were in an item.</summary>
    public void ReportDiscarded(int updates)
    {
        if (updates != 0)
            new LaneObserver(this, 0).OnLost(LossCause.Discarded, default, 0, 0, []);
    }

    /// <summary>Throws if a lane ended by a fault: waiting for its room would never end.</summary>
    /// <exception cref="EngineFaultException">A lane has ended.</exception>
    public void ThrowIfFaulted()
    {
        if (Volatile.Read(ref _fault) is { } fault)
            throw fault.Again();
    }

    /// <summary>Repeats an emission until no lane was full.</summary>
    /// <exception cref="ObjectDisposedException">The lanes have ended and will never have room.</exception>
    public async ValueTask UntilTakenAsync(Func<MergeCache, bool> tryEmit, CancellationToken cancellation)
    {
        while (true)
        {
            Task room = Room.Next;
            if (tryEmit(Cache))
                return;
            ThrowIfFaulted();
            if (_hasEnded)
                throw Stopped();
            await room.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the coordinator has everything that the lanes have taken so far.</summary>
    public ValueTask DrainLanesAsync(CancellationToken cancellation) => DrainAsync(Lanes, cancellation);

    private async ValueTask DrainAsync(IEnumerable<Lane> lanes, CancellationToken cancellation)
    {
        FlushWaiter waiter = new();
        try
        {
            foreach (Lane lane in lanes)
                await lane.BarrierAsync(waiter, cancellation).ConfigureAwait(false);
        }
        finally
        {
            waiter.Release();
        }

        await waiter.Task.WaitAsync(cancellation).ConfigureAwait(false);
        await CheckEndAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>A lane that has been closed takes no barrier any more: then its end tells whether everything was settled.</summary>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask CheckEndAsync(CancellationToken cancellation)
    {
        if (!_hasEnded)
            return;
        await Task.WhenAll(Lanes.Select(static lane => lane.Completion)).WaitAsync(cancellation).ConfigureAwait(false);
        if (InFlight != 0)
            throw Stopped();
    }

    /// <summary>Stops accepting and ends every session; returns when the lanes have taken all of it.</summary>
    public async ValueTask CloseAsync(CancellationToken deadline)
    {
        Cache.Close();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_sweeper, _flusher).ConfigureAwait(false);
        try
        {
            await UntilTakenAsync(static cache => cache.TryExpireAll(CompletionReason.Shutdown, out _), deadline).ConfigureAwait(false);
        }
        catch (EngineFaultException)
        {
            // What the other lanes can take must not be lost with the one that has ended.
            await EndWhatCanEndAsync(deadline).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Rounds of what the living lanes have room for, until a round finds nothing more for them.</summary>
    private async ValueTask EndWhatCanEndAsync(CancellationToken deadline)
    {
        while (true)
        {
            try
            {
                await DrainAsync(Lanes.Where(static lane => !lane.HasFaulted), deadline).ConfigureAwait(false);
            }
            catch (EngineFaultException)
            {
                // Another one has ended.
                continue;
            }

            Cache.TryExpireAll(CompletionReason.Shutdown, out int ended);
            if (ended == 0)
                return;
        }
    }

    /// <summary>
    /// Ends the lanes after everything is settled, or at the deadline; returns how many updates were not settled, with the sessions for which no lane
    /// had room.
    /// </summary>
    public async ValueTask<int> EndAsync(CancellationToken deadline)
    {
        await _membership.StopAsync().ConfigureAwait(false);
        CompleteLanes();
        try
        {
            // Compaction runs the application's code, which may take its time: nothing but the end waits for it.
            await Task.WhenAll([.. Lanes.Select(static lane => lane.Completion), _compaction]).WaitAsync(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The deadline: what is left is counted below.
        }

        int left = Cache.Count;
        foreach (Lane lane in Lanes)
            left += await lane.AbandonAsync().ConfigureAwait(false);
        return left;
    }

    /// <summary>Drops everything without a goodbye: what a crash does. The lanes first, so that nothing more gets out.</summary>
    public async ValueTask AbandonAsync()
    {
        _hasEnded = true;
        await Task.WhenAll(Lanes.Select(static lane =>
        {
            lane.Complete();
            return lane.AbandonAsync().AsTask();
        })).ConfigureAwait(false);
        Room.Pulse();
        Cache.Close();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_sweeper, _flusher, _compaction).ConfigureAwait(false);
        await _membership.StopAsync().ConfigureAwait(false);
        if (Completer is not null)
            await Completer.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
    }

    /// <summary>Sends one request; null when it failed, which is logged.</summary>
    public ValueTask<TReply?> TrySendAsync<TReply>(int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
        where TReply : class =>
        TrySendAsync(partition, request, Engine.Options.RequestTimeout, cancellation);

    /// <summary>Sends one request with a time limit of its own; null when it failed, which is logged.</summary>
    public async ValueTask<TReply?> TrySendAsync<TReply>(
        int partition, CoordinatorRequest<TReply> request, TimeSpan timeout, CancellationToken cancellation)
        where TReply : class
    {
        try
        {
            return await Engine.Coordinator.SendAsync(Space, partition, request, timeout, Engine.Options.TimeProvider, cancellation).ConfigureAwait(false);
        }
        catch (CoordinatorException e)
        {
            OnRetry(partition, 1, e);
            return null;
        }
    }

    /// <summary>Sends one request, which must not take longer than the request time-out.</summary>
    /// <exception cref="CoordinatorException">The coordinator could not answer, or not in time.</exception>
    public ValueTask<TReply> SendAsync<TReply>(int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation) =>
        Engine.Coordinator.SendAsync(Space, partition, request, Engine.Options.RequestTimeout, Engine.Options.TimeProvider, cancellation);

    private static ObjectDisposedException Stopped() =>
        new(nameof(SluiceEngine), "The engine was stopped before the coordinator had what this call was to hand over.");

    /// <summary>The flag first and the pulse last: who waits for room finds either room or the flag.</summary>
    private void CompleteLanes()
    {
        _hasEnded = true;
        foreach (Lane lane in Lanes)
            lane.Complete();
        Room.Pulse();
    }

    private void OnRetry(int partition, int failures, Exception error)
    {
        Engine.NoteFailure();
        Engine.Metrics.Retries.Add(1, Diagnostics.EngineMetrics.Tag(Space.Schema.Name));
        Diagnostics.EngineLog.Retrying(Engine.Logger, error, Space.Schema.Name, partition, failures);
    }

    private void OnFault(int partition, EngineFaultException fault)
    {
        Interlocked.CompareExchange(ref _fault, fault, null);
        Diagnostics.EngineLog.LaneEnded(Engine.Logger, fault.InnerException!, Space.Schema.Name, partition);
        Room.Pulse();
        Engine.OnFault(fault);
    }

    private async Task SweepLoopAsync()
    {
        using Ticker ticker = new(Engine.Options.SessionSweepInterval, Engine.Options.TimeProvider, Work);
        await LoopAsync("session sweep", ticker.WaitAsync, _ =>
        {
            Cache.TrySweep(out int _);
            return ValueTask.CompletedTask;
        }).ConfigureAwait(false);
    }

    private async Task FlushLoopAsync()
    {
        await LoopAsync(
            "flush",
            async cancellation =>
            {
                await _flushRequests.WaitAsync(cancellation).ConfigureAwait(false);
                return true;
            },
            cancellation => UntilTakenAsync(cache => cache.TryFlushDirty(Volatile.Read(ref _flushUpTo)), cancellation)).ConfigureAwait(false);
        _flushRequests.Dispose();
    }

    /// <summary>Repeats a step until the engine stops. An error in one round is logged and the loop goes on: without it nothing would leave by time.</summary>
    private async Task LoopAsync(string name, Func<CancellationToken, ValueTask<bool>> next, Func<CancellationToken, ValueTask> step)
    {
        CancellationToken cancellation = _stopping.Token;
        try
        {
            while (await next(cancellation).ConfigureAwait(false))
            {
                try
                {
                    await step(cancellation).ConfigureAwait(false);
                }
                catch (Exception e) when (!cancellation.IsCancellationRequested)
                {
                    Diagnostics.EngineLog.LoopError(Engine.Logger, e, Space.Schema.Name, name);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
