using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Sluice.Resp;

/// <summary>How <see cref="RespSocketTransport"/> encrypts, whom it trusts and who it is. Immutable; the certificates stay the caller's.</summary>
public sealed record RespTlsOptions
{
    /// <summary>
    /// The name that the server is asked for (SNI) and that its certificate must carry. Null, the default: the endpoint's host; a Unix-domain socket
    /// has none and needs one here.
    /// </summary>
    public string? TargetHost { get; init; }

    /// <summary>
    /// The certificate authorities that are trusted, instead of the system's. Null, the default: the system's. A self-signed server certificate is
    /// trusted by naming itself. Revocation is not asked for.
    /// </summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>
    /// What the client shows if the server asks for a certificate: its own with the private key first, then the intermediate authorities that the server
    /// may need to trust it. Null or empty, the default: nothing.
    /// </summary>
    public X509Certificate2Collection? ClientCertificates { get; init; }

    /// <summary>
    /// Decides in place of the checks that follow from the other options; they are told in its last argument. Called on the connecting thread, once per
    /// connect. Null, the default: the certificate must be trusted, valid now and carry the name.
    /// </summary>
    public RemoteCertificateValidationCallback? CertificateValidation { get; init; }

    /// <summary>The versions that are allowed. Default: what the system thinks best, TLS 1.2 or 1.3 today.</summary>
    public SslProtocols Protocols { get; init; } = SslProtocols.None;

    /// <summary>The longest time for the handshake, within the time for the whole connect. Default 5 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The message names the option, its value and what is allowed.</exception>
    public void Validate()
    {
        if (HandshakeTimeout <= TimeSpan.Zero || HandshakeTimeout > TimeSpan.FromDays(1))
            throw new ArgumentOutOfRangeException(nameof(HandshakeTimeout), HandshakeTimeout, $"{nameof(RespTlsOptions)}.{nameof(HandshakeTimeout)} must be more than zero and at most a day.");
        if (TargetHost is { Length: 0 })
            throw new ArgumentException($"{nameof(RespTlsOptions)}.{nameof(TargetHost)} must be null or a name.", nameof(TargetHost));
        if (ClientCertificates is { Count: > 0 } && !ClientCertificates[0].HasPrivateKey)
            throw new ArgumentException($"{nameof(RespTlsOptions)}.{nameof(ClientCertificates)}: the first, {ClientCertificates[0].Subject}, has no private key.", nameof(ClientCertificates));
    }
}
