using System.Diagnostics;

namespace Sluice.Resp.Connection;

internal sealed partial class RespLink
{
    // A connection that lived for so long was a good one: the next failure is the first.
    private const int GoodAfterMilliseconds = 2000;

    private long _openedAt = long.MaxValue;

    private void Run()
    {
        Backoff backoff = new(_terms.BackoffFirst, _terms.BackoffCap, new Random(_terms.Seed));
        try
        {
            while (MayDial())
            {
                _openedAt = long.MaxValue;
                long recoveries = _terms.Dials.Recoveries;
                Exception reason = Live();
                Volatile.Write(ref _lastFault, reason);
                bool wasReady = _openedAt != long.MaxValue;
                if (!wasReady)
                    _terms.Dials.Failed();
                if (_openedAt < RespClock.Now - GoodAfterMilliseconds)
                    backoff.Reset();
                TellWhoeverWaits(reason);
                if (!_terms.WaitsForConnection || reason is RespAuthenticationException)
                    FailBacklog(reason);
                _terms.Dials.Wait(backoff.Next(), wasReady ? null : recoveries, _closing.Token);
            }
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Waits for this link's turn to dial.</summary>
    /// <returns>False when the link is closed.</returns>
    private bool MayDial()
    {
        // A link that dials no more takes no token from those that do.
        if (_closing.IsCancellationRequested)
            return false;
        long recoveries = _terms.Dials.Recoveries;
        _terms.Dials.Wait(_terms.Dials.Take(), recoveries, _closing.Token);
        return !_closing.IsCancellationRequested;
    }

    /// <summary>One connection from dial to death.</summary>
    /// <returns>Why it ended.</returns>
    private Exception Live()
    {
        IRespDuplex? transport = null;
        RespConnection? connection = null;
        Exception reason;
        try
        {
            long until = RespClock.Now + (long)_terms.ConnectTimeout.TotalMilliseconds, began = Stopwatch.GetTimestamp();
            transport = Dial();
            connection = new RespConnection(transport, _terms.Connection, this, _dispatcher, _slots, _clock) { HandshakeUntil = until };
            lock (_gate)
                _opening = connection;
            if (_closing.IsCancellationRequested)
                throw new RespConnectionException("The client was closed.");
            _clock.Wake();
            _terms.Handshake.Perform(connection);
            connection.HandshakeUntil = long.MaxValue;
            _terms.OnReady?.Invoke(Stopwatch.GetElapsedTime(began));
            Open(connection);
            reason = connection.Read();
        }
        catch (Exception fault)
        {
            // Dial and handshake throw what they met; the next attempt may do better. A connection that failed meanwhile knows the cause.
            reason = connection?.Fault ?? (fault is OperationCanceledException && !_closing.IsCancellationRequested
                ? new RespConnectionException($"No connection to {_terms.Endpoint} within {_terms.ConnectTimeout}.", CommandOutcome.NotSent, fault)
                : fault);
        }

        try
        {
            End(transport, connection);
        }
        catch (Exception fault)
        {
            // A listener or a transport that throws ends no thread: the link goes on.
            reason = new RespConnectionException($"The connection ended ({reason.Message}), and so did something that was told of it: {fault.Message}", CommandOutcome.Unknown, new AggregateException(reason, fault));
        }

        return reason;
    }

    private IRespDuplex Dial()
    {
        using CancellationTokenSource dial = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        dial.CancelAfter(_terms.ConnectTimeout);
        return Blocking.Await(_terms.Transport.ConnectAsync(_terms.Endpoint, dial.Token));
    }

    private void End(IRespDuplex? transport, RespConnection? connection)
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
            {
                _opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _attempted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        try
        {
            connection?.FailRest();
            if (wasOpen)
                _listener?.OnClosed(this, connection!.Fault!);
        }
        finally
        {
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
            // Counted before anybody can send on it: who finds the same number before and after knows that it was one connection.
            Openings++;
            Volatile.Write(ref _current, connection);
            _opening = null;
            _openedAt = RespClock.Now;
            _opened.TrySetResult();
            _attempted.TrySetResult();
        }

        _terms.Dials.Succeeded();

        // Closed meanwhile: whoever closed did not see this connection as current.
        if (_closing.IsCancellationRequested)
            connection.Fail(new RespConnectionException("The client was closed."));
        Pump();
    }

    private void TellWhoeverWaits(Exception reason)
    {
        // What passes by itself is waited for: the server is there, and loads its data.
        if (reason is RespConnectionException { InnerException: RespServerException { IsTransient: true } })
            return;
        lock (_gate)
        {
            if (_attempted.Task.IsCompleted)
                return;
            Tell(_attempted, reason);
            _attempted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private static void Tell(TaskCompletionSource waiting, Exception reason)
    {
        waiting.TrySetException(reason);
        // Nobody may wait for it.
        _ = waiting.Task.Exception;
    }
}
