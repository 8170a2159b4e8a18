namespace Sluice.Resp.Connection;

internal sealed partial class RespConnection
{
    // "PING", whose reply only has to come.
    private static readonly byte[] Ping = "*1\r\n$4\r\nPING\r\n"u8.ToArray();

    // A clock that was away for longer was paused with the whole process, or starved: the peer is not to blame for the rest.
    private const int LongestTickMilliseconds = 100;

    // Neither was a reply completed, nor did one grow, for so many times the time that silence may take.
    private const int PeerTimeoutsWithoutReply = 2;

    private long _lastRead;
    private long _progressAt;
    private long _repliesSeen;
    private long _arrivedSeen;
    private bool _wasBusy;
    private long _silentSince;
    private long _lastTick;
    private long _pingAt;
    private long _writesSeenStuck = -1;

    /// <summary>Milliseconds since the last byte came.</summary>
    public long Silence => RespClock.Now - Volatile.Read(ref _lastRead);

    /// <summary>Looks for what is late, stuck or silent. The clock's thread; the link calls it.</summary>
    /// <returns>True while something is in flight.</returns>
    public bool Tick(long now)
    {
        // Also when it is dead: until the reader's thread has failed the rest, which may be held up, a deadline is a deadline.
        if (now >= Volatile.Read(ref _earliestDeadline))
            ExpireLate(now);
        if (Fault is not null)
            return InFlight != 0;
        if (HandshakeUntil != long.MaxValue)
        {
            // Nothing of this connection's own may come between the handshake's frames and their replies.
            if (now >= HandshakeUntil)
                Fail(new RespConnectionException("The handshake took longer than connecting may take.", CommandOutcome.NotSent));
            return false;
        }

        WriteWhatIsStuck();
        WatchPeer(now);
        return InFlight != 0;
    }

    /// <summary>Fails what is too late; it keeps its place in the ring until the reply comes.</summary>
    private void ExpireLate(long now)
    {
        long head, tail;
        ReplySlot[] again;
        lock (_gate)
        {
            // Whoever enqueues from here on lowers it again.
            _earliestDeadline = long.MaxValue;
            (head, tail) = (Volatile.Read(ref _head.Value), _tail.Value);
            again = _again is { Count: > 0 } ? [.. _again] : [];
        }

        ExpirySweep sweep = default;
        long earliest = long.MaxValue;
        for (long position = head; position < tail; position++)
        {
            // The reader may have emptied the place meanwhile, a later command may stand in it: a slot is judged by its own word.
            if (Volatile.Read(ref _ring[position & _mask]) is { } slot)
                earliest = Math.Min(earliest, ExpireIfLate(ref sweep, slot, now));
        }

        foreach (ReplySlot slot in again)
            earliest = Math.Min(earliest, ExpireIfLate(ref sweep, slot, now));
        if (sweep.Any)
            sweep.Post(_dispatcher, CommandOutcome.Unknown, Snapshot());

        lock (_gate)
        {
            if (earliest < _earliestDeadline)
                _earliestDeadline = earliest;
        }
    }

    /// <returns>When to look at it again.</returns>
    private static long ExpireIfLate(ref ExpirySweep sweep, ReplySlot slot, long now)
    {
        if (slot.IsLate(now, out long use) && sweep.TryTake(slot, use))
            return long.MaxValue;
        return slot.IsUnsettled ? slot.Deadline : long.MaxValue;
    }

    /// <summary>Bytes that a batch of continuations holds back while one of them blocks: whole periods passed and nobody wrote.</summary>
    private void WriteWhatIsStuck()
    {
        lock (_gate)
        {
            if (_writing || _append.Count == 0)
            {
                _writesSeenStuck = -1;
                return;
            }

            if (_writesSeenStuck != Writes)
            {
                _writesSeenStuck = Writes;
                return;
            }

            _writing = true;
        }

        // One turn: the clock has more to look at than this connection.
        Write(turns: 1);
    }

    private void WatchPeer(long now)
    {
        long away = now - _lastTick;
        _lastTick = now;
        bool busy = InFlight != 0, wasBusy = _wasBusy;
        _wasBusy = busy;
        // What was sent since the last look has waited for less time than that was ago: a clock at rest looks ten times a second, and a peer may have less time than that.
        if (!busy || !wasBusy)
            _silentSince = _progressAt = now;
        else
            _silentSince += Math.Max(0, away - LongestTickMilliseconds);
        _silentSince = Math.Max(_silentSince, Volatile.Read(ref _lastRead));
        WatchProgress(now, away);

        long silence = now - Volatile.Read(ref _lastRead);
        if (_terms.PeerTimeout != 0 && now - _silentSince > _terms.PeerTimeout)
            Fail(new RespConnectionException($"Nothing came for {now - _silentSince} ms although {InFlight} commands await replies: the peer is gone. {Snapshot()}", CommandOutcome.Unknown));
        else if (_terms.PeerTimeout != 0 && now - _progressAt > (long)PeerTimeoutsWithoutReply * _terms.PeerTimeout)
            Fail(new RespConnectionException($"No reply was completed, and none grew, for {now - _progressAt} ms although {InFlight} commands await replies: what the peer sends answers nothing. {Snapshot()}", CommandOutcome.Unknown));
        else if (_terms.PingAfter != 0 && silence > _terms.PingAfter && now - _pingAt > _terms.PingAfter)
        {
            _pingAt = now;
            // One object per silent second: nobody awaits it, so nobody would give it back.
            ReplySlot slot = new(_pool);
            slot.Begin(_dispatcher, ReplyKind.Nothing, long.MaxValue, SendTerms.NoLimit);
            TryEnqueue(Ping, slot);
        }
    }

    /// <summary>
    /// Every byte of a reply is a sign of life, however slowly they come: the limits end it, and callers have deadlines. Bytes of pushes are none: a peer that sends them and answers nothing would
    /// keep commands waiting for ever.
    /// </summary>
    private void WatchProgress(long now, long away)
    {
        long replies = Volatile.Read(ref _replies), arrived = Volatile.Read(ref _arrived);
        if (replies != _repliesSeen || arrived > _arrivedSeen)
            _progressAt = now;
        else
            _progressAt += Math.Max(0, away - LongestTickMilliseconds);
        (_repliesSeen, _arrivedSeen) = (replies, arrived);
    }

    /// <summary>What goes into messages: where the time may have gone.</summary>
    public ConnectionSnapshot Snapshot()
    {
        long unsent, unsentBytes;
        lock (_gate)
        {
            unsent = _tail.Value - _handed;
            unsentBytes = _append.Length;
        }

        return new ConnectionSnapshot
        {
            InFlight = InFlight,
            Unsent = (int)unsent,
            UnsentBytes = unsentBytes,
            Backlog = _owner.Backlog,
            SilenceMilliseconds = Silence,
            UndispatchedReplies = _dispatcher.Waiting,
            Rescues = _dispatcher.Rescues,
            PoolThreads = ThreadPool.ThreadCount,
            PoolPending = ThreadPool.PendingWorkItemCount,
        };
    }
}
