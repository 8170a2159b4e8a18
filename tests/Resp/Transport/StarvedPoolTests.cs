using System.IO.Pipelines;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

/// <summary>Alone, because it takes the thread pool away from everybody.</summary>
[CollectionDefinition(nameof(StarvedPoolCollection), DisableParallelization = true)]
public sealed class StarvedPoolCollection;

[Collection(nameof(StarvedPoolCollection))]
public sealed class StarvedPoolTests
{
    // Callers that block pool threads while they wait for replies starve the pool; a transport that needs it to go on deadlocks with them.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connecting_reading_and_writing_go_on_without_the_thread_pool(bool encrypted)
    {
        using TlsServer tls = new();
        using EchoServer server = new(encrypted ? tls : null);
        RespSocketTransport transport = new(new RespTransportOptions { SendBufferBytes = 8192, Tls = encrypted ? tls.Trusted : null });
        await Task.Yield();

        using StarvedPool starved = new();
        Exception? failure = null;
        Thread caller = new(() => failure = Record.Exception(() => Converse(transport, server.Endpoint)));
        caller.Start();
        bool ended = caller.Join(Connected.Patience);
        bool poolServed = starved.PoolServed;
        starved.Dispose();

        Assert.True(ended, "The transport waited for the thread pool.");
        Assert.Null(failure);
        Assert.False(poolServed, "The pool was not starved: the test proves nothing.");
    }

    private static void Converse(RespSocketTransport transport, RespEndpoint endpoint)
    {
        Task<IRespDuplex> connecting = transport.ConnectAsync(endpoint, CancellationToken.None).AsTask();
        Wait(connecting);
        IRespDuplex duplex = connecting.Result;
        byte[] bytes = new byte[8_000_000];
        new Random(5).NextBytes(bytes);
        int pending = 0;
        Task writing = WriteAsync();
        byte[] echoed = new byte[bytes.Length];
        for (int got = 0; got < echoed.Length;)
        {
            byte[] part = Connected.Take(duplex.Input);
            part.CopyTo(echoed, got);
            got += part.Length;
        }

        Wait(writing);
        Wait(duplex.DisposeAsync().AsTask());
        Assert.Equal(bytes, echoed);
        Assert.NotEqual(0, pending);

        async Task WriteAsync()
        {
            for (int sent = 0; sent < bytes.Length; sent += 1_000_000)
            {
                ValueTask<FlushResult> write = duplex.Output.WriteAsync(bytes.AsMemory(sent, 1_000_000));
                pending += write.IsCompleted ? 0 : 1;
                await write.ConfigureAwait(false);
            }
        }
    }

    // Blocks: an await of a task that ends at that very moment goes on in the thread pool.
    private static void Wait(Task task) => task.WaitAsync(Timeout.InfiniteTimeSpan).GetAwaiter().GetResult();
}
