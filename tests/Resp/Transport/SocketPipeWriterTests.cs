using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class SocketPipeWriterTests
{
    private const int MoreThanTheKernelTakes = 32_000_000;

    // Bytes from the writer's memory come before those from the caller's: swapped, the stream is garbage.
    [Fact]
    public async Task Written_and_given_bytes_leave_in_order()
    {
        await using Connected pair = await Connected.MakeAsync();
        "abc"u8.CopyTo(pair.Output.GetSpan(3));
        pair.Output.Advance(3);
        byte[] large = new byte[200_000];
        new Random(1).NextBytes(large);
        pair.Output.Write(large);
        Assert.Equal(3 + large.Length, pair.Output.UnflushedBytes);

        await pair.Output.WriteAsync("def"u8.ToArray());

        Assert.Equal(0, pair.Output.UnflushedBytes);
        Assert.Equal([.. "abc"u8, .. large, .. "def"u8], pair.ServerTakes(6 + large.Length));
    }

    // A small write that waited for another thread would cost its wake-up each time.
    [Fact]
    public async Task A_write_that_the_kernel_takes_has_ended_when_it_returns()
    {
        await using Connected pair = await Connected.MakeAsync();

        ValueTask<FlushResult> writing = pair.Output.WriteAsync("abc"u8.ToArray());

        Assert.True(writing.IsCompletedSuccessfully);
        Assert.Equal(default, await writing);
        Assert.Equal("abc"u8.ToArray(), pair.ServerTakes(3));
    }

    // A peer that does not read must hold up the writer's task, not the thread that called it, and no byte may be lost or doubled in between.
    [Fact]
    public async Task A_peer_that_does_not_read_leaves_the_write_pending_until_it_does()
    {
        await using Connected pair = await Connected.MakeAsync();
        byte[] bytes = new byte[MoreThanTheKernelTakes];
        new Random(2).NextBytes(bytes);

        for (int round = 0; round < 2; round++)
        {
            ValueTask<FlushResult> writing = pair.Output.WriteAsync(bytes);
            Assert.False(writing.IsCompleted);
            Task<FlushResult> ended = writing.AsTask();
            Assert.Throws<InvalidOperationException>(() => { _ = pair.Output.WriteAsync("x"u8.ToArray()).AsTask(); });

            Assert.Equal(bytes, pair.ServerTakes(bytes.Length));
            Assert.Equal(default, await ended.WaitAsync(Connected.Patience));
        }
    }

    // A continuation that goes on writing must find the writer free, on the writer's own thread, however often it happens.
    [Fact]
    public async Task Pending_writes_follow_each_other()
    {
        await using Connected pair = await Connected.MakeAsync(new RespTransportOptions { SendBufferBytes = 4096 });
        const int Writes = 300, Bytes = 40_000;
        Task<int> pendings = WriteManyAsync();
        byte[] received = pair.ServerTakes(Writes * Bytes);

        Assert.InRange(await pendings.WaitAsync(Connected.Patience), 1, Writes);
        for (int i = 0; i < Writes; i++)
            Assert.True(received.AsSpan(i * Bytes, Bytes).IndexOfAnyExcept((byte)i) < 0, $"write {i}");

        async Task<int> WriteManyAsync()
        {
            int pending = 0;
            byte[] bytes = new byte[Bytes];
            for (int i = 0; i < Writes; i++)
            {
                Array.Fill(bytes, (byte)i); // the memory is the caller's again after each write
                ValueTask<FlushResult> writing = pair.Output.WriteAsync(bytes);
                pending += writing.IsCompleted ? 0 : 1;
                await writing.ConfigureAwait(false);
            }

            return pending;
        }
    }

    // Cancelling frees the caller and its memory, and must not tear a hole into the stream.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cancelled_write_goes_out_before_the_next_one(bool byToken)
    {
        await using Connected pair = await Connected.MakeAsync();
        byte[] bytes = new byte[MoreThanTheKernelTakes];
        new Random(3).NextBytes(bytes);
        byte[] expected = [.. bytes, .. "end"u8];
        using CancellationTokenSource source = new();

        Task<FlushResult> writing = pair.Output.WriteAsync(bytes, source.Token).AsTask();
        Assert.False(writing.IsCompleted);
        if (byToken)
        {
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Connected.Patience));
        }
        else
        {
            pair.Output.CancelPendingFlush();
            Assert.True((await writing.WaitAsync(Connected.Patience)).IsCanceled);
        }

        Array.Clear(bytes);
        Task<FlushResult> next = pair.Output.WriteAsync("end"u8.ToArray(), CancellationToken.None).AsTask();
        Assert.Equal(expected, pair.ServerTakes(expected.Length));
        Assert.Equal(default, await next.WaitAsync(Connected.Patience));
    }

    // A cancellation that comes before the write belongs to the next one, which must say so and still send.
    [Fact]
    public async Task A_cancellation_between_writes_marks_the_next_one()
    {
        await using Connected pair = await Connected.MakeAsync();
        pair.Output.CancelPendingFlush();

        Assert.True((await pair.Output.WriteAsync("abc"u8.ToArray())).IsCanceled);
        Assert.False((await pair.Output.WriteAsync("def"u8.ToArray())).IsCanceled);
        Assert.Equal("abcdef"u8.ToArray(), pair.ServerTakes(6));
    }

    // What was written and not flushed is part of the stream when the writer completes.
    [Fact]
    public async Task Completing_flushes()
    {
        await using Connected pair = await Connected.MakeAsync();
        byte[] bytes = new byte[MoreThanTheKernelTakes / 4];
        new Random(4).NextBytes(bytes);
        pair.Output.Write(bytes);

        Task completing = pair.Output.CompleteAsync().AsTask();

        Assert.Equal(bytes, pair.ServerTakes(bytes.Length));
        await completing.WaitAsync(Connected.Patience);
        Assert.Throws<InvalidOperationException>(() => pair.Output.GetMemory());
    }

    // The race that ManualResetValueTaskSourceCore resolves with the thread pool: the write ends between IsCompleted and OnCompleted.
    [Fact]
    public async Task A_continuation_that_comes_after_the_end_runs_on_the_writers_thread()
    {
        ManualSink sink = new();
        SocketPipeWriter writer = new(sink);
        ValueTask<FlushResult> writing = writer.WriteAsync("abc"u8.ToArray());
        Assert.False(writing.IsCompleted);
        sink.Open.Set();
        Assert.True(SpinWait.SpinUntil(() => writing.IsCompleted, Connected.Patience));

        TaskCompletionSource<string?> ranOn = new();
        IValueTaskSource<FlushResult> awaited = writer;
        awaited.OnCompleted(_ => ranOn.SetResult(Thread.CurrentThread.Name), null, token: 0, ValueTaskSourceOnCompletedFlags.None);

        Assert.Equal("sluice-resp-send", await ranOn.Task.WaitAsync(Connected.Patience));
        Assert.Equal(default, await writing);
        writer.Stop();
    }

    private sealed class ManualSink : IByteSink
    {
        public ManualResetEventSlim Open { get; } = new();

        public bool TrySend(ref ReadOnlyMemory<byte> remaining)
        {
            if (!Open.IsSet)
                return false;
            remaining = default;
            return true;
        }

        public void WaitWritable() => Open.Wait();
    }
}
