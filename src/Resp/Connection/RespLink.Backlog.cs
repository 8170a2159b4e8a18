namespace Sluice.Resp.Connection;

internal sealed partial class RespLink
{
    private const int SweepMilliseconds = 50;

    private readonly Queue<ReplySlot> _backlog = new();
    private long _backlogBytes;

    // When the first of them is too late, and when those that were called off are looked for.
    private long _backlogDeadline = long.MaxValue;
    private long _nextSweep;
    private int _waiting;

    /// <summary>The command has no place in the ring, or there is no ring: it waits, with a copy of its frame, or fails as not sent.</summary>
    private void Wait(ReadOnlySpan<byte> frame, ReplySlot slot)
    {
        Exception? refusal = null;
        try
        {
            Start();
        }
        catch (RespConnectionException noThread)
        {
            // Whatever happens to a command is told through its slot.
            refusal = noThread;
        }

        lock (_gate)
        {
            refusal ??= Refusal(frame.Length);
            if (refusal is null)
            {
                slot.KeepFrame(frame);
                _backlog.Enqueue(slot);
                _backlogBytes += frame.Length;
                _backlogDeadline = Math.Min(_backlogDeadline, slot.Deadline);
                Volatile.Write(ref _waiting, _backlog.Count);
            }
        }

        if (refusal is not null)
        {
            if (slot.TryFail(refusal))
                _dispatcher.Post(slot);
            slot.Release();
            return;
        }

        _clock.Wake();
        // The room, or the connection, may have come between the attempt and the lock.
        Pump();
    }

    private Exception? Refusal(int bytes)
    {
        if (_closed)
            return new RespConnectionException("The client is closed.", CommandOutcome.NotSent);
        if (_current is null or { Fault: not null })
        {
            if (!_terms.WaitsForConnection)
                return new RespConnectionException($"There is no connection to {_terms.Endpoint}: {_lastFault?.Message ?? "none was made yet."}", CommandOutcome.NotSent, _lastFault);
        }
        else if (!_terms.WaitsForRoom)
        {
            return new RespOverloadException($"{_terms.Connection.RingSize} commands are in flight on the connection to {_terms.Endpoint}.");
        }

        return _backlog.Count >= _terms.BacklogCommands || (_backlogBytes + bytes > _terms.BacklogBytes && _backlog.Count != 0)
            ? new RespOverloadException($"{_backlog.Count} commands ({_backlogBytes} bytes) wait for the connection to {_terms.Endpoint}.")
            : null;
    }

    /// <summary>Gives waiting commands their places, in order, while there are any.</summary>
    private void Pump()
    {
        RespConnection? connection;
        lock (_gate)
        {
            connection = _current;
            if (connection is null)
                return;
            while (_backlog.TryPeek(out ReplySlot? slot))
            {
                // After it is enqueued the slot may be anyone's: its length first.
                int bytes = slot.Frame.Length;
                if (!slot.IsPending)
                    slot.Release();
                else if (connection.TryEnqueue(slot.Frame, slot, writesLater: true) != EnqueueOutcome.Enqueued)
                    break;
                _backlog.Dequeue();
                _backlogBytes -= bytes;
            }

            Volatile.Write(ref _waiting, _backlog.Count);
        }

        connection.WriteHeldBack();
    }

    /// <summary>Fails what waited too long, and forgets what was called off.</summary>
    private bool ExpireBacklog(long now)
    {
        if (Volatile.Read(ref _waiting) == 0)
            return false;
        // Under the lock slots are only looked at and taken: senders wait for it.
        ExpirySweep sweep = default;
        bool waits;
        Exception? lastFault;
        lock (_gate)
        {
            // Tens of thousands may wait: not every few milliseconds.
            if (now < _backlogDeadline && now < _nextSweep)
                return _backlog.Count != 0;
            _nextSweep = now + SweepMilliseconds;
            _backlogDeadline = long.MaxValue;
            for (int left = _backlog.Count; left > 0; left--)
            {
                ReplySlot slot = _backlog.Dequeue();
                int bytes = slot.Frame.Length;
                if (slot.IsLate(now, out long use))
                    sweep.TryTake(slot, use);
                if (slot.IsPending)
                {
                    _backlog.Enqueue(slot);
                    _backlogDeadline = Math.Min(_backlogDeadline, slot.Deadline);
                    continue;
                }

                // The caller's hold remains, at least until its task was completed: the sweep may go on with the slot.
                _backlogBytes -= bytes;
                slot.Release();
            }

            Volatile.Write(ref _waiting, _backlog.Count);
            waits = _backlog.Count != 0;
            // Behind a connection that lives, why an earlier one ended explains nothing.
            lastFault = _current is null ? _lastFault : _current.Fault;
        }

        if (sweep.Any)
            sweep.Post(_dispatcher, CommandOutcome.NotSent, Snapshot(), lastFault);
        return waits;
    }

    private void FailBacklog(Exception reason)
    {
        lock (_gate)
        {
            while (_backlog.TryDequeue(out ReplySlot? slot))
            {
                if (slot.TryFail(new RespConnectionException(reason.Message, CommandOutcome.NotSent, reason)))
                    _dispatcher.Post(slot);
                slot.Release();
            }

            _backlogBytes = 0;
            Volatile.Write(ref _waiting, 0);
        }
    }
}
