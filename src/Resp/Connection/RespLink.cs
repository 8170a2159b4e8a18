namespace Sluice.Resp.Connection;

/// <summary>
/// One way to one server that stays: a thread that dials, shakes hands and reads, again and again, and the backlog of commands that have no place yet.
/// </summary>
/// <remarks>
/// <code>
/// Dialling --connected--> Shaking hands --ready--> Open --connection died--> Waiting (back-off, budget) --> Dialling ...      any --Close--> Closed
/// </code>
/// <para>Commands of one caller keep their order: while anything waits in the backlog, what comes later waits behind it.</para>
/// <para>Lock order: the link's <c>_gate</c>, then the connection's; neither while writing to the transport or running callbacks.</para>
/// </remarks>
internal sealed partial class RespLink : IConnectionOwner, IClocked, IAsyncDisposable
{
    private readonly LinkTerms _terms;
    private readonly ILinkListener? _listener;
    private readonly RespClock _clock;
    private readonly ReplyDispatcher _dispatcher;
    private readonly SlotPool _slots;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _attempted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RespConnection? _current;
    private RespConnection? _opening;
    private Exception? _lastFault;
    private long _pastWrites;
    private long _pastReads;
    private bool _started;
    private bool _closed;
    private bool _over;

    public RespLink(LinkTerms terms, ILinkListener? listener = null, RespClock? clock = null)
    {
        _terms = terms;
        _listener = listener;
        _clock = clock ?? RespClock.Shared;
        _dispatcher = new ReplyDispatcher(_clock);
        _slots = new SlotPool(terms.Connection.RingSize);
    }

    /// <summary>The connection that is open now; null while there is none.</summary>
    public RespConnection? Current => Volatile.Read(ref _current);

    /// <summary>How often a connection became ready.</summary>
    public long Openings { get; private set; }

    /// <summary>Turns of the writer, over all connections.</summary>
    public long Writes => Volatile.Read(ref _pastWrites) + (Current?.Writes ?? 0);

    /// <summary>Reads that brought something, over all connections.</summary>
    public long Reads => Volatile.Read(ref _pastReads) + (Current?.Reads ?? 0);

    /// <summary>Why the last connection, or the last attempt to make one, ended; null at first.</summary>
    public Exception? LastFault => Volatile.Read(ref _lastFault);

    /// <summary>The free slots; for tests of leaks.</summary>
    public SlotPool Slots => _slots;

    /// <summary>A slot for one command. The caller sends it, or discards it.</summary>
    public ReplySlot Rent(ReplyKind kind, in SendTerms terms)
    {
        int timeout = terms.TimeoutMilliseconds == 0 ? _terms.CommandTimeout : terms.TimeoutMilliseconds;
        ReplySlot slot = _slots.Rent();
        slot.Begin(_dispatcher, kind, timeout < 0 ? long.MaxValue : RespClock.Now + timeout, timeout);
        if (terms.Cancellation.CanBeCanceled)
            slot.Watch(terms.Cancellation);
        return slot;
    }

    /// <summary>
    /// Sends a command, or lets it wait for its turn; from here on the slot belongs to the link. Whatever happens to it is told through the slot. Any thread;
    /// allocates nothing while there is room.
    /// </summary>
    public void Send(ReadOnlySpan<byte> frame, ReplySlot slot)
    {
        if (!slot.IsPending)
        {
            // Called off before it began.
            slot.Release();
            return;
        }

        if (Volatile.Read(ref _waiting) == 0 && Volatile.Read(ref _current) is { } connection && connection.TryEnqueue(frame, slot) == EnqueueOutcome.Enqueued)
            return;
        Wait(frame, slot);
    }

    /// <summary>Sends a command on this connection or not at all: for what depends on the state that the connection has on the server.</summary>
    public void SendOn(RespConnection connection, ReadOnlySpan<byte> frame, ReplySlot slot)
    {
        EnqueueOutcome outcome = connection.TryEnqueue(frame, slot);
        if (outcome == EnqueueOutcome.Enqueued)
            return;
        Exception refusal = outcome == EnqueueOutcome.Full
            ? new RespOverloadException($"{_terms.Connection.RingSize} commands are in flight on the connection to {_terms.Endpoint}.")
            : new RespConnectionException($"The connection was lost. {connection.Fault?.Message}", CommandOutcome.NotSent, connection.Fault);
        if (slot.TryFail(refusal))
            _dispatcher.Post(slot);
        slot.Release();
    }

