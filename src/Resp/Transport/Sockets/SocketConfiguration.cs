using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>The options of a socket, set before it connects so that they hold for the connect too.</summary>
internal static class SocketConfiguration
{
    // linux/tcp.h: TCP_USER_TIMEOUT, in milliseconds. The runtime has no name for it.
    private const int LinuxTcpLevel = 6;
    private const int LinuxTcpUserTimeout = 18;

    public static void Apply(Socket socket, RespTransportOptions options)
    {
        if (options.SendBufferBytes is { } send)
            socket.SendBufferSize = send;
        if (options.ReceiveBufferBytes is { } receive)
            socket.ReceiveBufferSize = receive;
        if (socket.AddressFamily == AddressFamily.Unix)
            return; // the kernel knows when a local peer is gone
        socket.NoDelay = options.NoDelay;
        if (options.KeepAliveTime > TimeSpan.Zero)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, WholeSeconds(options.KeepAliveTime));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, WholeSeconds(options.KeepAliveInterval));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, options.KeepAliveProbes);
        }

        if (options.UserTimeout > TimeSpan.Zero && OperatingSystem.IsLinux())
        {
            int milliseconds = (int)Math.Ceiling(options.UserTimeout.TotalMilliseconds);
            socket.SetRawSocketOption(LinuxTcpLevel, LinuxTcpUserTimeout, BitConverter.GetBytes(milliseconds));
        }
    }

    private static int WholeSeconds(TimeSpan time) => Math.Max(1, (int)Math.Ceiling(time.TotalSeconds));
}
