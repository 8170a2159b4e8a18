using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

/// <summary>Accepts one connection on a thread of its own and sends back what it gets, until it ends. Nothing of it needs the thread pool.</summary>
internal sealed class EchoServer : IDisposable
{
    private readonly Socket _listener = Connected.Listen();
    private readonly Thread _thread;
    private Socket? _accepted;

    public EchoServer(TlsServer? tls)
    {
        Endpoint = Connected.EndpointOf(_listener);
        _thread = new Thread(() => Serve(tls)) { IsBackground = true };
        _thread.Start();
    }

    public RespEndpoint Endpoint { get; }

    public void Dispose()
    {
        _listener.Dispose();
        _accepted?.Dispose();
        Assert.True(_thread.Join(Connected.Patience));
    }

    private void Serve(TlsServer? tls)
    {
        try
        {
            using Socket socket = _accepted = _listener.Accept();
            using Stream stream = Open(socket, tls);
            byte[] buffer = new byte[64 * 1024];
            while (stream.Read(buffer) is > 0 and int count)
                stream.Write(buffer, 0, count);
        }
        catch (Exception ended) when (ended is AuthenticationException or IOException or SocketException or ObjectDisposedException)
        {
            // The other side, or the end of the test.
        }
    }

    private static Stream Open(Socket socket, TlsServer? tls)
    {
        NetworkStream plain = new(socket);
        if (tls is null)
            return plain;
        SslStream encrypted = new(plain);
        encrypted.AuthenticateAsServer(tls.ServerTerms());
        return encrypted;
    }
}
