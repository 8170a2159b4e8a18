using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Harness.Faults;

/// <summary>
/// A coordinator with a window and a door: a test can wait until a request of a kind has been carried out, and can hold requests back. That is how tests of engines
/// wait; none sleeps.
/// </summary>
internal sealed class WatchedCoordinator(Coordinator inner) : Coordinator
{
    private readonly Lock _gate = new();
    private readonly List<object> _done = [];
    private readonly List<(Func<object, bool> Matches, int Count, TaskCompletionSource Reached)> _waiters = [];
    private Func<object, bool>? _holds;
    private Func<object, Exception?>? _fails;
    private Action<object>? _then;
    private int _heldBack;
    private int _inFlight;
    private TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>In this process.</summary>
    public WatchedCoordinator(TimeProvider? time = null)
        : this(new InProcessCoordinator(time))
    {
    }

    internal override bool IsEphemeral => inner.IsEphemeral;

    internal override string Servers => inner.Servers;

    internal override LockCoordinator? Locks => inner.Locks;

    /// <summary>Completes when the first request was held back since <see cref="Hold"/>.</summary>
    public Task Held
    {
        get
        {
            lock (_gate)
                return _held.Task;
        }
    }

    /// <summary>Holds back requests that match, until <see cref="Release"/>; a request that its sender gives up is not carried out.</summary>
    public void Hold(Func<object, bool> matches)
    {
        lock (_gate)
        {
            _holds = matches;
            _released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>How many requests have been held back since the beginning.</summary>
    public int HeldBack => Volatile.Read(ref _heldBack);

    /// <summary>How many requests are on their way, those that are held back not counted.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Requests for which this has an error end with it, and are not carried out; null = none any more.</summary>
    public void Fail(Func<object, Exception?>? error)
    {
        lock (_gate)
            _fails = error;
    }

    /// <summary>Is called after each request that was carried out, before its sender has the reply, on whatever thread that is.</summary>
    public void Then(Action<object> action) => Volatile.Write(ref _then, action);

    /// <summary>The state of a partition in this process, for a look or for <see cref="Restore"/>.</summary>
    public PartitionState Snapshot(CoordinationNamespace space, int partition) => ((InProcessCoordinator)inner).Snapshot(space, partition);

    /// <summary>Takes a partition back: what a server does that lost its last writes.</summary>
    public void Restore(CoordinationNamespace space, int partition, PartitionState state) => ((InProcessCoordinator)inner).Restore(space, partition, state);

    public void Release()
    {
        lock (_gate)
        {
            _holds = null;
            _released.TrySetResult();
        }
    }

    /// <summary>How many requests of a kind have been carried out.</summary>
    public int Count<TRequest>(Func<TRequest, bool>? matches = null)
    {
        lock (_gate)
            return _done.OfType<TRequest>().Count(matches ?? (static _ => true));
    }

    /// <summary>Completes when <paramref name="count"/> requests of a kind have been carried out since the beginning.</summary>
    public Task WhenAsync<TRequest>(int count = 1, Func<TRequest, bool>? matches = null)
    {
        lock (_gate)
        {
            bool Matches(object request) => request is TRequest typed && (matches is null || matches(typed));
            if (_done.Count(Matches) >= count)
                return Task.CompletedTask;
            TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((Matches, count, reached));
            return reached.Task;
        }
    }

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        Task? released = null;
        lock (_gate)
        {
            if (_fails?.Invoke(request) is { } error)
                throw error;
            if (_holds is not null && _holds(request))
            {
                released = _released.Task;
                _heldBack++;
                _held.TrySetResult();
            }
        }

        if (released is not null)
            await released.WaitAsync(cancellation);
        cancellation.ThrowIfCancellationRequested();
        TReply reply;
        Interlocked.Increment(ref _inFlight);
        try
        {
            reply = await inner.SendAsync(space, partition, request, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }

        lock (_gate)
        {
            _done.Add(request);
            for (int i = _waiters.Count - 1; i >= 0; i--)
            {
                if (_done.Count(_waiters[i].Matches) < _waiters[i].Count)
                    continue;
                _waiters[i].Reached.TrySetResult();
                _waiters.RemoveAt(i);
            }
        }

        Volatile.Read(ref _then)?.Invoke(request);
        return reply;
    }
}
