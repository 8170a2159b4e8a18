using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sluice.Harness.Faults;
using Xunit;

namespace Sluice.Harness.Tests;

public sealed class FaultProxyTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // A proxy that loses, doubles or reorders bytes by itself would be taken for a bug of the client.
    [Fact]
    public async Task Without_faults_bytes_go_through_as_they_are()
    {
        await using Route route = new();
        byte[] forth = Noise(3_000_000, seed: 1), back = Noise(3_000_000, seed: 2);

        Task sending = Task.WhenAll(Task.Run(() => route.Client.Send(forth)), Task.Run(() => route.Server.Send(back)));
        byte[] atServer = await Task.Run(() => Take(route.Server, forth.Length)), atClient = await Task.Run(() => Take(route.Client, back.Length));
        await sending;

        Assert.Equal(forth, atServer);
        Assert.Equal(back, atClient);
        Assert.Equal(forth.Length, route.Proxy.Bytes(FaultDirection.ToServer));
        Assert.Equal(back.Length, route.Proxy.Bytes(FaultDirection.ToClient));
        Assert.Equal((1, 1, 0), (route.Proxy.Connections, route.Proxy.OpenConnections, route.Proxy.FaultsDone));
    }

    // The end of one direction is the end of one direction: a client that sends its last command and half-closes still gets the reply.
    [Fact]
    public async Task An_end_goes_through_in_its_direction_only_and_both_ends_close()
    {
        await using Route route = new();
        route.Client.Send("last"u8);
        route.Client.Shutdown(SocketShutdown.Send);

        Assert.Equal("last"u8.ToArray(), TakeToEnd(route.Server));
        route.Server.Send("reply"u8);
        route.Server.Shutdown(SocketShutdown.Send);
        Assert.Equal("reply"u8.ToArray(), TakeToEnd(route.Client));
        Assert.True(SpinWait.SpinUntil(() => route.Proxy.OpenConnections == 0, Patience));
    }

    // "Cut after n bytes" is what the classification of outcomes is checked with: one byte more or less and the truth is wrong.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000)]
    [InlineData(300_000)]
    public async Task A_closing_cut_lets_exactly_so_many_bytes_through(int bytes)
    {
        await using Route route = new(ToServer(new DirectionFaults { CutAfter = bytes, Cut = FaultCut.Close }));
        byte[] sent = Noise(bytes + 1, seed: 3);
        route.Client.Send(sent);

        Assert.Equal(sent[..bytes], TakeToEnd(route.Server));
        Assert.Empty(TakeToEnd(route.Client));
        Assert.Equal(bytes, route.Proxy.Bytes(FaultDirection.ToServer));
        Assert.Equal(1, route.Proxy.FaultsDone);
    }

    // The last byte before the cut is no reason for it: a reply that ends there is complete, and nothing is wrong until more comes.
    [Fact]
    public async Task A_cut_comes_with_the_next_byte_and_not_before()
    {
        await using Route route = new(ToServer(new DirectionFaults { CutAfter = 4, Cut = FaultCut.Reset }));
        route.Client.Send("abcd"u8);
        Assert.Equal("abcd"u8.ToArray(), Take(route.Server, 4));
        route.Server.Send("fine"u8);
        Assert.Equal("fine"u8.ToArray(), Take(route.Client, 4));

        route.Client.Send("e"u8);

        Assert.Equal(SocketError.ConnectionReset, EndOf(route.Client));
        Assert.Equal(SocketError.ConnectionReset, EndOf(route.Server));
    }

    // One direction ends, the other goes on: the state in which clients hang.
    [Fact]
    public async Task A_half_closing_cut_leaves_the_other_direction_alone()
    {
        await using Route route = new(new ConnectionFaults(DirectionFaults.None, new DirectionFaults { CutAfter = 2, Cut = FaultCut.HalfClose }));
        route.Server.Send("abcdef"u8);

        Assert.Equal("ab"u8.ToArray(), TakeToEnd(route.Client));
        route.Client.Send("still here"u8);
        Assert.Equal("still here"u8.ToArray(), Take(route.Server, 10));
    }

    // The changed byte must be the one that was asked for, whatever the pieces in which the bytes come.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_byte_is_changed_at_its_position(bool trickle)
    {
        await using Route route = new(ToServer(new DirectionFaults { FlipAt = 2_500, FlipMask = 0x80, Trickle = trickle }));
        byte[] sent = Noise(5_000, seed: 4);
        route.Client.Send(sent.AsSpan(0, 2_500));
        route.Client.Send(sent.AsSpan(2_500));

        sent[2_500] ^= 0x80;
        Assert.Equal(sent, Take(route.Server, sent.Length));
        Assert.Equal(1, route.Proxy.FaultsDone);
    }

    // Bytes that come one by one are what the parser must bear; sent together they would be a test of nothing.
    [Fact]
    public async Task Trickled_bytes_are_sent_one_by_one()
    {
        await using Route route = new(ToServer(new DirectionFaults { Trickle = true }));
        byte[] sent = Noise(2_000, seed: 5);
        route.Client.Send(sent);

        byte[] received = new byte[sent.Length];
        int pieces = 0;
        for (int got = 0; got < received.Length; pieces++)
            got += route.Server.Receive(received, got, received.Length - got, SocketFlags.None);

        Assert.Equal(sent, received);
        Assert.True(pieces > 1, "All bytes came in one piece.");
    }

    // A stall must hold everything back, also what was on its way, and must not lose it.
    [Fact]
    public async Task A_stalled_direction_holds_its_bytes_until_it_is_resumed()
    {
        await using Route route = new(ToServer(new DirectionFaults { StallAfter = 3 }));
        route.Client.Send("abcdef"u8);
        Assert.Equal("abc"u8.ToArray(), Take(route.Server, 3));
        route.Server.Send("other way"u8);
        Assert.Equal("other way"u8.ToArray(), Take(route.Client, 9));
        Assert.False(route.Server.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead));

        route.Proxy.Resume(FaultDirection.ToServer);
        Assert.Equal("def"u8.ToArray(), Take(route.Server, 3));

        // Told at run time: the open connection and a new one.
        route.Proxy.Stall(FaultDirection.ToClient);
        (Socket client, Socket server) = route.Connect();
        using (client)
        using (server)
        {
            route.Server.Send("one"u8);
            server.Send("two"u8);
            Assert.False(route.Client.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead));
            Assert.False(client.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead));
            route.Proxy.Resume(FaultDirection.ToClient);
            Assert.Equal("one"u8.ToArray(), Take(route.Client, 3));
            Assert.Equal("two"u8.ToArray(), Take(client, 3));
        }
    }

    // A stalled sender must feel it, or the client's back-pressure is never tested.
    [Fact]
    public async Task A_stall_fills_the_senders_buffers()
    {
        await using Route route = new();
        route.Proxy.Stall(FaultDirection.ToServer);
        route.Client.Blocking = false;
        byte[] bytes = new byte[1_000_000];
        long sent = 0;
        SocketError error = SocketError.Success;
        for (long began = Stopwatch.GetTimestamp(); error == SocketError.Success && Stopwatch.GetElapsedTime(began) < Patience;)
            sent += route.Client.Send(bytes, SocketFlags.None, out error);

        Assert.Equal(SocketError.WouldBlock, error);
        Assert.False(route.Server.Poll(0, SelectMode.SelectRead));
    }

    // A delay shorter than asked for would make time-outs untestable.
    [Fact]
    public async Task Delayed_bytes_come_late_and_whole()
    {
        TimeSpan delay = TimeSpan.FromMilliseconds(80);
        await using Route route = new(ToServer(new DirectionFaults { Delay = delay }));
        long began = Stopwatch.GetTimestamp();
        route.Client.Send("late"u8);

        Assert.Equal("late"u8.ToArray(), Take(route.Server, 4));
        Assert.True(Stopwatch.GetElapsedTime(began) >= delay - TimeSpan.FromMilliseconds(1));
    }

    // Told at run time while bytes flow: both sides must see what was said, and the proxy must hold nothing afterwards.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Everything_can_be_ended_at_once(bool reset)
    {
        await using Route route = new();
        route.Client.Send("ab"u8);
        Assert.Equal("ab"u8.ToArray(), Take(route.Server, 2));

        if (reset)
            route.Proxy.ResetAll();
        else
            route.Proxy.CloseAll();

        Assert.Equal(reset ? SocketError.ConnectionReset : SocketError.Success, EndOf(route.Client));
        Assert.Equal(reset ? SocketError.ConnectionReset : SocketError.Success, EndOf(route.Server));
        route.Client.Dispose();
        route.Server.Dispose();
        Assert.True(SpinWait.SpinUntil(() => route.Proxy.OpenConnections == 0, Patience));
    }

    // A server that is down refuses; the proxy must be able to be down without losing its port.
    [Fact]
    public async Task Connections_can_be_refused_and_accepted_again()
    {
        await using Route route = new();
        for (int round = 0; round < 20; round++)
        {
            route.Proxy.RefuseConnections();
            route.Proxy.RefuseConnections();
            using Socket refused = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => refused.Connect(route.Proxy.Endpoint)).SocketErrorCode);

            route.Proxy.AcceptConnections();
            (Socket client, Socket server) = route.Connect();
            client.Send("x"u8);
            Assert.Equal("x"u8.ToArray(), Take(server, 1));
            client.Dispose();
            server.Dispose();
        }

        route.Client.Send("open ones go on"u8);
        Assert.Equal("open ones go on"u8.ToArray(), Take(route.Server, 15));
    }

    // A server that is not there is not the proxy's end.
    [Fact]
    public async Task A_connection_that_cannot_be_forwarded_is_reset()
    {
        EndPoint nobody;
        using (Socket listener = Listen())
            nobody = listener.LocalEndPoint!;
        await using FaultProxy proxy = new(nobody);
        for (int round = 0; round < 3; round++)
        {
            using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(proxy.Endpoint);
            Assert.Equal(SocketError.ConnectionReset, EndOf(client));
        }

        Assert.Equal(0, proxy.Connections);
    }

    // Connections that end by every fault, by their ends or by the proxy's: no thread and no socket stays (the fixture looks at the sockets).
    [Fact]
    public async Task Many_faulty_connections_leave_nothing_behind()
    {
        SeededFaults faults = new(seed: 7, shortest: 0, longest: 4_000) { Trickling = 0.2, Delaying = 0.2, Flipping = 0.2 };
        await using (Route route = new(ConnectionFaults.None, faults.For))
        {
            for (int i = 0; i < 150; i++)
            {
                (Socket client, Socket server) = route.Connect();
                using (client)
                using (server)
                {
                    client.Blocking = server.Blocking = false;
                    byte[] bytes = new byte[5_000];
                    client.Send(bytes, SocketFlags.None, out _);
                    server.Send(bytes, SocketFlags.None, out _);
                    client.Poll(TimeSpan.FromMilliseconds(1), SelectMode.SelectRead);
                }
            }

            Assert.True(SpinWait.SpinUntil(() => route.Proxy.OpenConnections == 1, Patience), "Only the route's own first connection may be open.");
            Assert.InRange(route.Proxy.FaultsDone, 1, int.MaxValue);
        }

        // Disposal waits for them; a joined thread leaves the kernel's list a moment later.
        Assert.True(SpinWait.SpinUntil(() => LivingProxyThreads() == 0, Patience), "A thread of the proxy outlived it.");
    }

    // A run that failed must be repeatable from its seed, connection by connection.
    [Fact]
    public void Seeded_faults_repeat_and_differ()
    {
        SeededFaults first = new(1, 10, 1_000_000) { Flipping = 0.5 }, same = new(1, 10, 1_000_000) { Flipping = 0.5 }, other = new(2, 10, 1_000_000) { Flipping = 0.5 };
        ConnectionFaults[] drawn = [.. Enumerable.Range(0, 300).Select(first.For)];

        Assert.Equal(drawn, Enumerable.Range(0, 300).Reverse().Select(same.For).Reverse());
        Assert.NotEqual(drawn, Enumerable.Range(0, 300).Select(other.For));
        Assert.All(drawn, faults => Assert.InRange(faults.ToServer.CutAfter ?? faults.ToClient.CutAfter ?? -1, 10, 1_000_000));
        Assert.Equal(3, drawn.Select(faults => faults.ToServer.CutAfter is null ? faults.ToClient.Cut : faults.ToServer.Cut).Distinct().Count());
        Assert.InRange(drawn.Count(faults => (faults.ToServer.CutAfter ?? faults.ToClient.CutAfter) < 3_200), 75, 225);
    }

    private static int LivingProxyThreads() => OperatingSystem.IsLinux()
        ? Directory.GetDirectories("/proc/self/task").Count(task => ReadName(task).StartsWith("fault-proxy", StringComparison.Ordinal))
        : 0;

    private static string ReadName(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            return ""; // ended since the folder was listed
        }
    }

    private static ConnectionFaults ToServer(DirectionFaults faults) => new(faults, DirectionFaults.None);

    private static byte[] Noise(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Take(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int got = 0; got < count;)
        {
            int received = socket.Receive(bytes, got, count - got, SocketFlags.None);
            Assert.NotEqual(0, received);
            got += received;
        }

        return bytes;
    }

    private static byte[] TakeToEnd(Socket socket)
    {
        using MemoryStream taken = new();
        byte[] buffer = new byte[64 * 1024];
        while (socket.Receive(buffer) is > 0 and int count)
            taken.Write(buffer, 0, count);
        return taken.ToArray();
    }

    /// <summary>How the connection ends for this side: <see cref="SocketError.Success"/> is the orderly end.</summary>
    private static SocketError EndOf(Socket socket)
    {
        byte[] buffer = new byte[1024];
        SocketError error;
        while (socket.Receive(buffer, 0, buffer.Length, SocketFlags.None, out error) > 0)
            Assert.Equal(SocketError.Success, error);
        return error;
    }

    private static Socket Listen()
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    /// <summary>A server, a proxy before it, and one connection through both.</summary>
    private sealed class Route : IAsyncDisposable
    {
        private readonly Socket _listener = Listen();

        public Route(ConnectionFaults? first = null, Func<int, ConnectionFaults>? next = null)
        {
            Proxy = new FaultProxy(_listener.LocalEndPoint!, connection => connection == 0 ? first ?? ConnectionFaults.None : next?.Invoke(connection) ?? ConnectionFaults.None);
            (Client, Server) = Connect();
        }

        public FaultProxy Proxy { get; }

        public Socket Client { get; }

        public Socket Server { get; }

        public (Socket Client, Socket Server) Connect()
        {
            Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = (int)Patience.TotalMilliseconds };
            client.Connect(Proxy.Endpoint);
            Socket server = _listener.Accept();
            server.NoDelay = true;
            server.ReceiveTimeout = (int)Patience.TotalMilliseconds;
            return (client, server);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            Client.Dispose();
            Server.Dispose();
            _listener.Dispose();
        }
    }
}
