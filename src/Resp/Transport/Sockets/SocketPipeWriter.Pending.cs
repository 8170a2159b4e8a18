using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Transport;

/// <content>
/// The write that the kernel did not take at once. Not a ManualResetValueTaskSourceCore: that one gives a continuation that is registered just after the end to
/// the thread pool, on which nothing here may depend.
/// </content>
internal sealed partial class SocketPipeWriter
{
    private const int StackBytes = 256 * 1024;
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(10);

    // Everything below belongs to the gate, but for the caller's own look at _stage: only it leaves Idle, and returns to it.
    private readonly object _gate = new();
    private volatile Stage _stage;
    private ReadOnlyMemory<byte> _remaining;
    private short _version;
    private bool _wasCancelled;
    private Exception? _error;
    private Continuation _continuation;
    private Continuation _late;     // registered after the end: for the writer's thread to run
    private CancellationTokenRegistration _cancellation;
    private bool _threadRuns;
    private bool _stopped;

    private enum Stage
    {
        Idle,
        Pending,    // the thread sends
        Ended,      // the result waits to be taken
    }

    private bool IsPending => _stage != Stage.Idle;

    /// <summary>Ends the writer's thread as soon as no write is pending; the socket is shut down before, so that none stays so. Any thread.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <inheritdoc/>
    /// <remarks>The bytes that were not sent yet are copied and go out first at the next write.</remarks>
    public override void CancelPendingFlush()
    {
        Continuation continuation;
        lock (_gate)
        {
            if (_stage != Stage.Pending)
            {
                _cancelNext = true;
                return;
            }

            continuation = Abandon(null);
        }

        if (!continuation.IsEmpty)
            continuation.Run();
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        Exception? error;
        FlushResult result;
        CancellationTokenRegistration cancellation;
        lock (_gate)
        {
            ThrowIfStale(token);
            if (_stage != Stage.Ended)
                throw new InvalidOperationException("The write has not ended yet.");
            (error, result, cancellation) = (_error, new FlushResult(_wasCancelled, isCompleted: false), _cancellation);
            (_error, _cancellation, _continuation) = (null, default, default);
            _version++;
        }

        cancellation.Dispose(); // waits for a callback that is running: it must not meet the next write
        _stage = Stage.Idle;
        if (error is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token)
    {
        lock (_gate)
        {
            ThrowIfStale(token);
            return _stage == Stage.Pending ? ValueTaskSourceStatus.Pending
                : _error is null ? ValueTaskSourceStatus.Succeeded
                : _error is OperationCanceledException ? ValueTaskSourceStatus.Canceled
                : ValueTaskSourceStatus.Faulted;
        }
    }

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        Continuation registered = new(continuation, state, flags);
        lock (_gate)
        {
            ThrowIfStale(token);
            if (_stage == Stage.Pending)
            {
                _continuation = registered;
                return;
            }

            // It ended between the awaiter's question and now. Running it here would nest one await into the next.
            _late = registered;
            WakeThread();
        }
    }

    private ValueTask<FlushResult> Pend(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        short token;
        lock (_gate)
        {
            WakeThread();
            _remaining = source;
            _wasCancelled = false;
            token = _version;
            _stage = Stage.Pending;
        }

        if (cancellationToken.CanBeCanceled)
        {
            // A token that was cancelled just now runs the callback inside this call; no one has the task yet, and so no continuation.
            CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static (writer, cancelled) => ((SocketPipeWriter)writer!).Cancel(cancelled), this);
            lock (_gate)
                _cancellation = registration;
        }

        return new ValueTask<FlushResult>(this, token);
    }

    private void Cancel(CancellationToken cancelled)
    {
        Continuation continuation;
        lock (_gate)
        {
            if (_stage != Stage.Pending)
                return;
            continuation = Abandon(new OperationCanceledException(cancelled));
        }

        if (!continuation.IsEmpty)
            continuation.Run();
    }

    /// <summary>Ends the pending write although bytes remain; the thread finds nothing to do when it comes back from its wait.</summary>
    private Continuation Abandon(Exception? error)
    {
        _buffered.Append(_remaining.Span);
        return End(error, cancelled: error is null);
    }

    private Continuation End(Exception? error, bool cancelled)
    {
        _remaining = default;
        _error = error;
        _wasCancelled = cancelled;
        _stage = Stage.Ended;
        Continuation continuation = _continuation;
        _continuation = default;
        return continuation;
    }

    private void WakeThread()
    {
        if (_threadRuns)
        {
            Monitor.PulseAll(_gate);
            return;
        }

        // Without the caller's execution context: the thread outlives the call.
        new Thread(Run, StackBytes) { IsBackground = true, Name = "sluice-resp-send" }.UnsafeStart();
        _threadRuns = true;
    }

    private void Run()
    {
        while (TryNext(out Continuation continuation))
        {
            if (!continuation.IsEmpty)
                continuation.Run();
        }
    }

    private bool TryNext(out Continuation continuation)
    {
        lock (_gate)
        {
            continuation = _late;
            _late = default;
            if (!continuation.IsEmpty)
                return true;
            if (_stage != Stage.Pending)
                return WaitForWork();
        }

        RespTransportException? broken = WaitWritable();
        lock (_gate)
        {
            if (_stage == Stage.Pending)
                continuation = SendPending(broken);
        }

        return true;
    }

    /// <summary>False when the thread ends: nothing came for some time, or the writer was stopped.</summary>
    private bool WaitForWork()
    {
        bool woken = !_stopped && Monitor.Wait(_gate, LingerTime);
        bool work = _stage == Stage.Pending || !_late.IsEmpty;
        _threadRuns = work || (woken && !_stopped);
        return _threadRuns;
    }

    private Continuation SendPending(RespTransportException? broken)
    {
        try
        {
            if (broken is not null)
                return End(broken, cancelled: false);
            return TrySend(ref _remaining) ? End(null, cancelled: false) : default;
        }
        catch (RespTransportException failed)
        {
            return End(failed, cancelled: false);
        }
    }

    private RespTransportException? WaitWritable()
    {
        try
        {
            sink.WaitWritable();
            return null;
        }
        catch (RespTransportException broken)
        {
            return broken;
        }
    }

    private void ThrowIfStale(short token)
    {
        if (token != _version)
            throw new InvalidOperationException("The task was awaited already: a ValueTask is awaited once.");
    }
}
