using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Sluice.Resp.Transport;

/// <summary>The bytes of a socket, encrypted. Waits as the socket does: in the kernel, on the calling thread.</summary>
internal sealed class TlsBytes : IByteSource, IByteSink, IDisposable
{
    // One record of TLS; more would only be cut into several.
    private const int RecordBytes = 16 * 1024;

    private readonly PolledSocket _socket;
    private readonly WireStream _wire;
    private readonly SslStream _tls;

    public TlsBytes(PolledSocket socket)
    {
        _socket = socket;
        _wire = new WireStream(socket);
        _tls = new SslStream(_wire, leaveInnerStreamOpen: true);
    }

    /// <summary>Performs the handshake; blocks the calling thread for as long as <paramref name="limit"/>.</summary>
    /// <exception cref="RespTransportException">The handshake failed or took too long.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Authenticate(RespEndpoint endpoint, RespTlsOptions options, TimeSpan limit, CancellationToken cancellationToken)
    {
        string target = options.TargetHost ?? endpoint.Host ?? throw new RespTransportException(
            RespTransportFault.TlsFailed, $"{endpoint} has no host name to check the certificate against: set {nameof(RespTlsOptions)}.{nameof(RespTlsOptions.TargetHost)}.");
        _wire.BeginHandshake(limit, cancellationToken);
        try
        {
            _tls.AuthenticateAsClient(Terms(options, target));
        }
        catch (Exception failed)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw _wire.DeadlinePassed ? TransportFaults.TimedOut(endpoint, "The TLS handshake with", limit, failed)
                : failed is RespTransportException broken ? broken
                : new RespTransportException(RespTransportFault.TlsFailed, $"The TLS handshake with {endpoint} failed: {failed.Message}", failed);
        }

        _wire.EndHandshake();
    }

    public void WaitReadable() => Read([]);

    public int Receive(Span<byte> destination) => Read(destination);

    public bool TrySend(ref ReadOnlyMemory<byte> remaining)
    {
        while (_wire.TrySendKept())
        {
            if (remaining.IsEmpty)
                return true;
            int count = Math.Min(remaining.Length, RecordBytes);
            try
            {
                _tls.Write(remaining.Span[..count]);
            }
            catch (Exception failed) when (failed is not RespTransportException)
            {
                throw Broken(failed);
            }

            remaining = remaining[count..];
        }

        return false;
    }

    public void WaitWritable() => _socket.WaitWritable();

    public void Dispose()
    {
        _tls.Dispose();
        _wire.Dispose();
    }

    private static SslClientAuthenticationOptions Terms(RespTlsOptions options, string target)
    {
        SslClientAuthenticationOptions terms = new()
        {
            TargetHost = target,
            EnabledSslProtocols = options.Protocols,
            AllowRenegotiation = false,
            RemoteCertificateValidationCallback = options.CertificateValidation,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (options.ClientCertificates is { Count: > 0 } own)
            terms.ClientCertificateContext = SslStreamCertificateContext.Create(own[0], [.. own.Skip(1)], offline: true);
        if (options.TrustedRoots is { } roots)
        {
            terms.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true, // a connect asks nobody else
            };
            terms.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        return terms;
    }

    private int Read(Span<byte> destination)
    {
        try
        {
            return _tls.Read(destination);
        }
        catch (Exception failed) when (failed is not RespTransportException)
        {
            throw Broken(failed);
        }
    }

    private RespTransportException Broken(Exception failed) =>
        _socket.IsShutDown || failed is ObjectDisposedException
            ? new RespTransportException(RespTransportFault.ShutDown, "The connection had been shut down by this side.", failed)
            : new RespTransportException(RespTransportFault.TlsFailed, $"What arrived is no intact TLS, or ended in the middle of it: {failed.Message}", failed);
}
