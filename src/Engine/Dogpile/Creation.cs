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
internal sealed class Creation<TResult>(string name) : CreationFlow
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource<TResult> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiters = 1;
    private bool _isAbandoned;
    private bool _hasEnded;

    public override string Name => name;

    public bool IsAbandoned
    {
        get
        {
            lock (_gate)
                return _isAbandoned;
        }
    }

    /// <summary>
    /// Runs the creator on this thread until its first await. What it made is given to <paramref name="settle"/> before any waiter hears of it; neither
    /// throws here.
    /// </summary>
    /// <param name="create">The creator.</param>
    /// <param name="settle">Publishes the value, or forgets the creation when the exception is not null; must not throw.</param>
    public async Task RunAsync<TArgument>(
        TArgument argument, Func<TArgument, CancellationToken, ValueTask<TResult>> create, Action<TArgument, Creation<TResult>, TResult?, Exception?> settle)
    {
        Enter();
        try
        {
            TResult result = await create(argument, _cancellation.Token).ConfigureAwait(false);
            End();
            settle(argument, this, result, null);
            _outcome.SetResult(result);
        }
        catch (Exception e)
        {
            // The creator's own: it belongs to those who wait.
            End();
            settle(argument, this, default, e);
            _outcome.SetException(e);
            _ = _outcome.Task.Exception; // seen, even when everybody has left
        }
    }

    /// <summary>Counts one more waiter; false when all had left already.</summary>
    public bool TryJoin()
    {
        lock (_gate)
        {
            if (_isAbandoned)
                return false;
            _waiters++;
            return true;
        }
    }

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

        try
        {
            _cancellation.Cancel();
        }
        catch (AggregateException)
        {
            // A callback that the creator registered threw. The creator is told by its token all the same; whoever leaves has no part in it.
        }
    }

    private void End()
    {
        lock (_gate)
            _hasEnded = true;
    }
}
