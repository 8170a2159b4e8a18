using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Sluice.Resp.Tests.Connection;

/// <summary>A server whose sessions a test holds in its hands, over any of the wires.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly Channel<ServerSession> _sessions = Channel.CreateUnbounded<ServerSession>();
    private readonly List<ServerSession> _all = [];
    private readonly Socket? _listener;
    private readonly Task _accepting = Task.CompletedTask;

    public ScriptedServer(Wire wire)
    {
        if (wire == Wire.Pipes)
        {
            Transport = new RespPipeTransport((_, _) => ValueTask.FromResult<IDuplexPipe>(MakePipes()));
            return;
        }

        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Endpoint = RespEndpoint.Tcp("127.0.0.1", ((IPEndPoint)_listener.LocalEndPoint!).Port);
        _accepting = AcceptAsync(_listener);
        Transport = wire == Wire.Sockets ? new RespSocketTransport() : new RespPipeTransport(ConnectStreamAsync);
    }

    public IRespTransport Transport { get; }

    public RespEndpoint Endpoint { get; } = RespEndpoint.Tcp("in.memory", 1);

    /// <summary>The next connection that a client makes.</summary>
    public async Task<ServerSession> AcceptAsync() => await _sessions.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);

    /// <summary>Answers every command of every connection from here on.</summary>
    public Task ServeAsync(Func<string[], string?> answer) => EachAsync((number, session) => _ = session.ServeAsync(answer));

    /// <summary>Takes every connection from here on, with its number.</summary>
    public Task EachAsync(Action<int, ServerSession> begin) => Task.Run(async () =>
    {
        int number = 0;
        await foreach (ServerSession session in _sessions.Reader.ReadAllAsync())
            begin(number++, session);
    });

    public async ValueTask DisposeAsync()
    {
        _listener?.Dispose();
        await _accepting;
        _sessions.Writer.TryComplete();
        lock (_all)
            _all.ForEach(static session => session.Dispose());
    }

    private static async ValueTask<IDuplexPipe> ConnectStreamAsync(RespEndpoint endpoint, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, endpoint.Port, cancellationToken);
        return new StreamDuplex(new NetworkStream(socket, ownsSocket: true));
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptAsync();
                socket.NoDelay = true;
                NetworkStream stream = new(socket, ownsSocket: true);
                Add(new ServerSession(stream, stream, stream.Dispose));
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private PipePair MakePipes()
    {
        Pipe toServer = new(), toClient = new();
        Add(new ServerSession(toServer.Reader.AsStream(), toClient.Writer.AsStream(), () =>
        {
            toServer.Reader.Complete();
            toClient.Writer.Complete();
        }));
        return new PipePair(toClient.Reader, toServer.Writer);
    }

    private void Add(ServerSession session)
    {
        lock (_all)
            _all.Add(session);
        _sessions.Writer.TryWrite(session);
    }

    private sealed record PipePair(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class StreamDuplex(Stream stream) : IDuplexPipe, IDisposable
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 128, minimumReadSize: 16, leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));

        public void Dispose() => stream.Dispose();
    }
}
