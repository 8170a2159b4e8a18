using System.Threading.Tasks.Sources;

namespace Sluice.Locking;

/// <summary>
/// A reply that is waited for until the caller's patience ends or the caller gives up, whichever comes first; what comes later is looked at and forgotten. The objects are used again, so that waiting
/// allocates nothing.
/// </summary>
/// <remarks>
/// <code>
///              the reply (or an error instead)
///   waiting ------------------------------------&gt; replied: read once, then spare
///      |
///      +--- the time is up, or cancelled -------&gt; left: never used again, because its reply may still come
/// </code>
/// The gate guards the phase and the timer together: a timer that goes off for an earlier use finds a use that does not wait, or whose time has not come, for which it is set again. The registration is
/// disposed of before the object is spare, and outside of the gate: a cancellation that is being told waits for the gate, and its disposal for that.
/// </remarks>
internal sealed class PatientReply<TReply> : IValueTaskSource<TReply>
{
    private enum Phase
    {
        Spare,
        Waiting,
        Replied,
        Left,
    }

    [ThreadStatic]
    private static PatientReply<TReply>? spare;

    private readonly Lock _gate = new();
    private readonly LockClient _client;
    private readonly ITimer _timer;
    private readonly Action _onReply;
    private ManualResetValueTaskSourceCore<TReply> _core;
    private ValueTask<TReply> _sent;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private TimeSpan _patience;
    private Phase _phase;
    private long _began;
    private int _partition;

    private PatientReply(LockClient client)
    {
        _client = client;
        _onReply = OnReply;

        // The timer is for all who will ever wait: it must not carry the context of the first.
        using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
            _timer = client.Clock.Time.CreateTimer(static self => ((PatientReply<TReply>)self!).OnTime(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private TimeProvider Time => _client.Clock.Time;

    /// <summary>Waits. The result is awaited once, as any value task.</summary>
    /// <param name="client">Who asked.</param>
    /// <param name="partition">Whom.</param>
    /// <param name="sent">What is waited for.</param>
    /// <param name="patience">How long; then the result is a <see cref="CoordinatorException"/>.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public static ValueTask<TReply> WaitAsync(LockClient client, int partition, ValueTask<TReply> sent, TimeSpan patience, CancellationToken cancellation)
    {
        PatientReply<TReply>? reply = spare;
        if (reply is not null && ReferenceEquals(reply._client, client))
            spare = null;
        else
            reply = new PatientReply<TReply>(client);
        return reply.Begin(partition, sent, patience, cancellation);
    }

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    public TReply GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            if (_phase == Phase.Replied)
                Spare();
        }
    }

    private ValueTask<TReply> Begin(int partition, ValueTask<TReply> sent, TimeSpan patience, CancellationToken cancellation)
    {
        ValueTask<TReply> result = new(this, _core.Version);
        (_partition, _sent, _patience, _cancellation) = (partition, sent, patience, cancellation);
        lock (_gate)
            _phase = Phase.Waiting;
        if (cancellation.CanBeCanceled)
            _registration = cancellation.UnsafeRegister(static self => ((PatientReply<TReply>)self!).OnCancelled(), this);
        lock (_gate)
        {
            _began = Time.GetTimestamp();
            if (_phase == Phase.Waiting)
                _timer.Change(patience, Timeout.InfiniteTimeSpan);
        }

        // Last: from here on the reply may come, be read, and the object be somebody else's.
        sent.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_onReply);
        return result;
    }

    private void OnReply()
    {
        bool isWanted;
        lock (_gate)
        {
            isWanted = _phase == Phase.Waiting;
            if (isWanted)
            {
                _phase = Phase.Replied;
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }

        if (isWanted)
            _registration.Dispose();
        ValueTask<TReply> sent = _sent;
        _sent = default;
        TReply reply;
        try
        {
            reply = sent.GetAwaiter().GetResult();
        }
        catch (Exception fault)
        {
            if (isWanted)
                _core.SetException(fault);
            return;
        }

        if (isWanted)
            _core.SetResult(reply);
    }

    private void OnTime()
    {
        lock (_gate)
        {
            if (_phase != Phase.Waiting)
                return;
            TimeSpan remaining = _patience - Time.GetElapsedTime(_began);
            if (remaining > TimeSpan.Zero)
            {
                // An earlier use's, or a timer that is a little early.
                _timer.Change(remaining + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                return;
            }

            _phase = Phase.Left;
        }

        _registration.Dispose();
        Leave(_client.NotAnswered(_partition, _patience));
    }

    private void OnCancelled()
    {
        lock (_gate)
        {
            if (_phase != Phase.Waiting)
                return;
            _phase = Phase.Left;
        }

        Leave(new OperationCanceledException(_cancellation));
    }

    private void Leave(Exception why)
    {
        _timer.Dispose();

        // The thread is the timer's, or of whoever cancels: it has other things to do.
        _core.RunContinuationsAsynchronously = true;
        _core.SetException(why);
    }

    private void Spare()
    {
        _core.Reset();
        _registration = default;
        _cancellation = default;
        _phase = Phase.Spare;
        if (spare is null || !ReferenceEquals(spare._client, _client))
            spare = this;
        else
            _timer.Dispose();
    }
}
