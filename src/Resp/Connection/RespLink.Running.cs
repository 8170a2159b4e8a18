namespace Sluice.Resp.Connection;

internal sealed partial class RespLink
{
    // A connection that lived for so long was a good one: the next failure is the first.
    private const int GoodAfterMilliseconds = 2000;

    private bool _failFast;

    private void Run()
    {
        Backoff backoff = new(_terms.BackoffFirst, _terms.BackoffCap, new Random(_terms.Seed));
        try
        {
            while (!_closing.IsCancellationRequested)
            {
                long began = RespClock.Now;
                Exception reason = Live();
                Volatile.Write(ref _lastFault, reason);
                if (RespClock.Now - began > GoodAfterMilliseconds)
                    backoff.Reset();
                TellWhoeverWaits(reason);
                if (!_terms.WaitsForConnection || reason is RespAuthenticationException)
                    FailBacklog(reason);
                _closing.Token.WaitHandle.WaitOne(backoff.Next() + _terms.Dials.Take());
            }
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>One connection from dial to death.</summary>
    /// <returns>Why it ended.</returns>
    private Exception Live()
    {
        IRespDuplex? transport = null;
        RespConnection? connection = null;
        try
        {
            using CancellationTokenSource dial = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
            dial.CancelAfter(_terms.ConnectTimeout);
            transport = Blocking.Await(_terms.Transport.ConnectAsync(_terms.Endpoint, dial.Token));
            connection = new RespConnection(transport, _terms.Connection, this, _dispatcher, _slots, _clock) { HandshakeUntil = RespClock.Now + (long)_terms.ConnectTimeout.TotalMilliseconds };
            Volatile.Write(ref _opening, connection);
            if (_closing.IsCancellationRequested)
                return new RespConnectionException("The client was closed.");
            _clock.Wake();
            _terms.Handshake.Perform(connection);
            connection.HandshakeUntil = long.MaxValue;
            Open(connection);
            return connection.Read();
        }
        catch (Exception fault)
        {
            // Dial and handshake throw what they met; the next attempt may do better. A connection that failed meanwhile knows the cause.
            return connection?.Fault ?? (fault is OperationCanceledException && !_closing.IsCancellationRequested
                ? new RespConnectionException($"No connection to {_terms.Endpoint} within {_terms.ConnectTimeout}.", CommandOutcome.NotSent, fault)
                : fault);
        }
        finally
        {
            bool wasOpen;
            lock (_gate)
            {
                wasOpen = _current is not null;
                _current = null;
                _opening = null;
                _pastWrites += connection?.Writes ?? 0;
                _pastReads += connection?.Reads ?? 0;
                if (wasOpen)
                    _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            connection?.FailRest();
            if (wasOpen)
                _listener?.OnClosed(this, connection!.Fault!);
            if (transport is not null)
                Blocking.Await(transport.DisposeAsync());
        }
    }

    private void Open(RespConnection connection)
    {
        // What the listener sends goes before everything that waited.
        _listener?.OnOpened(this, connection);
        lock (_gate)
        {
            Volatile.Write(ref _current, connection);
            _opening = null;
            Openings++;
            _opened.TrySetResult();
        }

        // Closed meanwhile: whoever closed did not see this connection as current.
        if (_closing.IsCancellationRequested)
            connection.Fail(new RespConnectionException("The client was closed."));
        Pump();
    }

    private void TellWhoeverWaits(Exception reason)
    {
        // What passes by itself is waited for: the server is there, and loads its data.
        if (!_failFast || reason is RespConnectionException { InnerException: RespServerException { IsTransient: true } })
            return;
        lock (_gate)
        {
            if (_opened.TrySetException(reason))
            {
                _ = _opened.Task.Exception;
                _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }
}
