using System.Threading.Channels;
using Sluice.Coordination;
using Sluice.Waiting;

namespace Sluice.Flushing;

/// <summary>What the lanes of one aggregate share.</summary>
internal sealed record LaneSurroundings(
    CoordinationNamespace Space, Coordinator Coordinator, LaneTerms Terms, FlushEpochs Epochs, TimeProvider Time, Func<long, IncarnationId> NewIdentity,
    TimeSpan Linger, TimeSpan RequestTimeout, int Capacity, WorkCount? Work = null)
{
    /// <summary>The partition clocks that the engine has seen, shared with its other requests.</summary>
    public required SeenClock Seen { get; init; }

    /// <summary>Told of everything that happens to what the lanes carry.</summary>
    public required ILaneObserver Observer { get; init; }

    /// <summary>Told the partition, the server's time and when its next session is due, after each batch.</summary>
    public required Action<int, long, long> OnDue { get; init; }

    /// <summary>Told when items have left a lane's channel: producers that wait for room may try again.</summary>
    public required Action OnRoom { get; init; }

    /// <summary>Told that a lane ended because of a fault.</summary>
    public required Action<int, EngineFaultException> OnFault { get; init; }

    /// <summary>Told the partition and a resource that has so many opaque deltas that they should be compacted.</summary>
    public Action<int, ResourceKey>? OnCrowded { get; init; }

    /// <summary>Told of a request that failed and will be sent again: partition, how many failures in a row, the error.</summary>
    public required Action<int, int, Exception> OnRetry { get; init; }
}

/// <summary>
/// One engine's lane to one partition: a bounded channel, and a loop that drives the <see cref="LaneMachine"/> against the coordinator. While a batch
/// is outstanding, new events merge into the next one: waiting raises compression.
/// </summary>
/// <remarks><see cref="TryWrite"/> may be called by any thread; the machine belongs to the loop.</remarks>
internal sealed class Lane
{
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LastBackoff = TimeSpan.FromSeconds(1);

    private readonly LaneSurroundings _surroundings;
    private readonly WorkCount? _work;
    private readonly LaneMachine _machine;
    private readonly Channel<FlushItem> _channel;
    private readonly CancellationTokenSource _abandoned = new();
    private LaneIdentity _identity = LaneIdentity.None;
    private int _inFlight;
    private long _asked;
    private SignOfLife? _signOfLife;
    private SignOfLife? _doubted;
    private bool _urgent;
    private bool _leaving;
    private bool _hasFaulted;
    private string? _failure;

    public Lane(int partition, LaneSurroundings surroundings)
    {
        Partition = partition;
        _surroundings = surroundings;
        _work = surroundings.Work;
        _machine = new LaneMachine(surroundings.Terms, surroundings.Space.Merger, surroundings.Epochs, surroundings.Observer);
        _channel = Channel.CreateBounded<FlushItem>(new BoundedChannelOptions(surroundings.Capacity) { SingleReader = true });
        Completion = Task.CompletedTask;
    }

    public int Partition { get; }

    /// <summary>The loop: completes when the lane was completed and is empty, or was abandoned.</summary>
    public Task Completion { get; private set; }

    /// <summary>Who the lane is and whether it holds anything. Any thread.</summary>
    public LaneIdentity Identity => Volatile.Read(ref _identity);

    /// <summary>Items that were taken and are not settled, folded ones included. Any thread.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>How long ago the request was first sent whose reply the lane looks at: what the reply says may be as old. For the lane's observer.</summary>
    public TimeSpan SinceAsked => _surroundings.Time.GetElapsedTime(_asked);

    /// <summary>The lane has ended by a fault and takes nothing more. Any thread.</summary>
    public bool HasFaulted => Volatile.Read(ref _hasFaulted);

    /// <summary>Why the last request failed, which is tried again; null: it was answered, or there was none. Any thread.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    public void Start() => Completion = WorkCount.Run(_work, RunAsync);

    /// <summary>See <see cref="IFlushSink.TryWrite"/>.</summary>
    public bool TryWrite(in FlushItem item)
    {
        Interlocked.Increment(ref _inFlight);
        FlushItem taken = item;
        taken.Episode = _surroundings.Terms.Fence.Episode;
        if (TryPut(taken))
            return true;
        Interlocked.Decrement(ref _inFlight);
        return false;
    }