    /// <summary>Begins to dial; later calls do nothing.</summary>
    /// <exception cref="RespConnectionException">The system gave no thread. A later call tries again.</exception>
    public void Start()
    {
        lock (_gate)
        {
            if (_started || _closed)
                return;
            _started = true;
        }

        try
        {
            _clock.Add(this);
            _terms.StartThread(new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = $"Sluice.Resp {_terms.Name}" });
        }
        catch (Exception fault)
        {
            throw NotStarted(fault);
        }
    }

    /// <summary>The system gave no thread: the link is as if it had never been started, and whoever relied on it meanwhile is told.</summary>
    private RespConnectionException NotStarted(Exception fault)
    {
        RespConnectionException reason = new($"There is no thread for the connection to {_terms.Endpoint}: {fault.Message}", CommandOutcome.NotSent, fault);
        _clock.Remove(this);
        lock (_gate)
        {
            _started = false;
            Volatile.Write(ref _lastFault, reason);
            Tell(_opened, reason);
            Tell(_attempted, reason);
            _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _attempted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            // Closed meanwhile: the end waits for a thread that there is not.
            if (_closed)
                _ended.TrySetResult();
        }

        FailBacklog(reason);
        return reason;
    }

    /// <summary>Ends when a connection is ready.</summary>
    /// <exception cref="RespConnectionException">The link was closed, or <paramref name="failFast"/> and the next attempt failed.</exception>
    public async ValueTask OpenAsync(bool failFast, CancellationToken cancellationToken)
    {
        Task opened;
        lock (_gate)
            opened = (failFast ? _attempted : _opened).Task;
        Start();
        await opened.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the link: what is in flight or waits fails; nothing is dialled any more. Later calls wait for the same end.</summary>
    public async ValueTask DisposeAsync()
    {
        bool first, started;
        lock (_gate)
        {
            (first, started) = (!_closed, _started);
            _closed = true;
        }

        if (!first)
        {
            await _ended.Task.ConfigureAwait(false);
            return;
        }

        // Cancelled first, and then looked at: a connection that comes into being meanwhile is seen here, or sees the cancellation itself.
        Task cancelled = _closing.CancelAsync();
        RespConnection? current, opening;
        lock (_gate)
            (current, opening) = (_current, _opening);
        RespConnectionException reason = new("The client was closed.");
        current?.Fail(reason);
        opening?.Fail(reason);
        if (!started)
            _ended.TrySetResult();
        await _ended.Task.ConfigureAwait(false);
        await cancelled.ConfigureAwait(false);
        _closing.Dispose();
        FailBacklog(reason);
        lock (_gate)
        {
            Tell(_opened, reason);
            Tell(_attempted, reason);
        }

        // The clock stays until every continuation has begun: one that blocks must not hold up the others for ever.
        _dispatcher.LeavePool();
        Volatile.Write(ref _over, true);
        _clock.Wake();
    }

    /// <inheritdoc/>
    public bool Tick(long now)
    {
        bool busy = Volatile.Read(ref _opening)?.Tick(now) ?? false;
        busy |= Volatile.Read(ref _current)?.Tick(now) ?? false;
        _dispatcher.Tick(now);
        if (Volatile.Read(ref _over) && _dispatcher.Waiting == 0)
            _clock.Remove(this);
        busy |= _dispatcher.Waiting != 0;
        return busy | ExpireBacklog(now);
    }

    /// <summary>One look at the link.</summary>
    public ConnectionSnapshot Snapshot() =>
        (Current?.Snapshot() ?? new ConnectionSnapshot
        {
            UndispatchedReplies = _dispatcher.Waiting,
            Rescues = _dispatcher.Rescues,
            PoolThreads = ThreadPool.ThreadCount,
            PoolPending = ThreadPool.PendingWorkItemCount,
        }) with
        { Backlog = Volatile.Read(ref _waiting) };

    void IConnectionOwner.OnPush(RespConnection connection, ref RespReader push) => _listener?.OnPush(this, ref push);

    int IConnectionOwner.Backlog => Volatile.Read(ref _waiting);

    void IConnectionOwner.OnRoom()
    {
        // The head before the look: whoever began to wait either saw the room that the head left, or is seen here.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waiting) != 0)
            Pump();
    }
}
