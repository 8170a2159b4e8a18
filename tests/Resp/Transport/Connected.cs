using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

/// <summary>A connection made by the transport under test, and the plain socket at its other end.</summary>
internal sealed class Connected : IAsyncDisposable
{
    /// <summary>Far more than anything here takes, on a machine that is busy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Connected(IRespDuplex client, Socket server)
    {
        Client = client;
        Server = server;
    }

    public IRespDuplex Client { get; }

    public Socket Server { get; }

    public PipeReader Input => Client.Input;

    public PipeWriter Output => Client.Output;

    public static async Task<Connected> MakeAsync(RespTransportOptions? options = null)
    {
        using Socket listener = Listen();
        Task<Socket> accepting = listener.AcceptAsync();
        IRespDuplex client = await new RespSocketTransport(options ?? new RespTransportOptions()).ConnectAsync(EndpointOf(listener), CancellationToken.None);
        return new Connected(client, await accepting);
    }

    public static Socket Listen()
    {
        Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    public static RespEndpoint EndpointOf(Socket listener) => RespEndpoint.Tcp("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port);

    /// <summary>Reads, which must end at once and not fail, and takes everything.</summary>
    public static byte[] Take(PipeReader reader)
    {
        ReadResult read = Read(reader);
        byte[] bytes = read.Buffer.ToArray();
        reader.AdvanceTo(read.Buffer.End);
        return bytes;
    }

    /// <summary>Reads on this thread: the task must have ended when it is returned.</summary>
    public static ReadResult Read(PipeReader reader)
    {
        Task<ReadResult> reading = reader.ReadAsync().AsTask();
        Assert.True(reading.IsCompleted, "A read that blocks its thread must have ended when it returns.");
        return reading.GetAwaiter().GetResult();
    }

    /// <summary>Exactly so many bytes from the plain end.</summary>
    public byte[] ServerTakes(int count)
    {
        byte[] bytes = new byte[count];
        Server.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        for (int got = 0; got < count;)
        {
            int received = Server.Receive(bytes, got, count - got, SocketFlags.None);
            Assert.NotEqual(0, received);
            got += received;
        }

        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        Server.Dispose();
    }
}
