using System.Net;
using System.Net.Sockets;

namespace Sluice.Harness.Faults;

/// <summary>
/// A TCP proxy on 127.0.0.1 between a client and a server that does to their bytes what it is told. Two threads for each connection, and blocking calls: a byte
/// costs what two system calls cost, and nothing depends on the thread pool that the tested client may be starving.
/// </summary>
/// <remarks>Thread-safe. Disposal resets what is open and waits for every thread.</remarks>
public sealed class FaultProxy : IAsyncDisposable
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(20);

    private volatile EndPoint _server;
    private readonly Func<int, ConnectionFaults> _faults;
    private readonly Socket _portHolder;
    private readonly Lock _gate = new();
    private readonly HashSet<ProxiedConnection> _open = [];
    private readonly bool[] _stalled = new bool[2];
    private readonly long[] _bytes = new long[2];
    private Listening? _listening;
    private int _connections;
    private int _faultsDone;
    private bool _disposed;

    /// <summary>Listens, and forwards every connection to <paramref name="server"/>.</summary>
    /// <param name="server">Where to; it need not be there yet. A client whose connection cannot be forwarded is reset.</param>
    /// <param name="faults">What happens to the connection with this number, from 0 on; called on the accepting thread. Null: no faults.</param>
    public FaultProxy(EndPoint server, Func<int, ConnectionFaults>? faults = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        _server = server;
        _faults = faults ?? (static _ => ConnectionFaults.None);

        // Bound and never listening: keeps the port for the proxy while it refuses connections.
        _portHolder = Bound(new IPEndPoint(IPAddress.Loopback, 0));
        Endpoint = (IPEndPoint)_portHolder.LocalEndPoint!;
        AcceptConnections();
    }

    /// <summary>Where clients connect to. The same for the proxy's whole life.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Connections that were forwarded so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Cuts, stalls and changed bytes so far that the connections' own faults caused; not those that a method caused.</summary>
    public int FaultsDone => Volatile.Read(ref _faultsDone);

    /// <summary>Connections that are forwarded now.</summary>
    public int OpenConnections
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    /// <summary>Bytes of all connections so far that the kernel took for the receiving side.</summary>
    public long Bytes(FaultDirection direction) => Interlocked.Read(ref _bytes[(int)direction]);

    /// <summary>Forwards new connections to another server from now on, as an address does after a failover. Open ones go on.</summary>
    public void Retarget(EndPoint server)
    {
        ArgumentNullException.ThrowIfNull(server);
        _server = server;
    }

    /// <summary>Resets every connection now (RST to both sides).</summary>
    public void ResetAll() => ForEach(static connection => connection.Reset());

    /// <summary>Ends every connection now in an orderly way (FIN to both sides), between two of the pieces that it forwards.</summary>
    public void CloseAll() => ForEach(static connection => connection.Close());

    /// <summary>Nothing goes through in this direction from now on, on the open connections and on new ones. Its sender feels it once the kernel's buffers are full.</summary>
    public void Stall(FaultDirection direction)
    {
        lock (_gate)
            _stalled[(int)direction] = true;
        ForEach(connection => connection[direction].SetStalled(true));
    }

    /// <summary>Ends every stall in this direction, those by <see cref="DirectionFaults.StallAfter"/> too.</summary>
    public void Resume(FaultDirection direction)
    {
        lock (_gate)
            _stalled[(int)direction] = false;
        ForEach(connection => connection[direction].SetStalled(false));
    }

    /// <summary>Refuses new connections from now on, as if nobody listened; returns when it does. Open ones go on.</summary>
    public void RefuseConnections()
    {
        Listening? listening;
        lock (_gate)
            (listening, _listening) = (_listening, null);
        listening?.End(EndLimit);
    }

    /// <summary>Takes connections again.</summary>
    public void AcceptConnections()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _listening ??= new Listening(Bound(Endpoint), Forward);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="TimeoutException">A thread does not end: a defect of the proxy.</exception>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
            _disposed = true;
        RefuseConnections();
        ProxiedConnection[] open = ForEach(static connection => connection.Reset());
        foreach (ProxiedConnection connection in open)
            connection.Join(EndLimit);
        _portHolder.Dispose();
        return ValueTask.CompletedTask;
    }

    internal void Count(FaultDirection direction, int bytes) => Interlocked.Add(ref _bytes[(int)direction], bytes);

    internal void CountFault() => Interlocked.Increment(ref _faultsDone);

    internal void Forget(ProxiedConnection ended)
    {
        lock (_gate)
            _open.Remove(ended);
    }

    private static Socket Bound(IPEndPoint address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(address);
        return socket;
    }

    private ProxiedConnection[] ForEach(Action<ProxiedConnection> action)
    {
        ProxiedConnection[] open;
        lock (_gate)
            open = [.. _open];
        Array.ForEach(open, action);
        return open;
    }

    private void Forward(Socket client)
    {
        EndPoint target = _server;
        Socket server = new(target.AddressFamily, SocketType.Stream, target.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            server.Connect(target);
        }
        catch (SocketException)
        {
            // Nobody there: the client learns it the hard way, as from a load balancer.
            server.Dispose();
            client.Close(timeout: 0);
            return;
        }

        ProxiedConnection connection = new(this, client, server, _faults(Connections));
        lock (_gate)
        {
            foreach (FaultDirection direction in (FaultDirection[])[FaultDirection.ToServer, FaultDirection.ToClient])
            {
                if (_stalled[(int)direction])
                    connection[direction].SetStalled(true);
            }

            _open.Add(connection);
            _connections++;
        }

        connection.Start();
    }

    /// <summary>A listening socket and the thread that takes from it.</summary>
    private sealed class Listening
    {
        private readonly Socket _socket;
        private readonly Action<Socket> _forward;
        private readonly Thread _thread;
        private volatile bool _ended;

        public Listening(Socket socket, Action<Socket> forward)
        {
            _socket = socket;
            _forward = forward;
            socket.Listen(512);
            _thread = new Thread(Accept) { IsBackground = true, Name = "fault-proxy-accept" };
            _thread.Start();
        }

        public void End(TimeSpan limit)
        {
            _ended = true;
            _socket.Dispose();
            if (!_thread.Join(limit))
                throw new TimeoutException("The accepting thread of a fault proxy does not end.");
        }

        private void Accept()
        {
            while (!_ended)
            {
                try
                {
                    _forward(_socket.Accept());
                }
                catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
                {
                    // Ended, or a client that was gone before it was taken.
                }
            }
        }
    }
}
