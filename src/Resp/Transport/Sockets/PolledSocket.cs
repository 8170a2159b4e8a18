using System.Diagnostics;
using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>
/// A connected socket in non-blocking mode, waited for with <c>poll</c>. It never meets the runtime's epoll engine, because no asynchronous operation was
/// ever begun on it: nothing wakes another thread for bytes that this one waits for (docs/decisions/0004).
/// </summary>
/// <remarks>Receiving and sending are independent and belong to one thread each; <see cref="Shutdown"/> and <see cref="Dispose"/> to any.</remarks>
internal sealed class PolledSocket(Socket socket, TimeSpan spinTime = default) : IByteSource, IByteSink, IDisposable
{
    private const int Forever = -1;
    private readonly long _spinTicks = (long)(spinTime.TotalSeconds * Stopwatch.Frequency);
    private SpinPolicy _spin;
    private volatile bool _shutDown;

    public Socket Socket => socket;

    public bool IsShutDown => _shutDown;

    public void WaitReadable()
    {
        if (_spinTicks > 0 && _spin.ShouldSpin())
        {
            if (SpinReadable())
            {
                _spin.Paid();
                return;
            }

            _spin.Lost();
        }

        Wait(SelectMode.SelectRead, Forever);
    }

    /// <summary>Waits no longer than so; false when the time is over.</summary>
    public bool WaitReadable(TimeSpan longest) => Wait(SelectMode.SelectRead, Microseconds(longest));

    /// <summary>Waits no longer than so; false when the time is over.</summary>
    public bool WaitWritable(TimeSpan longest) => Wait(SelectMode.SelectWrite, Microseconds(longest));

    public int Receive(Span<byte> destination)
    {
        int received;
        SocketError error;
        try
        {
            received = socket.Receive(destination, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException closed)
        {
            throw ShutDown(closed);
        }

        return error switch
        {
            SocketError.Success => received,
            SocketError.WouldBlock or SocketError.Interrupted => -1,
            _ => throw Broken(error),
        };
    }

    public bool TrySend(ref ReadOnlyMemory<byte> remaining)
    {
        ReadOnlySpan<byte> bytes = remaining.Span;
        int length = bytes.Length;
        try
        {
            return TrySend(ref bytes);
        }
        finally
        {
            remaining = remaining[(length - bytes.Length)..];
        }
    }

    public bool TrySend(ref ReadOnlySpan<byte> remaining)
    {
        while (!remaining.IsEmpty)
        {
            int sent;
            SocketError error;
            try
            {
                sent = socket.Send(remaining, SocketFlags.None, out error);
            }
            catch (ObjectDisposedException closed)
            {
                throw ShutDown(closed);
            }

            if (error is not (SocketError.Success or SocketError.WouldBlock or SocketError.Interrupted))
                throw Broken(error);
            remaining = remaining[sent..]; // what went before the kernel was full counts although the call says "would block"
            if (error == SocketError.WouldBlock)
                return remaining.IsEmpty;
        }

        return true;
    }

    public void WaitWritable() => Wait(SelectMode.SelectWrite, Forever);

    /// <summary>Ends both directions; whoever waits wakes up. Never throws.</summary>
    public void Shutdown()
    {
        _shutDown = true;
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // Already reset or closed: whoever waited has been woken by that.
        }
    }

    public void Dispose() => socket.Dispose();

    private static int Microseconds(TimeSpan time) => (int)Math.Clamp(time.TotalMicroseconds, 0, int.MaxValue);

    private bool SpinReadable()
    {
        long until = Stopwatch.GetTimestamp() + _spinTicks;
        do
        {
            if (Wait(SelectMode.SelectRead, 0))
                return true;

            // Whoever is to answer may need this very processor.
            Thread.Yield();
        }
        while (Stopwatch.GetTimestamp() < until);
        return false;
    }

    private bool Wait(SelectMode mode, int microseconds)
    {
        try
        {
            return socket.Poll(microseconds, mode);
        }
        catch (SocketException failed)
        {
            throw Broken(failed.SocketErrorCode);
        }
        catch (ObjectDisposedException closed)
        {
            throw ShutDown(closed);
        }
    }

    private RespTransportException Broken(SocketError error) =>
        _shutDown ? ShutDown(new SocketException((int)error)) : TransportFaults.Broken(error);

    private static RespTransportException ShutDown(Exception inner) =>
        new(RespTransportFault.ShutDown, "The connection had been shut down by this side.", inner);
}
