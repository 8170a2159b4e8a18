using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;

namespace Sluice.Harness.Faults;

/// <summary>One direction of one connection, on a thread of its own.</summary>
internal sealed class FaultPump
{
    private const int BufferBytes = 128 * 1024;
    private const int StackBytes = 256 * 1024;

    private readonly FaultProxy _proxy;
    private readonly ProxiedConnection _connection;
    private readonly FaultDirection _direction;
    private readonly Socket _from;
    private readonly Socket _to;
    private readonly DirectionFaults _faults;
    private readonly Thread _thread;
    private readonly object _gate = new();  // for the flags: the pump waits on it while it is stalled or delays
    private volatile bool _stalled;
    private volatile bool _ended;
    private volatile bool _closed;          // the receiver was told that nothing more comes: read on, forward nothing
    private bool _stallDone;
    private long _position;

    public FaultPump(FaultProxy proxy, ProxiedConnection connection, FaultDirection direction, Socket from, Socket to, DirectionFaults faults)
    {
        _proxy = proxy;
        _connection = connection;
        _direction = direction;
        _from = from;
        _to = to;
        _faults = faults;
        _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = $"fault-proxy-{direction}" };
    }

    public void Start() => _thread.Start();

    public bool Join(TimeSpan limit) => _thread.Join(limit);

    public void SetStalled(bool stalled)
    {
        lock (_gate)
        {
            _stalled = stalled;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nothing more is forwarded; the sockets are closed by whoever says so.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Tells the receiving side that nothing more comes.</summary>
    public void CloseReceiver()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }

        try
        {
            _to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It is not connected any more: it knows.
        }
    }

    private void Run()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (!_ended)
            {
                WaitWhileStalled();
                int count = _from.Receive(buffer);
                if (count == 0)
                {
                    WaitWhileStalled(); // the end comes after the bytes that are held up
                    if (!_ended)
                        CloseReceiver();
                    return;
                }

                Forward(buffer.AsSpan(0, count));
            }
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // One side was reset, or this connection was: the other side must see a reset too, not an orderly end.
            _connection.Reset();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            _connection.PumpEnded();
        }
    }

    private void Forward(Span<byte> bytes)
    {
        if (_faults.Delay > TimeSpan.Zero)
            WaitFor(_faults.Delay);
        while (!bytes.IsEmpty)
        {
            if (_faults.StallAfter == _position && !_stallDone)
            {
                _stallDone = true;
                _proxy.CountFault();
                SetStalled(true);
            }

            WaitWhileStalled();
            if (_faults.CutAfter == _position && !_closed && !_ended)
            {
                _proxy.CountFault();
                Cut();
            }

            if (_ended || _closed)
                return;
            int count = Math.Min(bytes.Length, UntilNextFault());
            Flip(bytes[..count]);
            Send(bytes[..count]);
            bytes = bytes[count..];
        }
    }

    private int UntilNextFault()
    {
        long distance = _faults.Trickle ? 1 : int.MaxValue;
        if (_faults.CutAfter is { } cut && cut > _position)
            distance = Math.Min(distance, cut - _position);
        if (_faults.StallAfter is { } stall && stall > _position)
            distance = Math.Min(distance, stall - _position);
        return (int)distance;
    }

    private void Flip(Span<byte> bytes)
    {
        if (_faults.FlipAt is not { } at || at < _position || at >= _position + bytes.Length)
            return;
        bytes[(int)(at - _position)] ^= _faults.FlipMask;
        _proxy.CountFault();
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            for (int sent = 0; sent < bytes.Length;)
                sent += _to.Send(bytes[sent..]);
        }
        catch (SocketException) when (_closed)
        {
            return; // closed by CloseReceiver while the bytes were on their way
        }

        _position += bytes.Length;
        _proxy.Count(_direction, bytes.Length);
        if (_faults.Trickle && _faults.TricklePause > TimeSpan.Zero)
            WaitFor(_faults.TricklePause);
        else if (_faults.Trickle)
            Thread.Yield(); // lets the receiver see the byte by itself
    }

    private void Cut()
    {
        switch (_faults.Cut)
        {
            case FaultCut.Reset:
                _connection.Reset();
                break;
            case FaultCut.Close:
                _connection.Close();
                break;
            case FaultCut.HalfClose:
                CloseReceiver();
                break;
        }
    }

    private void WaitWhileStalled()
    {
        if (!_stalled)
            return;
        lock (_gate)
        {
            while (_stalled && !_ended && !_closed)
                Monitor.Wait(_gate);
        }
    }

    private void WaitFor(TimeSpan delay)
    {
        long began = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            for (TimeSpan left = delay; left > TimeSpan.Zero && !_ended && !_closed; left = delay - Stopwatch.GetElapsedTime(began))
                Monitor.Wait(_gate, left);
        }
    }
}
