namespace Sluice.Waiting;

/// <summary>
/// A flag that one loop waits for, and that any thread sets: as often as it likes before the loop comes, it wakes it once. Whoever waits owns a unit of the <see cref="WorkCount"/>
/// before and after, whatever the outcome; a set flag owns one too, so the loop is never taken to be at rest between being woken and running.
/// </summary>
internal sealed class WakeSignal(WorkCount? work) : IDisposable
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waiter;
    private bool _isSet;
    private bool _isDisposed;

    /// <summary>Sets the flag; the loop goes on on another thread.</summary>
    public void Set()
    {
        if (TakeWaiter() is { } waiter)
            ThreadPool.UnsafeQueueUserWorkItem(static waiter => waiter.TrySetResult(), waiter, preferLocal: false);
    }

    /// <summary>Sets the flag, and lets the loop go on within this call if it waits: for timers, whose callbacks have a thread to give.</summary>
    public void SetInline()
    {
        if (TakeWaiter() is not { } waiter)
            return;

        // With a context on this thread, as that of a test may be, the loop would be sent to the pool, and a clock that is moved on by this thread would not wait for it.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            waiter.TrySetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Takes the flag back. Only the loop calls this; it owns a unit itself.</summary>
    public void Clear()
    {
        lock (_gate)
            TakeBack();
    }

    /// <summary>A timer that sets the flag once, after <paramref name="span"/>.</summary>
    public ITimer Alarm(TimeProvider time, TimeSpan span) => Alarm(time, span, Timeout.InfiniteTimeSpan);

    /// <summary>A timer that sets the flag after <paramref name="span"/>, and then every <paramref name="period"/>.</summary>
    public ITimer Alarm(TimeProvider time, TimeSpan span, TimeSpan period) =>
        time.CreateTimer(static signal => ((WakeSignal)signal!).SetInline(), this, span, period);

    /// <summary>Waits until the flag is set, and takes it back. One caller at a time.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (TakeBack())
                return;

            // Continuations run where the result is set: Set and SetInline say where that is.
            waiter = _waiter = new TaskCompletionSource();
            work?.End();
        }

        // A cancellation wakes as everything else does, so that the unit comes back the same way.
        await using (cancellation.UnsafeRegister(static signal => ((WakeSignal)signal!).SetInline(), this).ConfigureAwait(false))
            await waiter.Task.ConfigureAwait(false);
        lock (_gate)
            _isSet = false; // its unit is this caller's from now on
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Nothing will wait any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            TakeBack();
        }
    }

    private bool TakeBack()
    {
        if (!_isSet)
            return false;
        _isSet = false;
        work?.End();
        return true;
    }

    private TaskCompletionSource? TakeWaiter()
    {
        lock (_gate)
        {
            if (_isSet || _isDisposed)
                return null;
            _isSet = true;
            work?.Begin();
            TaskCompletionSource? waiter = _waiter;
            _waiter = null;
            return waiter;
        }
    }
}
