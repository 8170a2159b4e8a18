using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Sluice.Harness;
using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class ConnectTests
{
    // Options that are set in the program and not on the socket are found missing when a peer is silently gone, a quarter of an hour late.
    [Fact]
    public async Task The_socket_has_the_options_that_were_asked_for()
    {
        await using Connected pair = await Connected.MakeAsync(new RespTransportOptions
        {
            KeepAliveTime = TimeSpan.FromSeconds(7),
            KeepAliveInterval = TimeSpan.FromSeconds(2),
            KeepAliveProbes = 3,
            UserTimeout = TimeSpan.FromMilliseconds(4_500),
        });
        Socket socket = ((SocketDuplex)pair.Client).Socket;

        Assert.True(socket.NoDelay);
        Assert.NotEqual(0, (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
        Assert.Equal(7, (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!);
        Assert.Equal(2, (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)!);
        Assert.Equal(3, (int)socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount)!);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TCP_USER_TIMEOUT is Linux's.");
        byte[] userTimeout = new byte[4];
        Assert.Equal(4, socket.GetRawSocketOption(6, 18, userTimeout));
        Assert.Equal(4_500, BitConverter.ToInt32(userTimeout));
    }

    // Off must be off: a proxy that counts idle seconds is kept awake otherwise.
    [Fact]
    public async Task Options_that_are_off_are_off()
    {
        await using Connected pair = await Connected.MakeAsync(new RespTransportOptions { NoDelay = false, KeepAliveTime = TimeSpan.Zero, UserTimeout = TimeSpan.Zero });
        Socket socket = ((SocketDuplex)pair.Client).Socket;

        Assert.False(socket.NoDelay);
        Assert.Equal(0, (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
    }

    // "Refused" says that the server is down and not the network: the link's back-off and the message to the operator depend on it.
    [Fact]
    public async Task Nobody_listening_is_refused()
    {
        RespEndpoint nobody;
        using (Socket listener = Connected.Listen())
            nobody = Connected.EndpointOf(listener);

        RespTransportException failed = await FailAsync(nobody, new RespTransportOptions());

        Assert.Equal(RespTransportFault.Refused, failed.Fault);
        Assert.Contains(nobody.ToString(), failed.Message, StringComparison.Ordinal);
    }

    // A host that drops packets answers nothing at all; without a limit of its own the kernel tries for two minutes.
    [Fact]
    public async Task A_server_that_does_not_answer_ends_with_a_time_out()
    {
        using FullBacklog full = new();
        long began = Stopwatch.GetTimestamp();

        RespTransportException failed = await FailAsync(full.Endpoint, new RespTransportOptions { ConnectTimeout = TimeSpan.FromMilliseconds(300) });

        Assert.Equal(RespTransportFault.ConnectTimedOut, failed.Fault);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(15));
    }

    // Whoever gives up waiting must be let go at once, and no half-open socket may stay behind (the assembly's leak fixture looks).
    [Fact]
    public async Task A_cancelled_connect_ends_at_once()
    {
        using FullBacklog full = new();
        using CancellationTokenSource cancellation = new();
        Task connecting = new RespSocketTransport(new RespTransportOptions { ConnectTimeout = TimeSpan.FromHours(1) }).ConnectAsync(full.Endpoint, cancellation.Token).AsTask();
        Assert.False(connecting.IsCompleted);

        await cancellation.CancelAsync();

        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(Connected.Patience));
        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new RespSocketTransport().ConnectAsync(full.Endpoint, cancellation.Token).AsTask());
    }

    // "localhost" has two addresses on most machines, and servers often listen on one of them only.
    [Fact]
    public async Task A_name_is_tried_at_each_of_its_addresses()
    {
        using Socket listener = Connected.Listen();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Task<Socket> accepting = listener.AcceptAsync();

        await using IRespDuplex duplex = await new RespSocketTransport().ConnectAsync(RespEndpoint.Tcp("localhost", port), CancellationToken.None);
        using Socket server = await accepting;
        server.Send("abc"u8);

        Assert.Equal("abc"u8.ToArray(), Connected.Take(duplex.Input));
    }

    // One dead address before a living one must cost its head start and not the whole time.
    [Fact]
    public void A_dead_address_delays_the_next_one_only_by_its_head_start()
    {
        using FullBacklog full = new();
        using Socket listener = Connected.Listen();
        RespTransportOptions options = new() { ConnectTimeout = TimeSpan.FromSeconds(60), NextAddressAfter = TimeSpan.FromMilliseconds(50) };
        Dial dial = new(full.Endpoint, options, CancellationToken.None);
        long began = Stopwatch.GetTimestamp();

        using Socket socket = dial.ConnectAny([full.Address, listener.LocalEndPoint!]);

        Assert.Equal(listener.LocalEndPoint, socket.RemoteEndPoint);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(15));
    }

    // A misspelt name is no server that is down.
    [Fact]
    public async Task A_name_without_an_address_is_not_resolved()
    {
        // RFC 2606 reserves the domain: no resolver may know it, reachable or not.
        RespTransportException failed = await FailAsync(RespEndpoint.Tcp("no-such-host.invalid", 6379), new RespTransportOptions());

        Assert.Contains(failed.Fault, (RespTransportFault[])[RespTransportFault.NameNotResolved, RespTransportFault.ConnectTimedOut]);
    }

    // Servers on the same machine are reached without TCP.
    [Fact]
    public async Task A_unix_socket_carries_bytes_in_both_directions()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "server.sock");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        Task<Socket> accepting = listener.AcceptAsync();

        await using IRespDuplex duplex = await new RespSocketTransport().ConnectAsync(RespEndpoint.Unix(path), CancellationToken.None);
        using Socket server = await accepting;
        await duplex.Output.WriteAsync("question"u8.ToArray());
        byte[] question = new byte[8];
        Assert.Equal(8, server.Receive(question));
        server.Send("answer"u8);

        Assert.Equal("question"u8.ToArray(), question);
        Assert.Equal("answer"u8.ToArray(), Connected.Take(duplex.Input));
    }

    // A server that was not started yet, seen through its path.
    [Fact]
    public async Task A_unix_socket_that_does_not_exist_is_refused()
    {
        using TemporaryFolder folder = new();

        Assert.Equal(RespTransportFault.Refused, (await FailAsync(RespEndpoint.Unix(Path.Combine(folder.Path, "none.sock")), new RespTransportOptions())).Fault);
        Assert.Throws<ArgumentOutOfRangeException>(() => RespEndpoint.Unix(new string('x', 300)));
    }

    // A wrong value must be named where it is set, not surface as a socket error at the first connect.
    [Fact]
    public void Options_out_of_range_are_named()
    {
        RespTransportOptions[] wrong =
        [
            new() { ConnectTimeout = TimeSpan.Zero },
            new() { NextAddressAfter = TimeSpan.Zero },
            new() { KeepAliveTime = TimeSpan.FromSeconds(-1) },
            new() { KeepAliveInterval = TimeSpan.Zero },
            new() { KeepAliveProbes = 0 },
            new() { UserTimeout = TimeSpan.FromDays(2) },
            new() { SpinTime = TimeSpan.FromSeconds(1) },
            new() { SendBufferBytes = 0 },
            new() { ReceiveBufferBytes = -1 },
            new() { Tls = new RespTlsOptions { HandshakeTimeout = TimeSpan.Zero } },
        ];

        Assert.All(wrong, options => Assert.Contains("must be", Assert.Throws<ArgumentOutOfRangeException>(() => new RespSocketTransport(options)).Message, StringComparison.Ordinal));
    }

    private static async Task<RespTransportException> FailAsync(RespEndpoint endpoint, RespTransportOptions options) =>
        await Assert.ThrowsAsync<RespTransportException>(() => new RespSocketTransport(options).ConnectAsync(endpoint, CancellationToken.None).AsTask().WaitAsync(Connected.Patience));

    /// <summary>A listener whose queue is full and that never accepts: the kernel drops further requests, as a dead host does.</summary>
    private sealed class FullBacklog : IDisposable
    {
        private readonly List<Socket> _sockets = [];

        public FullBacklog()
        {
            Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen(0);
            _sockets.Add(listener);
            Address = listener.LocalEndPoint!;
            Endpoint = Connected.EndpointOf(listener);

            // One more than it holds is enough; the first that is not answered at once proves that it is full.
            while (true)
            {
                Socket filler = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _sockets.Add(filler);
                Assert.Equal(SocketError.WouldBlock, Assert.IsType<SocketException>(Record.Exception(() => filler.Connect(Address))).SocketErrorCode);
                if (!filler.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectWrite))
                    return;
            }
        }

        public EndPoint Address { get; }

        public RespEndpoint Endpoint { get; }

        public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
    }
}
