using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class TlsTests
{
    // Each byte must come out as it went in, and a reader must not keep back what TLS has already decrypted.
    [Fact]
    public async Task Encrypted_bytes_arrive_in_both_directions()
    {
        using TlsServer tls = new();
        using EchoServer server = new(tls);
        await using IRespDuplex duplex = await ConnectAsync(server.Endpoint, tls.Trusted);
        byte[] bytes = new byte[5_000_000];
        new Random(6).NextBytes(bytes);

        foreach (int length in (int[])[1, 16_384, 16_385, 300_000, bytes.Length])
        {
            Task<FlushResult> writing = duplex.Output.WriteAsync(bytes.AsMemory(0, length)).AsTask();
            byte[] echoed = await Task.Run(() => TakeExactly(duplex.Input, length));

            Assert.Equal(bytes[..length], echoed);
            Assert.Equal(default, await writing.WaitAsync(Connected.Patience));
        }
    }

    // Servers behind one address choose their certificate by the name: without it the wrong one answers.
    [Fact]
    public async Task The_server_sees_the_name_that_was_asked_for()
    {
        using TlsServer tls = new();
        using EchoServer server = new(tls);
        await using IRespDuplex duplex = await ConnectAsync(server.Endpoint, tls.Trusted);
        await EchoAsync(duplex);

        Assert.Equal(TlsServer.Name, tls.SeenName);
    }

    // An authority that nobody named must not be believed, by the system's list or by another one.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_of_an_unknown_authority_is_refused(bool namedAnother)
    {
        using TlsServer tls = new(), other = new();
        using EchoServer server = new(tls);

        RespTransportException failed = await Assert.ThrowsAsync<RespTransportException>(
            async () => await ConnectAsync(server.Endpoint, new RespTlsOptions { TargetHost = TlsServer.Name, TrustedRoots = namedAnother ? [other.Root] : null }));

        Assert.Equal(RespTransportFault.TlsFailed, failed.Fault);
    }

    // Trusted, but somebody else's: without the check anyone with a certificate of the same authority can pose as the server.
    [Fact]
    public async Task A_certificate_for_another_name_is_refused()
    {
        using TlsServer tls = new();
        using EchoServer server = new(tls);

        RespTransportException failed = await Assert.ThrowsAsync<RespTransportException>(
            async () => await ConnectAsync(server.Endpoint, tls.Trusted with { TargetHost = "another.example" }));

        Assert.Equal(RespTransportFault.TlsFailed, failed.Fault);
    }

    // The last word is the caller's, and it must be told what the checks found.
    [Fact]
    public async Task The_callers_own_check_decides()
    {
        using TlsServer tls = new();
        using EchoServer server = new(tls);
        SslPolicyErrors? told = null;
        RespTlsOptions options = new() { TargetHost = "another.example", CertificateValidation = (_, _, _, errors) => (told = errors) is not null };

        await using IRespDuplex duplex = await ConnectAsync(server.Endpoint, options);
        await EchoAsync(duplex);

        Assert.Equal(SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateChainErrors, told);
    }

    // A server that demands a certificate must get it; one that does not get it must not be used as if it had.
    [Fact]
    public async Task A_demanded_client_certificate_is_shown()
    {
        using TlsServer tls = new() { DemandsClientCertificate = true };
        using EchoServer server = new(tls);
        await using IRespDuplex duplex = await ConnectAsync(server.Endpoint, tls.Trusted with { ClientCertificates = [tls.Client] });
        await EchoAsync(duplex);
        Assert.Equal("CN=client", tls.SeenClient);

        using EchoServer strict = new(tls);
        await Assert.ThrowsAsync<RespTransportException>(async () =>
        {
            // TLS 1.3 lets the client finish before the server has said no.
            await using IRespDuplex without = await ConnectAsync(strict.Endpoint, tls.Trusted);
            await EchoAsync(without);
        });
        using X509Certificate2 keyless = X509CertificateLoader.LoadCertificate(tls.Client.RawData);
        Assert.Throws<ArgumentException>(() => new RespSocketTransport(new RespTransportOptions { Tls = tls.Trusted with { ClientCertificates = [keyless] } }));
    }

    // A plain server behind a TLS address says nothing while the client waits for its hello.
    [Fact]
    public async Task A_silent_server_ends_the_handshake_with_a_time_out()
    {
        using TlsServer tls = new();
        using Socket listener = Connected.Listen();
        RespTransportException failed = await Assert.ThrowsAsync<RespTransportException>(
            async () => await ConnectAsync(Connected.EndpointOf(listener), tls.Trusted with { HandshakeTimeout = TimeSpan.FromMilliseconds(200) }));
        Assert.Equal(RespTransportFault.ConnectTimedOut, failed.Fault);

        using CancellationTokenSource cancellation = new();
        RespTransportOptions patient = new() { ConnectTimeout = TimeSpan.FromHours(1), Tls = tls.Trusted with { HandshakeTimeout = TimeSpan.FromHours(1) } };
        Task connecting = new RespSocketTransport(patient).ConnectAsync(Connected.EndpointOf(listener), cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(Connected.Patience));
    }

    // Something else than TLS in the stream must not reach the parser, nor look like an orderly end.
    [Fact]
    public async Task Bytes_that_are_not_tls_are_a_fault()
    {
        using TlsServer tls = new();
        using Socket listener = Connected.Listen();
        Task<Socket> accepting = listener.AcceptAsync();
        Task<IRespDuplex> connecting = ConnectAsync(Connected.EndpointOf(listener), tls.Trusted).AsTask();
        using Socket server = await accepting;
        server.Send("-ERR Protocol error, got \"\\x16\" from unauthenticated client\r\n"u8);

        Assert.Equal(RespTransportFault.TlsFailed, (await Assert.ThrowsAsync<RespTransportException>(() => connecting.WaitAsync(Connected.Patience))).Fault);
    }

    // As without TLS: whoever gives the connection up must get its reader back.
    [Fact]
    public async Task A_blocked_reader_wakes_when_the_connection_is_shut_down()
    {
        using TlsServer tls = new();
        using EchoServer server = new(tls);
        await using IRespDuplex duplex = await ConnectAsync(server.Endpoint, tls.Trusted);
        await EchoAsync(duplex);
        Exception? ended = null;
        bool end = false;
        Thread reader = new(() => ended = Record.Exception(() => end = Connected.Read(duplex.Input).IsCompleted));
        reader.Start();

        duplex.Shutdown();

        Assert.True(reader.Join(Connected.Patience), "The reader still waits.");
        Assert.True(end || ended is RespTransportException { Fault: RespTransportFault.ShutDown }, ended?.ToString());
    }

    // A Unix-domain socket has no name: to guess one would be to check nothing.
    [Fact]
    public async Task A_unix_socket_needs_a_name_to_check()
    {
        using TlsServer tls = new();
        using Harness.TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "tls.sock");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();

        RespTransportException failed = await Assert.ThrowsAsync<RespTransportException>(
            async () => await ConnectAsync(RespEndpoint.Unix(path), tls.Trusted with { TargetHost = null }));

        Assert.Contains(nameof(RespTlsOptions.TargetHost), failed.Message, StringComparison.Ordinal);
    }

    private static ValueTask<IRespDuplex> ConnectAsync(RespEndpoint endpoint, RespTlsOptions options) =>
        new RespSocketTransport(new RespTransportOptions { Tls = options, ConnectTimeout = Connected.Patience }).ConnectAsync(endpoint, CancellationToken.None);

    private static async Task EchoAsync(IRespDuplex duplex)
    {
        await duplex.Output.WriteAsync("abc"u8.ToArray());
        byte[] echoed = await Task.Run(() => TakeExactly(duplex.Input, 3)).WaitAsync(Connected.Patience);
        Assert.Equal("abc"u8.ToArray(), echoed);
    }

    private static byte[] TakeExactly(PipeReader reader, int length)
    {
        List<byte> taken = [];
        while (taken.Count < length)
        {
            byte[] part = Connected.Take(reader);
            if (part.Length == 0)
                throw new RespTransportException(RespTransportFault.Reset, "The stream ended.");
            taken.AddRange(part);
        }

        return [.. taken];
    }
}
