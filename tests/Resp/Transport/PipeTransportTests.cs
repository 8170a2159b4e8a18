using System.IO.Pipelines;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class PipeTransportTests
{
    // The promise of the seam: whatever makes a duplex pipe is a transport, and shutting it down frees its reader.
    [Fact]
    public async Task Any_duplex_pipe_becomes_a_transport()
    {
        Pipe toServer = new(), toClient = new();
        Pair made = new(toClient.Reader, toServer.Writer);
        RespPipeTransport transport = new((_, _) => ValueTask.FromResult<IDuplexPipe>(made));
        IRespDuplex duplex = await transport.ConnectAsync(RespEndpoint.Tcp("anywhere", 1), CancellationToken.None);

        await duplex.Output.WriteAsync("abc"u8.ToArray());
        Assert.Equal("abc"u8.ToArray(), Connected.Take(toServer.Reader));
        ValueTask<ReadResult> reading = duplex.Input.ReadAsync();
        Assert.False(reading.IsCompleted);

        duplex.Shutdown();

        Assert.True((await reading.AsTask().WaitAsync(Connected.Patience)).IsCanceled);
        await duplex.DisposeAsync();
        Assert.True(made.Disposed);
        Assert.True(Connected.Read(toServer.Reader).IsCompleted);
    }

    // A duplex that already is what the client needs must not be wrapped: its own way of shutting down is better.
    [Fact]
    public async Task A_duplex_is_taken_as_it_is()
    {
        await using Connected pair = await Connected.MakeAsync();
        RespPipeTransport transport = new((_, _) => ValueTask.FromResult<IDuplexPipe>(pair.Client));

        Assert.Same(pair.Client, await transport.ConnectAsync(RespEndpoint.Unix("/x"), CancellationToken.None));
    }

    // Endpoints are keys of dictionaries and parts of messages.
    [Fact]
    public void Endpoints_are_values_and_print_as_they_are_written()
    {
        Assert.Equal(RespEndpoint.Tcp("a", 1), RespEndpoint.Tcp("a", 1));
        Assert.NotEqual(RespEndpoint.Tcp("a", 1), RespEndpoint.Tcp("a", 2));
        Assert.Equal("a:1", RespEndpoint.Tcp("a", 1).ToString());
        Assert.Equal("[::1]:6379", RespEndpoint.Tcp("::1", 6379).ToString());
        Assert.Equal("unix:/run/redis.sock", RespEndpoint.Unix("/run/redis.sock").ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => RespEndpoint.Tcp("a", 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RespEndpoint.Tcp("a", 65_536));
        Assert.Throws<ArgumentException>(() => RespEndpoint.Tcp(" ", 1));
        Assert.Throws<ArgumentException>(() => RespEndpoint.Unix(""));
    }

    private sealed class Pair(PipeReader input, PipeWriter output) : IDuplexPipe, IDisposable
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;

        public bool Disposed { get; private set; }

        public void Dispose() => Disposed = true;
    }
}
