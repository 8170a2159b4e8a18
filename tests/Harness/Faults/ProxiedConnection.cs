using System.Net.Sockets;

namespace Sluice.Harness.Faults;

/// <summary>One connection through a <see cref="FaultProxy"/>: a socket to each side and a pump for each direction.</summary>
internal sealed class ProxiedConnection
{
    private readonly FaultProxy _proxy;
    private readonly Socket _client;
    private readonly Socket _server;
    private readonly FaultPump _toServer;
    private readonly FaultPump _toClient;
    private int _running = 2;

    public ProxiedConnection(FaultProxy proxy, Socket client, Socket server, ConnectionFaults faults)
    {
        _proxy = proxy;
        _client = client;
        _server = server;
        if (client.ProtocolType == ProtocolType.Tcp)
            client.NoDelay = true;
        if (server.ProtocolType == ProtocolType.Tcp)
            server.NoDelay = true;
        _toServer = new FaultPump(proxy, this, FaultDirection.ToServer, client, server, faults.ToServer);
        _toClient = new FaultPump(proxy, this, FaultDirection.ToClient, server, client, faults.ToClient);
    }

    public FaultPump this[FaultDirection direction] => direction == FaultDirection.ToServer ? _toServer : _toClient;

    public void Start()
    {
        _toServer.Start();
        _toClient.Start();
    }

    /// <summary>RST to both sides. Any thread, any number of times.</summary>
    public void Reset()
    {
        _toServer.End();
        _toClient.End();
        Abort(_client);
        Abort(_server);
    }

    /// <summary>FIN to both sides; what they still send is read and thrown away, because closing over unread bytes would be a reset. Any thread.</summary>
    public void Close()
    {
        _toServer.CloseReceiver();
        _toClient.CloseReceiver();
    }

    /// <summary>Waits for the pumps.</summary>
    /// <exception cref="TimeoutException">They do not end.</exception>
    public void Join(TimeSpan limit)
    {
        if (!_toServer.Join(limit) || !_toClient.Join(limit))
            throw new TimeoutException("A connection through a fault proxy does not end.");
    }

    /// <summary>Called by each pump at its end; the second one releases the sockets.</summary>
    public void PumpEnded()
    {
        if (Interlocked.Decrement(ref _running) > 0)
            return;
        _client.Dispose();
        _server.Dispose();
        _proxy.Forget(this);
    }

    private static void Abort(Socket socket)
    {
        try
        {
            // Linger zero makes closing a reset.
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            socket.Close(timeout: 0);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It had ended by itself.
            socket.Dispose();
        }
    }
}
