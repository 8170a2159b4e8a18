using System.IO.Pipelines;
using System.Net.Sockets;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class ShutdownTests
{
    // A connection that is given up by another thread must not leave its reader in the kernel for ever.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_blocked_reader_wakes_when_another_thread_ends_the_connection(bool dispose)
    {
        for (int round = 0; round < 50; round++)
        {
            await using Connected pair = await Connected.MakeAsync();
            using ManualResetEventSlim reading = new();
            string? outcome = null;
            Thread reader = new(() =>
            {
                reading.Set();
                outcome = OutcomeOf(pair.Input);
            });
            reader.Start();
            reading.Wait();

            // From "not yet in the call" to "asleep in the kernel": every moment may be the one.
            Thread.SpinWait(round * 2_000);
            if (dispose)
                await pair.Client.DisposeAsync();
            else
                pair.Client.Shutdown();

            Assert.True(reader.Join(Connected.Patience), "The reader still waits.");
            Assert.Contains(outcome, (string[])["end", nameof(RespTransportFault.ShutDown)]);
        }
    }

    // A write that waits for a peer that never reads must end with the connection.
    [Fact]
    public async Task A_pending_write_ends_when_the_connection_is_shut_down()
    {
        await using Connected pair = await Connected.MakeAsync();
        Task<FlushResult> writing = pair.Output.WriteAsync(new byte[32_000_000]).AsTask();
        Assert.False(writing.IsCompleted);

        pair.Client.Shutdown();

        RespTransportException ended = await Assert.ThrowsAsync<RespTransportException>(() => writing.WaitAsync(Connected.Patience));
        Assert.Equal(RespTransportFault.ShutDown, ended.Fault);
    }

    // Shutting down is what every fault leads to, on whichever thread saw it first: it must bear repetition, in any order with disposal.
    [Fact]
    public async Task Shutting_down_and_disposing_bear_repetition()
    {
        await using Connected pair = await Connected.MakeAsync();
        pair.Client.Shutdown();
        pair.Client.Shutdown();
        await pair.Client.DisposeAsync();
        await pair.Client.DisposeAsync();
        pair.Client.Shutdown();

        Assert.Equal(RespTransportFault.ShutDown, (await Assert.ThrowsAsync<RespTransportException>(() => pair.Output.WriteAsync("abc"u8.ToArray()).AsTask())).Fault);
        Assert.Equal(nameof(RespTransportFault.ShutDown), OutcomeOf(pair.Input));
    }

    // A half-closed connection still delivers in the other direction: the end comes after the last byte, and writing goes on.
    [Fact]
    public async Task A_half_close_by_the_peer_is_the_end_of_the_stream_and_no_fault()
    {
        await using Connected pair = await Connected.MakeAsync();
        pair.Server.Send("abc"u8);
        pair.Server.Shutdown(SocketShutdown.Send);

        Assert.Equal("abc"u8.ToArray(), Connected.Take(pair.Input));
        ReadResult end = Connected.Read(pair.Input);
        Assert.True(end.IsCompleted);
        Assert.True(end.Buffer.IsEmpty);
        pair.Input.AdvanceTo(end.Buffer.End);

        await pair.Output.WriteAsync("def"u8.ToArray());
        Assert.Equal("def"u8.ToArray(), pair.ServerTakes(3));
    }

    // A reset must be told from an orderly end: what was answered is known after the one, not after the other.
    [Fact]
    public async Task A_reset_by_the_peer_is_a_fault_of_its_own()
    {
        await using Connected pair = await Connected.MakeAsync();
        pair.Server.LingerState = new LingerOption(true, 0);
        pair.Server.Dispose();

        Assert.Equal(nameof(RespTransportFault.Reset), OutcomeOf(pair.Input));
        RespTransportException writing = await Assert.ThrowsAsync<RespTransportException>(() => pair.Output.WriteAsync("abc"u8.ToArray()).AsTask());
        Assert.Equal(RespTransportFault.Reset, writing.Fault);
    }

    private static string OutcomeOf(PipeReader reader)
    {
        Task<ReadResult> reading = reader.ReadAsync().AsTask();
        try
        {
            return reading.GetAwaiter().GetResult().IsCompleted ? "end" : "bytes";
        }
        catch (RespTransportException broken)
        {
            return broken.Fault.ToString();
        }
    }
}
