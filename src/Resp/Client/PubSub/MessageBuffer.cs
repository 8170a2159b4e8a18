using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Client;

/// <summary>
/// The messages that one subscriber has not taken: a ring that grows to its bound and then drops the oldest, with one notice in front for all that was dropped.
/// </summary>
/// <remarks>
/// <para>The reader thread adds, one consumer takes. The lock is held for some tens of nanoseconds by both, never while anything else happens: the reader thread waits for no subscriber.</para>
/// <para>A gap that has to be dropped is joined with the notice in front, so that no gap is ever lost; its place moves only towards later messages.</para>
/// </remarks>
internal sealed class MessageBuffer(string name, int capacity, long capacityBytes, TimeProvider time) : IValueTaskSource<bool>
{
    private const int FirstLength = 16;

    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private RespMessage[] _ring = new RespMessage[Math.Min(FirstLength, capacity)];
    private int _first;
    private int _count;
    private long _bytes;
    // The notice in front, in parts: it grows with every message that is dropped. None = there is none.
    private RespGapReasons _lostBy;
    private DateTimeOffset _lostFrom;
    private DateTimeOffset _lostUntil;
    private long _lostHere;
    private bool _waits;
    private bool _ended;
    private Exception? _reason;
    private CancellationTokenRegistration _registration;

    /// <summary>Messages that were dropped since the start.</summary>
    public long Dropped { get; private set; }

    /// <summary>Items that wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _count + (_lostBy == RespGapReasons.None ? 0 : 1);
        }
    }

    /// <summary>Adds one item. One thread at a time.</summary>
    public void Add(in RespMessage message)
    {
        bool wakes;
        lock (_gate)
        {
            if (_ended)
                return;
            while (_count == capacity || (_count != 0 && _bytes + message.Payload.Length > capacityBytes))
                DropOldest();
            if (_count == _ring.Length)
                Grow();
            int at = _first + _count++;
            _ring[at < _ring.Length ? at : at - _ring.Length] = message;
            _bytes += message.Payload.Length;
            wakes = _waits;
            _waits = false;
        }

        if (wakes)
            _core.SetResult(true);
    }

    /// <summary>Nothing more comes; what is here may still be taken. A reason is thrown to the consumer behind the last item.</summary>
    public void End(Exception? reason)
    {
        bool wakes;
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
            _reason = reason;
            wakes = _waits;
            _waits = false;
        }

        if (!wakes)
            return;
        if (reason is null)
            _core.SetResult(false);
        else
            _core.SetException(reason);
    }

    /// <summary>Takes the next item.</summary>
    public bool TryTake(out RespMessage message)
    {
        lock (_gate)
        {
            if (_lostBy != RespGapReasons.None)
            {
                message = new RespMessage(name, new RespGap { Reasons = _lostBy, From = _lostFrom, Until = _lostUntil, Dropped = _lostHere });
                _lostBy = RespGapReasons.None;
                _lostHere = 0;
                return true;
            }

            if (_count == 0)
            {
                message = default;
                return false;
            }

            message = TakeFirst();
            return true;
        }
    }

    /// <summary>Ends when there is something to take (true), or never will be again (false).</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_waits)
                throw new InvalidOperationException("A subscription has one consumer, and it waits already.");
            if (_count != 0 || _lostBy != RespGapReasons.None)
                return new ValueTask<bool>(true);
            if (_ended)
                return _reason is null ? new ValueTask<bool>(false) : ValueTask.FromException<bool>(_reason);
            if (cancellationToken.IsCancellationRequested)
                return ValueTask.FromCanceled<bool>(cancellationToken);
            _core.Reset();
            _waits = true;
        }

        // Outside of the lock, since a token that is cancelled at this moment calls back at once; and it may be disposed by the consumer only after this.
        ValueTask<bool> task = new(this, _core.Version);
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static (state, token) => ((MessageBuffer)state!).Cancel(token), this);
        return task;
    }

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        // Waits for a callback that is under way: none may meet the next wait.
        _registration.Dispose();
        _registration = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_waits)
                return;
            _waits = false;
        }

        _core.SetException(new OperationCanceledException(token));
    }

    private RespMessage TakeFirst()
    {
        ref RespMessage place = ref _ring[_first];
        RespMessage message = place;
        place = default;
        if (++_first == _ring.Length)
            _first = 0;
        _count--;
        _bytes -= message.Payload.Length;
        return message;
    }

    private void DropOldest()
    {
        RespMessage oldest = TakeFirst();
        if (oldest.IsGap)
        {
            Join(oldest.Gap.Reasons, oldest.Gap.From, oldest.Gap.Until, oldest.Gap.Dropped);
            return;
        }

        Dropped++;
        DateTimeOffset now = time.GetUtcNow();
        Join(RespGapReasons.Overflow, now, now, 1);
    }

    private void Join(RespGapReasons reasons, DateTimeOffset from, DateTimeOffset until, long dropped)
    {
        bool first = _lostBy == RespGapReasons.None;
        _lostFrom = first || from < _lostFrom ? from : _lostFrom;
        _lostUntil = first || until > _lostUntil ? until : _lostUntil;
        _lostBy |= reasons;
        _lostHere += dropped;
    }

    private void Grow()
    {
        RespMessage[] larger = new RespMessage[Math.Min(capacity, _ring.Length * 2)];
        _ring.AsSpan(_first).CopyTo(larger);
        _ring.AsSpan(0, _first).CopyTo(larger.AsSpan(_ring.Length - _first));
        _ring = larger;
        _first = 0;
    }
}
