using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Sluice.Resp.Tests.Connection;
using Sluice.Resp.Tests.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>rediss:// through the whole client, against a real server.</summary>
public sealed class TlsRedisTests(ITestOutputHelper output)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Each kind of connection dials by itself: one that forgot to encrypt, or to trust, would fail here and nowhere else.
    [Fact]
    public async Task Every_kind_of_connection_works_over_TLS()
    {
        await using TlsRedisServer tls = await StartAsync(demandsClientCertificate: false);
        await using RespClient client = await RespClient.ConnectAsync(tls.Options with { Connections = 4 }, Stop);
        byte[] value = new byte[3_000_000];
        new Random(3).NextBytes(value);
        byte[] back = new byte[value.Length];

        await client.SetAsync("value", value, cancellationToken: Stop);
        Assert.Equal(value.Length, await client.GetAsync("value", back, cancellationToken: Stop));
        Assert.Equal(value, back);
        Assert.Equal(Enumerable.Range(1, 2000).Select(n => (long)n), await Task.WhenAll(Enumerable.Range(1, 2000).Select(_ => client.IncrementByAsync("counter", 1, cancellationToken: Stop).AsTask())));

        Task<RespLease> popped = client.BlockingPopAsync("list", TimeSpan.Zero, Stop).AsTask();
        await client.Command("RPUSH").Key("list").Write("element").ExecuteAsync(cancellationToken: Stop);
        using (RespLease element = await popped.Soon())
            Assert.Equal("element"u8.ToArray(), element.Span.ToArray());

        await using RespSubscription subscription = await client.SubscribeAsync("channel", cancellationToken: Stop);
        await client.Command("PUBLISH").Write("channel").Write("message").ExecuteAsync(cancellationToken: Stop);
        await foreach (RespMessage message in subscription.WithCancellation(Stop))
        {
            Assert.Equal("message"u8.ToArray(), message.Payload.ToArray());
            break;
        }

        await using TrackingCache cache = client.CreateTrackingCache();
        Assert.Equal("2000"u8.ToArray(), (await cache.GetAsync("counter", Stop))!.Value.ToArray());
        // All of them, and none beside: the server counts what came in over its plain port, too.
        string clients = (await client.Command("CLIENT").Write("LIST").ToTextAsync(cancellationToken: Stop))!;
        Assert.Equal(7, clients.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => line.Contains(string.Create(CultureInfo.InvariantCulture, $"laddr=127.0.0.1:{tls.Port} "), StringComparison.Ordinal)));
    }

    // Servers behind one address choose their certificate by the name that the client asks for, on every connection that it makes.
    [Fact]
    public async Task The_name_goes_out_with_every_dial_and_is_checked()
    {
        await using TlsRedisServer tls = await StartAsync(demandsClientCertificate: false);
        using HelloReader hellos = new(tls.Port);
        RespClientOptions options = tls.Options with { Endpoint = RespEndpoint.Tcp("127.0.0.1", hellos.Port), Connections = 2 };
        await using (RespClient client = await RespClient.ConnectAsync(options, Stop))
            await client.PingAsync(cancellationToken: Stop);
        Assert.Equal(2, hellos.Seen.Count);
        Assert.All(hellos.Seen, hello => Assert.True(hello.AsSpan().IndexOf("redis.example"u8) > 0));

        RespTransportException wrongName = await Assert.ThrowsAsync<RespTransportException>(
            async () => await RespClient.ConnectAsync(tls.Options with { Tls = tls.Authority.Trusted with { TargetHost = "another.example" } }, Stop));
        Assert.Equal(RespTransportFault.TlsFailed, wrongName.Fault);
    }

    // Whoever sits between client and server has a certificate too, and it must not be enough.
    [Fact]
    public async Task A_server_that_the_client_cannot_trust_gets_no_command()
    {
        await using TlsRedisServer tls = await StartAsync(demandsClientCertificate: false);
        using TlsServer other = new();
        RespClientOptions named = tls.Options with { Tls = other.Trusted };
        Assert.Equal(RespTransportFault.TlsFailed, (await Assert.ThrowsAsync<RespTransportException>(async () => await RespClient.ConnectAsync(named, Stop))).Fault);

        // The URL alone trusts whom the system trusts.
        string url = string.Create(CultureInfo.InvariantCulture, $"rediss://127.0.0.1:{tls.Port}");
        Assert.Equal(RespTransportFault.TlsFailed, (await Assert.ThrowsAsync<RespTransportException>(async () => await RespClient.ConnectAsync(url, Stop))).Fault);

        // A server that speaks no TLS, at a TLS address: it waits for the rest of what it takes for a command.
        RespClientOptions plain = tls.Options with { Endpoint = LossUnderLoad.At(tls.Server), Tls = tls.Authority.Trusted with { HandshakeTimeout = TimeSpan.FromMilliseconds(300) } };
        Assert.Equal(RespTransportFault.ConnectTimedOut, (await Assert.ThrowsAsync<RespTransportException>(async () => await RespClient.ConnectAsync(plain, Stop))).Fault);

        // The same while commands wait for the connection: they fail as not sent, and nothing that looks like RESP reached the server.
        await using RespClient waiting = RespClient.Create(named with { WaitForConnection = false });
        RespException refused = await Assert.ThrowsAnyAsync<RespException>(async () => await waiting.SetAsync("secret", "x", cancellationToken: Stop));
        Assert.Equal(CommandOutcome.NotSent, Assert.IsType<RespConnectionException>(refused).Outcome);
        Assert.Equal(":0", await tls.Server.AskAsync(["EXISTS", "secret"], Stop));
    }

    // A server that demands a certificate must see it, and one that does not get it must say no in a way that can be understood.
    [Fact]
    public async Task A_client_certificate_opens_the_door_and_its_absence_is_a_typed_failure()
    {
        await using TlsRedisServer tls = await StartAsync(demandsClientCertificate: true);
        await using (RespClient client = await RespClient.ConnectAsync(tls.Options, Stop))
            Assert.Equal("in", await client.EchoAsync("in", cancellationToken: Stop));

        RespTransportException without = await Assert.ThrowsAsync<RespTransportException>(async () => await RespClient.ConnectAsync(tls.Options with { Tls = tls.Authority.Trusted }, Stop));
        output.WriteLine($"without: {without.Fault}: {without.Message}");
        using TlsServer stranger = new();
        X509Certificate2Collection foreign = [stranger.Client];
        RespTransportException refused = await Assert.ThrowsAsync<RespTransportException>(
            async () => await RespClient.ConnectAsync(tls.Options with { Tls = tls.Authority.Trusted with { ClientCertificates = foreign } }, Stop));
        output.WriteLine($"another's: {refused.Fault}: {refused.Message}");
        Assert.All([without, refused], failed => Assert.True(failed.Fault is RespTransportFault.TlsFailed or RespTransportFault.Reset, failed.ToString()));
    }

    // The handshake of TLS is work for the restarted server, and a place where bytes of two connections could be mixed up.
    [Fact]
    public async Task Every_connection_comes_back_encrypted_after_a_restart_under_load()
    {
        await using TlsRedisServer tls = await StartAsync(demandsClientCertificate: true);
        await using LossUnderLoad load = await LossUnderLoad.BeginAsync(tls.Server, tls.Options with { Connections = 4 }, callers: 64, Stop);
        for (int round = 0; round < 2; round++)
        {
            await Task.Delay(100, Stop);
            TimeSpan[] served = await load.KillAndRestartAsync(TimeSpan.FromMilliseconds(round * 600), Stop);
            output.WriteLine($"the first served {served.Min().TotalMilliseconds:F0} ms after the server listened, the last {served.Max().TotalMilliseconds:F0} ms");
            Assert.True(served.Max() < TimeSpan.FromSeconds(10), $"{served.Max()}");
        }

        LoadCounts counts = load.Counts;
        output.WriteLine($"{counts}");
        Assert.Equal((0, 0), (counts.Wrong, counts.Other));
        Assert.True(counts.Right > 100 && counts.Lost > 0);
    }

    private static async Task<TlsRedisServer> StartAsync(bool demandsClientCertificate)
    {
        (TlsRedisServer? server, string reason) = await TlsRedisServer.TryStartAsync(demandsClientCertificate, Stop);
        Assert.SkipWhen(server is null, reason);
        return server!;
    }

    /// <summary>Passes bytes on, and keeps what each client began with.</summary>
    private sealed class HelloReader : IDisposable
    {
        private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
        private readonly Task _accepting;
        private readonly int _to;

        public HelloReader(int to)
        {
            _to = to;
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            _accepting = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public List<byte[]> Seen { get; } = [];

        public void Dispose()
        {
            _listener.Dispose();
            Assert.True(_accepting.Wait(Patience.Long));
        }

        private async Task AcceptAsync()
        {
            List<Task> pumps = [];
            try
            {
                while (true)
                    pumps.Add(PassAsync(await _listener.AcceptAsync()));
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
            {
                await Task.WhenAll(pumps);
            }
        }

        private async Task PassAsync(Socket client)
        {
            using NetworkStream outside = new(client, ownsSocket: true);
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, _to);
            using NetworkStream inside = new(socket, ownsSocket: true);
            byte[] hello = new byte[4096];
            int length = await outside.ReadAsync(hello);
            lock (Seen)
                Seen.Add(hello[..length]);
            await inside.WriteAsync(hello.AsMemory(0, length));
            await Task.WhenAll(PumpAsync(outside, inside), PumpAsync(inside, outside));
        }

        private static async Task PumpAsync(NetworkStream from, NetworkStream to)
        {
            try
            {
                await from.CopyToAsync(to);
            }
            catch (Exception gone) when (gone is IOException or ObjectDisposedException)
            {
                // One side is gone.
            }

            // So is the other, then.
            from.Dispose();
            to.Dispose();
        }
    }
}
