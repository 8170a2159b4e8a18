using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sluice.Resp.Tests.Transport;

/// <summary>A certificate authority made for one test, what it issued, and what the server saw.</summary>
internal sealed class TlsServer : IDisposable
{
    public const string Name = "redis.example";

    private readonly X509Certificate2 _server;

    public TlsServer()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=Test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        Root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _server = Issue("CN=server");
        Client = Issue("CN=client");
    }

    public X509Certificate2 Root { get; }

    /// <summary>A certificate with its key that the root has issued to a client.</summary>
    public X509Certificate2 Client { get; }

    /// <summary>Writes what a server of another process needs, as PEM.</summary>
    /// <returns>Directives of redis-server.</returns>
    public string[] WriteFiles(string folder)
    {
        string roots = Path.Combine(folder, "roots.crt"), certificate = Path.Combine(folder, "server.crt"), key = Path.Combine(folder, "server.key");
        File.WriteAllText(roots, Root.ExportCertificatePem());
        File.WriteAllText(certificate, _server.ExportCertificatePem());
        using ECDsa secret = _server.GetECDsaPrivateKey()!;
        File.WriteAllText(key, secret.ExportPkcs8PrivateKeyPem());
        return ["--tls-ca-cert-file", roots, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", DemandsClientCertificate ? "yes" : "no"];
    }

    /// <summary>The name that the last client asked for.</summary>
    public string? SeenName { get; private set; }

    /// <summary>The subject of the certificate that the last client showed.</summary>
    public string? SeenClient { get; private set; }

    public bool DemandsClientCertificate { get; init; }

    /// <summary>Options of a client that trusts the root and asks for the server by its name.</summary>
    public RespTlsOptions Trusted => new() { TrustedRoots = [Root], TargetHost = Name };

    public SslServerAuthenticationOptions ServerTerms() => new()
    {
        ClientCertificateRequired = DemandsClientCertificate,
        RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            SeenClient = certificate?.Subject;
            return certificate is not null || !DemandsClientCertificate;
        },
        ServerCertificateSelectionCallback = (_, name) =>
        {
            SeenName = name;
            return _server;
        },
    };

    public void Dispose()
    {
        Root.Dispose();
        Client.Dispose();
        _server.Dispose();
    }

    private X509Certificate2 Issue(string subject)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(Name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        using X509Certificate2 bare = request.Create(Root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), serial);
        return bare.CopyWithPrivateKey(key);
    }
}
