using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sluice.Resp;
using Sluice.Resp.Transport;

namespace Sluice.Allocations;

/// <summary>
/// A small write and the read of it at the other end of a connection, both by the transport and on one thread: on the loopback the bytes are there when the
/// write returns. Every thousandth is large, so that buffers are rented, chained and returned.
/// </summary>
internal sealed class TransportCase : AllocationCase
{
    private const int LargeBytes = 150_000;

    private readonly byte[] _small = new byte[32];
    private readonly byte[] _large = new byte[LargeBytes];
    private readonly IRespDuplex _client;
    private readonly SocketDuplex _server;

    public TransportCase()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();

        // The kernel must take a large write whole: nobody else reads.
        RespTransportOptions options = new() { SendBufferBytes = 4 * LargeBytes };
        RespEndpoint endpoint = RespEndpoint.Tcp("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port);
        _client = new RespSocketTransport(options).ConnectAsync(endpoint, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        PolledSocket accepted = new(listener.Accept());
        accepted.Socket.Blocking = false;
        _server = new SocketDuplex(accepted, accepted, accepted, encryption: null);
    }

    public override string Name => "RESP transport, write and read";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
            Pass(i % 1000 == 0 ? _large : _small);
    }

    public override void Dispose()
    {
        _client.Input.Complete();
        _server.Input.Complete();
        _client.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose();
    }

    private void Pass(byte[] bytes)
    {
        ValueTask<FlushResult> written = _client.Output.WriteAsync(bytes);
        if (!written.IsCompletedSuccessfully)
            throw new InvalidOperationException("The kernel did not take the bytes at once: nothing would be measured but its buffer.");
        _ = written.Result;
        while (true)
        {
            ValueTask<ReadResult> reading = _server.Input.ReadAsync();
            if (!reading.IsCompletedSuccessfully)
                throw new InvalidOperationException("A read that blocks its thread had not ended when it returned.");
            ReadResult read = reading.Result;
            if (read.Buffer.Length == bytes.Length)
            {
                _server.Input.AdvanceTo(read.Buffer.End);
                return;
            }

            _server.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}

/// <summary>A small exchange over TLS on one thread: a write and a read by the transport, a read and a write by the other end. It counts as four operations.</summary>
internal sealed class EncryptedTransportCase : AllocationCase
{
    private const string HostName = "allocations.example";

    private readonly byte[] _bytes = new byte[64];
    private readonly byte[] _received = new byte[64];
    private readonly IRespDuplex _client;
    private readonly SslStream _server;

    public EncryptedTransportCase()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=server", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(HostName);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        RespTransportOptions options = new() { Tls = new RespTlsOptions { TrustedRoots = [certificate], TargetHost = HostName } };
        Task<IRespDuplex> connecting = new RespSocketTransport(options)
            .ConnectAsync(RespEndpoint.Tcp("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port), CancellationToken.None).AsTask();
        Socket accepted = listener.Accept();
        accepted.NoDelay = true;
        _server = new SslStream(new NetworkStream(accepted, ownsSocket: true));
        _server.AuthenticateAsServer(certificate);
        _client = connecting.GetAwaiter().GetResult();
    }

    public override string Name => "RESP transport over TLS, write and read";

    public override void Run(int operations)
    {
        for (int done = 0; done < operations; done += 4)
        {
            ValueTask<FlushResult> written = _client.Output.WriteAsync(_bytes);
            if (!written.IsCompletedSuccessfully)
                throw new InvalidOperationException("The kernel did not take the bytes at once.");
            _ = written.Result;
            _server.ReadExactly(_received);
            _server.Write(_bytes);
            for (long got = 0; got < _bytes.Length;)
            {
                ValueTask<ReadResult> reading = _client.Input.ReadAsync();
                if (!reading.IsCompletedSuccessfully)
                    throw new InvalidOperationException("A read that blocks its thread had not ended when it returned.");
                ReadResult read = reading.Result;
                got += read.Buffer.Length;
                _client.Input.AdvanceTo(read.Buffer.End);
            }
        }
    }

    public override void Dispose()
    {
        _client.Input.Complete();
        _client.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _server.Dispose();
        base.Dispose();
    }
}
