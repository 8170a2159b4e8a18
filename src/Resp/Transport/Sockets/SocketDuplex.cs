using System.IO.Pipelines;
using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>One connected socket, with or without TLS.</summary>
internal sealed class SocketDuplex(PolledSocket socket, IByteSource source, IByteSink sink, IDisposable? encryption) : IRespDuplex
{
    private readonly SocketPipeWriter _output = new(sink);

    public PipeReader Input { get; } = new SocketPipeReader(source);

    public PipeWriter Output => _output;

    /// <summary>For its options and addresses.</summary>
    public Socket Socket => socket.Socket;

    public void Shutdown()
    {
        socket.Shutdown();
        _output.Stop();
    }

    /// <summary>
    /// Shuts down and closes. A reader that is still blocked wakes up and may come back to <see cref="Input"/> afterwards: it finds the end. Buffers that it
    /// held and did not give back with Complete are left to the collector.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        Shutdown();
        socket.Dispose();
        encryption?.Dispose();
        return ValueTask.CompletedTask;
    }
}
