namespace Sluice.Resp.Connection;

/// <summary>
/// Runs the callers' continuations, off the reader thread: one work item per batch of replies, slots taken one by one.
/// </summary>
/// <remarks>
/// <para>The queue is shared, so a continuation that blocks holds up only itself: the clock sees that slots wait and none was taken, and lends a thread that goes on
/// with the rest. The same thread helps when the pool does not start the work item at all. A caller that blocks on a task of this connection inside a
/// continuation therefore gets its reply some milliseconds late, never not at all.</para>
/// <para>Late once, not from then on: threads that run when the clock has to help count as blocked (a new epoch) until they come back, so that the next batch asks for
/// a thread at once; and while the pool does not start work items, batches go to lent threads at once.</para>
/// <para>One thread at a time is enough for continuations that only go on with the next command, and keeps their commands together. When they take long and others wait
/// behind them (<see cref="ContinuationPace"/>), more threads take part, up to one for each processor.</para>
/// <para>While a batch runs, commands that its continuations issue are enqueued and not written (<see cref="DispatchScope"/>): they leave
/// together when the batch ends, or earlier when they are many. The clock writes what a blocked continuation would keep back.</para>
/// <para>Lock order: <c>_gate</c> is a leaf.</para>
/// </remarks>
internal sealed class ReplyDispatcher : IThreadPoolWorkItem
{
    private const int TicksBeforeRescue = 3;

    // How long the pool is not asked after it did not start a work item. Short: on a machine that is busy it may only have been late.
    private const int PoolAvoidedMilliseconds = 200;

    private readonly Lock _gate = new();
    private readonly RespClock _clock;
    private ReplySlot? _first;
    private ReplySlot? _last;
    private int _waiting;
    private int _running;    // threads of this epoch that take slots
    private int _epoch;
    private bool _requested;
    private bool _alwaysLends;
    private long _lendsUntil;
    private long _taken;
    private long _takenAtLastTick;
    private int _stalledTicks;

    public ReplyDispatcher(RespClock clock) => _clock = clock;

    /// <summary>Slots that are settled and not yet signalled.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>How often a thread was lent because the pool did not start, or a continuation blocked.</summary>
    public long Rescues { get; private set; }

    /// <summary>Adds one slot. Any thread.</summary>
    public void Post(ReplySlot slot) => Post(slot, slot, 1);

    /// <summary>Adds a chain of slots. Any thread.</summary>
    public void Post(ReplySlot first, ReplySlot last, int count)
    {
        bool starts, lends;
        lock (_gate)
        {
            last.Next = null;
            if (_last is null)
                _first = first;
            else
                _last.Next = first;
            _last = last;
            _waiting += count;
            starts = !_requested && (_running == 0 || _alwaysLends);
            _requested |= starts;
            lends = starts && (_alwaysLends || (_lendsUntil != 0 && RespClock.Now < _lendsUntil));
        }

        // Whether a thread is on its way or not: the one that runs may block.
        _clock.Wake();
        if (lends)
            LentThreads.Run(this);
        else if (starts)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>The link is closed, and with it the clock's help ends when nothing waits any more: from here on nothing asks the pool, and no batch waits for another.</summary>
    public void LeavePool()
    {
        lock (_gate)
            _alwaysLends = true;
    }

    /// <inheritdoc/>
    public void Execute() => Run();

    /// <summary>Signals what waits, then writes what the continuations enqueued. Any thread but the reader's and the clock's.</summary>
    public void Run()
    {
        int epoch;
        lock (_gate)
        {
            _requested = false;
            if (_first is null)
                return;
            _running++;
            epoch = _epoch;
        }

        DispatchScope scope = DispatchScope.Begin();
        ContinuationPace pace = default;
        while (TryTake(ref epoch) is { } slot)
        {
            pace.BeforeOne(Volatile.Read(ref _waiting));
            slot.Signal();
            if (pace.IsSlow(ref _waiting))
            {
                RequestAnother();
                // The server can begin while the next slow one runs here.
                scope.Write();
            }
        }

        scope.End();
    }

    /// <summary>Continuations take long, and others wait behind them: one more thread of the pool, up to one for each processor.</summary>
    private void RequestAnother()
    {
        bool lends;
        lock (_gate)
        {
            if (_requested || _first is null || _running >= Environment.ProcessorCount)
                return;
            _requested = true;
            lends = _alwaysLends || (_lendsUntil != 0 && RespClock.Now < _lendsUntil);
        }

        if (lends)
            LentThreads.Run(this);
        else
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>The clock asks whether slots wait that nobody takes; then a thread is lent.</summary>
    public void Tick(long now)
    {
        lock (_gate)
        {
            _stalledTicks = _first is not null && _taken == _takenAtLastTick ? _stalledTicks + 1 : 0;
            _takenAtLastTick = _taken;
            // The first look may come right after the slot; from then on whole periods passed without a step.
            if (_stalledTicks < TicksBeforeRescue)
                return;
            _stalledTicks = 1;
            Rescues++;
            if (_requested)
                _lendsUntil = now + PoolAvoidedMilliseconds;
            _epoch++;
            _running = 0;
        }

        LentThreads.Run(this);
    }

    private ReplySlot? TryTake(ref int epoch)
    {
        lock (_gate)
        {
            ReplySlot? slot = _first;
            if (slot is null)
            {
                if (epoch == _epoch)
                    _running--;
                return null;
            }

            if (epoch != _epoch)
            {
                // It counted as blocked, and is back.
                epoch = _epoch;
                _running++;
            }

            _first = slot.Next;
            if (_first is null)
                _last = null;
            slot.Next = null;
            _waiting--;
            _taken++;
            return slot;
        }
    }
}