    /// <summary>
    /// Takes an item, whether or not there is room: one that finds none waits its turn. For items whose number is bounded by those who wait for them. Any thread; items
    /// of one thread, or under one lock, keep their order.
    /// </summary>
    public void Post(FlushItem item)
    {
        Interlocked.Increment(ref _inFlight);
        item.Episode = _surroundings.Terms.Fence.Episode;
        _work?.Begin();
        ValueTask write = _channel.Writer.WriteAsync(item);
        if (!write.IsCompletedSuccessfully)
            _ = PostAsync(write.AsTask(), item);
    }

    private async Task PostAsync(Task write, FlushItem item)
    {
        try
        {
            await write.ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            _work?.End();
            Interlocked.Decrement(ref _inFlight);
            item.Waiter?.Fail(e.InnerException is EngineFaultException fault
                ? fault.Again()
                : new ObjectDisposedException(nameof(SluiceEngine), "The engine was stopped before the coordinator had what this call was to hand over."));
            item.Recycle();
        }
    }

    /// <summary>Called by the observer for each item that is settled.</summary>
    public void OnSettled(int folded) => Interlocked.Add(ref _inFlight, -folded);

    /// <summary>
    /// Makes <paramref name="waiter"/> wait for everything that the lane has taken so far. The maker's own count must still be held.
    /// </summary>
    public async ValueTask BarrierAsync(FlushWaiter waiter, CancellationToken cancellation)
    {
        if (InFlight == 0)
            return;
        waiter.Add();
        _work?.Begin();
        try
        {
            await _channel.Writer.WriteAsync(new FlushItem { Waiter = waiter }, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ChannelClosedException or OperationCanceledException)
        {
            _work?.End();
            if (e is ChannelClosedException { InnerException: EngineFaultException fault } && InFlight != 0)
                waiter.Fail(fault.Again());
            else
                waiter.Release();
            if (e is OperationCanceledException)
                throw;
        }
    }

    /// <summary>
    /// Takes the answer to a beat of <paramref name="identity"/>, which must have been read before the beat was sent. When the partition refused it, or has
    /// fewer batches than it had acknowledged, the lane asks by its next batch what happened. Any thread.
    /// </summary>
    public void OnBeat(LaneIdentity identity, BeatReply reply)
    {
        if (reply.Status == BeatStatus.Alive)
            _surroundings.Terms.Fence.OnLife(identity.Incarnation);
        if (reply.Status == BeatStatus.Alive && reply.Last >= identity.Acknowledged)
        {
            Volatile.Write(ref _signOfLife, new SignOfLife(identity.Incarnation, reply.Now));
            return;
        }

        Volatile.Write(ref _doubted, new SignOfLife(identity.Incarnation, reply.Now));
        TryPut(new FlushItem { Epoch = BeatRefused });
    }

    /// <summary>Leaves the partition if the lane is idle and holds nothing.</summary>
    public void LeaveIfIdle() => TryPut(new FlushItem { Epoch = LeaveIdle });

    /// <summary>No more items will come; the loop ends when everything is settled.</summary>
    public void Complete() => _channel.Writer.TryComplete();

    /// <summary>Ends the loop now, whatever is left; returns how many items were not settled. Call after <see cref="Complete"/>.</summary>
    public async ValueTask<int> AbandonAsync()
    {
        await _abandoned.CancelAsync().ConfigureAwait(false);
        await Completion.ConfigureAwait(false);
        FailWaiters(new ObjectDisposedException(nameof(SluiceEngine), "The engine was stopped before the coordinator had the update."));
        return InFlight;
    }

    /// <summary>An item in the channel counts as work until the loop has taken it.</summary>
    private bool TryPut(in FlushItem item)
    {
        _work?.Begin();
        if (_channel.Writer.TryWrite(item))
            return true;
        _work?.End();
        return false;
    }

    private void FailWaiters(Exception reason)
    {
        foreach (PendingItem item in _machine.Surrender())
            item.FailWaiters(reason);
        while (_channel.Reader.TryRead(out FlushItem item))
        {
            _work?.End();
            item.Waiter?.Fail(reason);
            item.Recycle();
        }
    }

    // Items without a key are messages to the loop; their epoch field says which.
    private const int BeatRefused = -1;
    private const int LeaveIdle = -2;

    /// <summary>What a beat of an incarnation was answered at a server time.</summary>
    private sealed record SignOfLife(IncarnationId Incarnation, long Now);

    private async Task RunAsync()
    {
        CancellationToken cancellation = _abandoned.Token;
        try
        {
            while (true)
            {
                Drain();
                if (_machine.Outstanding is null)
                {
                    if (!_machine.HasNext)
                    {
                        if (_leaving)
                            await LeaveAsync(cancellation).ConfigureAwait(false);
                        if (await WaitForItemsAsync(cancellation).ConfigureAwait(false))
                            continue;
                        await LeaveAsync(cancellation).ConfigureAwait(false);
                        break;
                    }

                    if (_machine.NeedsIdentity)
                        await EnrolAsync(cancellation).ConfigureAwait(false);
                    await LingerAsync(cancellation).ConfigureAwait(false);
                    Drain();
                    _urgent = false;
                    _machine.Seen = _surroundings.Seen[Partition];
                    _machine.TryCut();
                }

                if (_machine.Outstanding is { } request)
                    await FlushAsync(request, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Abandoned: what is left is reported by AbandonAsync.
        }
        catch (Exception e)
        {
            // A fault of ours, or of the coordinator. The lane takes nothing more, so that producers notice; whoever waits is told; what is left counts as
            // unsettled. It has no identity any more and so no beats: when its lease has run out, what it had flushed is completed, as after a crash.
            EngineFaultException fault = new(_surroundings.Space.Schema.Name, Partition, e);
            Volatile.Write(ref _hasFaulted, true);
            _channel.Writer.TryComplete(fault);
            Volatile.Write(ref _identity, LaneIdentity.None);
            _surroundings.OnFault(Partition, fault);
            FailWaiters(fault);
        }
    }

    private void Drain()
    {
        // One batch ahead and no more: what doesn't fit stays in the bounded channel, and that is what slows producers down.
        bool any = false;
        while (_machine.Pending < _surroundings.Terms.BatchSize && _channel.Reader.TryRead(out FlushItem item))
        {
            any = true;
            _work?.End(); // the loop's own counts from here
            if (item.KeyLength != 0)
                Take(ref item);
            else
                OnMessage(item);
        }

        if (any)
            _surroundings.OnRoom();
    }

    private void Take(ref FlushItem item)
    {
        PendingItem pending = new(_machine.KeyOf(item.Key))
        {
            Delta = item.Delta.ToArray(),
            Holds = item.Holds,
            Force = item.Force,
            Takes = item.Takes,
            Reason = item.Reason,
            Folded = 1,
        };
        pending.TakeEpoch(item.Epoch, _surroundings.Epochs);
        if (item.Waiter is not null)
        {
            pending.AddWaiter(item.Waiter);
            _urgent = true;
        }

        int episode = item.Episode;
        item.Recycle();
        _machine.Enqueue(pending, episode);
    }

    private void OnMessage(in FlushItem message)
    {
        switch (message.Epoch)
        {
            case BeatRefused:
                if (Volatile.Read(ref _doubted) is { } doubted && doubted.Incarnation == _machine.Incarnation)
                    _machine.Probe();
                break;
            case LeaveIdle:
                _leaving = true;
                break;
            default:
                _machine.Barrier(message.Waiter!);
                message.Waiter!.Release();
                _urgent = true;
                break;
        }
    }

    /// <summary>
    /// Waits for the channel; false when it is complete and empty. What the server may still lose is asked for every quarter of the window until it is
    /// safe: what was lost within half of the window after its acknowledgement is noticed a quarter before it is too old to be sent again.
    /// </summary>
    private ValueTask<bool> WaitForItemsAsync(CancellationToken cancellation) => _work is null ? WaitForChannelAsync(cancellation) : WaitAtRestAsync(_work, cancellation);

    private async ValueTask<bool> WaitAtRestAsync(WorkCount work, CancellationToken cancellation)
    {
        work.End();
        try
        {
            return await WaitForChannelAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            work.Begin();
        }
    }

    private async ValueTask<bool> WaitForChannelAsync(CancellationToken cancellation)
    {
        if (!_machine.IsUnconfirmed)
            return await _channel.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
        using CancellationTokenSource quiet = new(Durations.Span(_surroundings.Terms.DurabilityWindow / 4), _surroundings.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, quiet.Token);
        try
        {
            return await _channel.Reader.WaitToReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _machine.Probe();
            return true;
        }
    }

    private async ValueTask LingerAsync(CancellationToken cancellation)
    {
        if (_surroundings.Linger > TimeSpan.Zero && !_urgent && _machine.Pending < _surroundings.Terms.BatchSize && !_channel.Reader.Completion.IsCompleted)
            await WorkCount.DelayAsync(_work, _surroundings.Linger, _surroundings.Time, cancellation).ConfigureAwait(false);
    }

    private async ValueTask EnrolAsync(CancellationToken cancellation)
    {
        PokeReply reply = await SendAsync(new PokeRequest(0) { Seen = _surroundings.Seen[Partition] }, cancellation).ConfigureAwait(false);
        _surroundings.Seen.Raise(Partition, reply.Clock);
        _machine.Identify(_surroundings.NewIdentity(reply.Now));
        Publish();
    }

    private async ValueTask LeaveAsync(CancellationToken cancellation)
    {
        _leaving = false;
        if (!_machine.CanLeave)
            return;
        LeaveReply reply = await SendAsync(
            new LeaveRequest(_machine.Incarnation, _surroundings.Terms.Flush.TombstoneLife) { Seen = _surroundings.Seen[Partition] }, cancellation).ConfigureAwait(false);
        if (reply.HasLeft)
            _machine.Leave();
        Publish();
    }

    private async ValueTask FlushAsync(FlushRequest request, CancellationToken cancellation)
    {
        _asked = _surroundings.Time.GetTimestamp();
        FlushReply reply = await SendAsync(request, cancellation).ConfigureAwait(false);
        if (reply.Status == FlushStatus.LayoutMismatch)
        {
            CoordinatorException mismatch = new(
                RequestOutcome.NotApplied,
                $"Partition {Partition} of '{_surroundings.Space}' was written with another layout (number of partitions or version). Use another prefix, or drain the old layout first.");
            OnFailure(1, mismatch);
            await WorkCount.DelayAsync(_work, LastBackoff, _surroundings.Time, cancellation).ConfigureAwait(false);
            return;
        }

        _surroundings.Seen.Raise(Partition, reply.Clock);
        if (Volatile.Read(ref _signOfLife) is { } sign && sign.Incarnation == _machine.Incarnation)
            _machine.Hear(sign.Now);
        _machine.OnReply(reply);
        Publish();
        _surroundings.OnDue(Partition, reply.Now, reply.NextDue);
        foreach (int crowded in reply.Crowded)
            _surroundings.OnCrowded?.Invoke(Partition, request.Items[crowded].Resource);
    }

    /// <summary>Sends until there is an answer. The same object each time: its number makes every copy after the first harmless.</summary>
    private async ValueTask<TReply> SendAsync<TReply>(CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        TimeSpan backoff = FirstBackoff;
        for (int failures = 1; ; failures++)
        {
            try
            {
                TReply reply = await _surroundings.Coordinator.SendAsync(
                    _surroundings.Space, Partition, request, _surroundings.RequestTimeout, _surroundings.Time, cancellation).ConfigureAwait(false);
                Volatile.Write(ref _failure, null);
                return reply;
            }
            catch (CoordinatorException e)
            {
                OnFailure(failures, e);
            }

            await WorkCount.DelayAsync(_work, backoff, _surroundings.Time, cancellation).ConfigureAwait(false);
            backoff = backoff * 2 < LastBackoff ? backoff * 2 : LastBackoff;
        }
    }

    private void OnFailure(int failures, CoordinatorException error)
    {
        _surroundings.OnRetry(Partition, failures, error);
        Volatile.Write(ref _failure, error.Message);
    }

    private void Publish()
    {
        LaneIdentity before = _identity;
        LaneIdentity after = new(_machine.Incarnation, _machine.Held, _machine.Acknowledged);
        if (before != after)
            Volatile.Write(ref _identity, after);
    }
}

/// <summary>A lane as other threads see it.</summary>
internal sealed record LaneIdentity(IncarnationId Incarnation, int Held, long Acknowledged)
{
    public static LaneIdentity None { get; } = new(default, 0, 0);
}
