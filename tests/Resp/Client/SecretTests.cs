using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Resp.Connection;
using Sluice.Resp.Tests.Connection;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Memory from a pool is anybody's next: a password must not be in it when it goes back.</summary>
public sealed class SecretTests
{
    private const string Password = "correct-horse-battery-staple";

    private static readonly byte[] Bytes = Encoding.UTF8.GetBytes(Password);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void A_send_buffer_wipes_every_array_that_held_a_secret()
    {
        SendBuffer buffer = new();
        buffer.Append(new byte[10_000]);
        buffer.Append(Bytes, isSecret: true);
        buffer.Append(new byte[20_000]);
        buffer.Append(Bytes, isSecret: true);
        ArraySegment<byte>[] arrays = [.. Enumerable.Range(0, buffer.Count).Select(index => Array(buffer[index]))];
        Assert.Equal(2, arrays.Length);
        Assert.All(arrays, array => Assert.True(Holds(array)));

        buffer.Clear();

        Assert.All(arrays, array => Assert.False(Holds(array)));
    }

    [Fact]
    public void A_slot_wipes_the_frame_that_waited_with_it()
    {
        SlotPool pool = new(16);
        ReplySlot slot = pool.Rent();
        slot.HoldsSecret = true;
        slot.KeepFrame(Bytes);
        ref byte kept = ref MemoryMarshal.GetReference(slot.Frame);
        Assert.Equal(Bytes, MemoryMarshal.CreateReadOnlySpan(ref kept, Bytes.Length).ToArray());

        slot.DropFrame();

        Assert.Equal(new byte[Bytes.Length], MemoryMarshal.CreateReadOnlySpan(ref kept, Bytes.Length).ToArray());
    }

    // Rotated credentials go out between other commands, from the buffer that all share.
    [Fact]
    public async Task New_credentials_leave_nothing_behind_in_what_was_sent()
    {
        RotatingCredentials credentials = new(new RespCredentials("me", "first"));
        TaskCompletionSource authenticated = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeServer server = new(command =>
        {
            if (command[0] == "AUTH" && command[2] == Password)
                authenticated.TrySetResult();
            return command[0] == "HELLO" ? "%0\r\n" : "+OK\r\n";
        });
        ConcurrentQueue<ArraySegment<byte>> held = [];
        RespPipeTransport transport = new(async (endpoint, cancellation) =>
        {
            IRespDuplex inner = await server.Transport.ConnectAsync(endpoint, cancellation);
            return new Pair(inner.Input, new Watched(inner.Output, memory =>
            {
                if (Holds(Array(memory)))
                    held.Enqueue(Array(memory));
            }));
        });
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { Transport = transport, CredentialsProvider = credentials }, Stop);

        credentials.Rotate(new RespCredentials("me", Password));

        await authenticated.Task.Soon();
        Assert.Single(held);
        // The writer may still be on its way back from the write that the server has answered.
        await Patience.UntilAsync(() => held.All(array => !Holds(array)), "the password is gone from the memory that was sent");
    }

    private static ArraySegment<byte> Array(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> array) ? array : throw new InvalidOperationException("Not an array.");

    private static bool Holds(ArraySegment<byte> array) => array.AsSpan().IndexOf(Bytes) >= 0;

    private sealed record Pair(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Shows what is written, where it is.</summary>
    private sealed class Watched(PipeWriter inner, Action<ReadOnlyMemory<byte>> onWrite) : PipeWriter
    {
        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            onWrite(source);
            return inner.WriteAsync(source, cancellationToken);
        }

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
    }
}
