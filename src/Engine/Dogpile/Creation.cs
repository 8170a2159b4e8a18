namespace Sluice.Dogpiling;

/// <summary>
/// One run of a creator, and those who wait for it. It runs for itself: a caller that gives up only leaves, and the last one to leave cancels it.
/// </summary>
/// <remarks>
/// <code>
///              last waiter left (its token is cancelled)
///   running --------------------------------------------&gt; abandoned
///      |                                                     |
///      +--- the creator returned or threw ---&gt; ended &lt;------+
/// </code>
/// An abandoned creation still runs until its creator returns, and nobody else may create before that; who comes meanwhile waits for the end and
/// then begins anew, so that no one is handed a cancellation that was not theirs. Any thread; the state is guarded by <see cref="_gate"/>.
/// </remarks>
internal sealed class Creation<TResult>(string name) : CreationFlow, IKeyCreation
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource<TResult> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiters = 1;
    private bool _isAbandoned;
    private bool _isSuperseded;
    private bool _hasEnded;

    public override string Name => name;

    /// <inheritdoc/>
    public bool WasLeft
    {
        get
        {
            lock (_gate)
                return _isAbandoned;
        }
    }

    /// <summary>
    /// Runs the creator on this thread until its first await. Its end is told to <paramref name="settle"/> before any waiter hears of it; it does not throw here.
    /// </summary>
    /// <param name="argument">Given to both.</param>
    /// <param name="create">Runs the creator and publishes what it made.</param>
    /// <param name="settle">Clears up, after an exception or (null) without; must not throw.</param>
    public async Task RunAsync<TArgument>(
        TArgument argument, Func<TArgument, CancellationToken, ValueTask<TResult>> create, Action<TArgument, Creation<TResult>, Exception?> settle)
    {
        Enter();
        try
        {
            TResult result = await create(argument, _cancellation.Token).ConfigureAwait(false);
            End();
            settle(argument, this, null);
            _outcome.SetResult(result);
        }
        catch (Exception e)
        {
            // The creator's own: it belongs to those who wait.
            End();
            settle(argument, this, e);
            _outcome.SetException(e);
            _ = _outcome.Task.Exception; // seen, even when everybody has left
        }
    }

    /// <summary>Counts one more waiter; false when all had left already, or when what it makes is invalid by now.</summary>
    public bool TryJoin()
    {
        lock (_gate)
        {
            if (_isAbandoned || _isSuperseded)
                return false;
            _waiters++;
            return true;
        }
    }

    /// <summary>What it makes was invalidated while it runs: those who wait get it, nobody else does.</summary>
    public void Supersede()
    {
        lock (_gate)
            _isSuperseded = true;
    }

    /// <summary>Whether what it makes is invalid already.</summary>
    public bool IsSuperseded
    {
        get
        {
            lock (_gate)
                return _isSuperseded;
        }
    }

    /// <summary>Publishes what it made, unless it is superseded; never in the middle of <see cref="Supersede"/>, so that an invalidation finds either all or nothing.</summary>
    public bool TryPublish<TArgument>(TArgument argument, Action<TArgument> publish)
    {
        lock (_gate)
        {
            if (_isSuperseded)
                return false;
            publish(argument);
            return true;
        }
    }

    /// <summary>Cancels the creator whoever waits.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            if (_hasEnded)
                return;
            _isAbandoned = true;
        }

        Creations.Cancel(_cancellation);
    }

    /// <summary>
    /// Waits for the outcome as one of the counted waiters, for so long. False when the time was up: then this waiter has left, or stays counted for ever
    /// so that the creation goes on without it.
    /// </summary>
    /// <param name="patience">How long, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="time">Whose time.</param>
    /// <param name="goesOn">Whether the creation goes on when the time is up.</param>
    /// <param name="cancellation">Leaves.</param>
    /// <exception cref="ReentrantCreationException">The creation waits for this caller.</exception>
    public async ValueTask<bool> TryWaitAsync(TimeSpan patience, TimeProvider time, bool goesOn, CancellationToken cancellation)
    {
        CreationFlow? waiting = null;
        bool stays = false;
        try
        {
            waiting = BeginWait(this);
            await ((Task)_outcome.Task).WaitAsync(patience, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_outcome.Task.IsCompleted)
                return true;
            cancellation.ThrowIfCancellationRequested();
            stays = goesOn;
            return false;
        }
        finally
        {
            EndWait(waiting, this);
            if (!stays)
                Leave();
        }
    }

    /// <summary>What came of it, once it has ended.</summary>
    public Task<TResult> Outcome => _outcome.Task;

    /// <summary>Waits for the outcome as one of the counted waiters.</summary>
    /// <param name="cancellation">Leaves.</param>
    /// <exception cref="ReentrantCreationException">The creation waits for this caller.</exception>
    public async ValueTask<TResult> WaitAsync(CancellationToken cancellation)
    {
        CreationFlow? waiting = null;
        try
        {
            waiting = BeginWait(this);
            return await _outcome.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            EndWait(waiting, this);
            Leave();
        }
    }

    /// <summary>Waits, uncounted, until the creator has ended and what it made is where others find it; what came of it is not this caller's.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ReentrantCreationException">The creation waits for this caller.</exception>
    public async ValueTask WaitForEndAsync(CancellationToken cancellation)
    {
        CreationFlow? waiting = BeginWait(this);
        try
        {
            await ((Task)_outcome.Task).WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            EndWait(waiting, this);
        }
    }

    /// <summary>One waiter less. The last one cancels the creator, if it still runs.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (--_waiters > 0 || _hasEnded)
                return;
            _isAbandoned = true;
        }

        Creations.Cancel(_cancellation);
    }

    private void End()
    {
        lock (_gate)
            _hasEnded = true;
    }
}

internal static class Creations
{
    /// <summary>Tells a creator that nobody wants its value any more.</summary>
    public static void Cancel(CancellationTokenSource cancellation)
    {
        try
        {
            cancellation.Cancel();
        }
        catch (AggregateException)
        {
            // A callback that the creator registered threw. The creator is told by its token all the same; whoever leaves has no part in it.
        }
    }
}
