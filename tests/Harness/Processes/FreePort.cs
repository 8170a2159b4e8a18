using System.Net;
using System.Net.Sockets;

namespace Sluice.Harness;

/// <summary>Ports for private servers.</summary>
public static class FreePort
{
    // Below the range from which Linux takes the local ports of outgoing connections (32768 and up): nobody is given the port between the moment
    // it was found free and the moment the server binds it. Room is left for a second port at +10000 (Redis Cluster's bus), also below it.
    private const int First = 20_000;
    private const int Count = 2_700;

    // Test processes that run at the same time begin at different places.
    private static int _next = Environment.ProcessId * 97 % Count;

    /// <summary>A port of 127.0.0.1 on which nothing listens, and that no other caller in this process was given before (until all were given).</summary>
    /// <exception cref="InvalidOperationException">Every port of the range is taken.</exception>
    public static int Next()
    {
        for (int attempt = 0; attempt < Count; attempt++)
        {
            int port = First + (int)((uint)Interlocked.Increment(ref _next) % Count);
            if (CanBind(port) && CanBind(port + 10_000))
                return port;
        }

        throw new InvalidOperationException($"No free port between {First} and {First + Count}.");
    }

    private static bool CanBind(int port)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
    }
}
