using System.Globalization;
using Sluice.Harness;
using Sluice.Resp.Tests.Transport;

namespace Sluice.Resp.Tests.Client;

/// <summary>A real server that speaks TLS on one port and plain RESP on another, with certificates made for it.</summary>
internal sealed class TlsRedisServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;

    private TlsRedisServer(PrivateRedisServer server, TlsServer authority, TemporaryFolder folder, int port)
    {
        Server = server;
        Authority = authority;
        _folder = folder;
        Port = port;
    }

    public PrivateRedisServer Server { get; }

    /// <summary>Who issued the certificates.</summary>
    public TlsServer Authority { get; }

    /// <summary>Where it speaks TLS.</summary>
    public int Port { get; }

    /// <summary>Options of a client that may come in, by the name in the certificate.</summary>
    public RespClientOptions Options => RespClientOptions.Parse(string.Create(CultureInfo.InvariantCulture, $"rediss://127.0.0.1:{Port}")) with
    {
        Tls = Authority.Trusted with { ClientCertificates = [Authority.Client] },
    };

    /// <summary>Starts one.</summary>
    /// <returns>No server, and why, where there is none or one that was built without TLS.</returns>
    public static async Task<(TlsRedisServer? Server, string Reason)> TryStartAsync(bool demandsClientCertificate, CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } missing)
            return (null, missing);
        TlsServer authority = new() { DemandsClientCertificate = demandsClientCertificate };
        TemporaryFolder folder = new();
        int port = FreePort.Next();
        try
        {
            PrivateRedisServer server = await PrivateRedisServer.StartAsync(
                ["--tls-port", port.ToString(CultureInfo.InvariantCulture), .. authority.WriteFiles(folder.Path)], cancellationToken);
            return (new TlsRedisServer(server, authority, folder, port), "");
        }
        catch (InvalidOperationException refused) when (refused.Message.Contains("Bad directive", StringComparison.Ordinal))
        {
            authority.Dispose();
            folder.Dispose();
            return (null, "this redis-server was built without TLS");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Authority.Dispose();
        _folder.Dispose();
    }
}
