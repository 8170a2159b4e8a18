using System.Buffers;
using System.IO.Pipelines;
using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class SocketPipeReaderTests
{
    // A reader that forgets what was not consumed loses the beginning of a reply; one that hands out consumed bytes again shifts every reply by one.
    [Fact]
    public void What_was_not_consumed_comes_again_and_what_was_does_not()
    {
        ScriptedSource source = new("abcdef"u8.ToArray(), "ghi"u8.ToArray());
        SocketPipeReader reader = new(source);

        ReadResult first = Connected.Read(reader);
        Assert.Equal("abcdef"u8.ToArray(), first.Buffer.ToArray());
        reader.AdvanceTo(first.Buffer.GetPosition(2), first.Buffer.End);
        ReadResult second = Connected.Read(reader);

        Assert.Equal("cdefghi"u8.ToArray(), second.Buffer.ToArray());
        reader.AdvanceTo(second.Buffer.End);
    }

    // A reader that waits although the caller has not looked at everything waits for a peer that waits for the caller.
    [Fact]
    public void A_read_returns_at_once_while_something_is_unexamined()
    {
        ScriptedSource source = new("abcdef"u8.ToArray());
        SocketPipeReader reader = new(source);
        ReadResult first = Connected.Read(reader);
        reader.AdvanceTo(first.Buffer.GetPosition(2), first.Buffer.GetPosition(4));

        ReadResult again = Connected.Read(reader);

        Assert.Equal("cdef"u8.ToArray(), again.Buffer.ToArray());
        Assert.Equal(1, source.Receives);
        reader.AdvanceTo(again.Buffer.Start, again.Buffer.End);
        Assert.False(reader.TryRead(out _));
    }

    // Any order of consuming and examining, any sizes of what arrives: the concatenation of the consumed is the stream, byte for byte.
    [Fact]
    public void Consumed_bytes_are_the_stream_whatever_the_sizes()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            Random random = new(seed);
            byte[] stream = new byte[random.Next(1, 400_000)];
            random.NextBytes(stream);
            SocketPipeReader reader = new(new ScriptedSource(Chop(stream, random)));
            ArrayBufferWriter<byte> consumed = new();
            while (true)
            {
                ReadResult read = Connected.Read(reader);
                long take = random.Next(3) switch { 0 => 0, 1 => random.NextInt64(read.Buffer.Length + 1), _ => read.Buffer.Length };
                long examine = take + random.NextInt64(read.Buffer.Length - take + 1);
                if (read.IsCompleted)
                    take = examine = read.Buffer.Length;
                foreach (ReadOnlyMemory<byte> part in read.Buffer.Slice(0, take))
                    consumed.Write(part.Span);
                reader.AdvanceTo(read.Buffer.GetPosition(take), read.Buffer.GetPosition(examine));
                if (read.IsCompleted)
                    break;
            }

            Assert.True(stream.AsSpan().SequenceEqual(consumed.WrittenSpan), $"seed {seed}");
            reader.Complete();
        }
    }

    // A large reply must be read into ever more buffers, not copied into ever larger ones, and each byte received once.
    [Fact]
    public void A_large_frame_is_a_chain_of_buffers()
    {
        byte[] stream = new byte[20_000_000];
        new Random(1).NextBytes(stream);
        ScriptedSource source = new(stream);
        SocketPipeReader reader = new(source);
        ReadResult read = Connected.Read(reader);
        byte[] firstSegment = Backing(read.Buffer);
        while (read.Buffer.Length < stream.Length)
        {
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = Connected.Read(reader);
        }

        Assert.Equal(stream, read.Buffer.ToArray());
        Assert.Same(firstSegment, Backing(read.Buffer));
        int segments = 0;
        foreach (ReadOnlyMemory<byte> _ in read.Buffer)
            segments++;
        Assert.InRange(segments, 2, 40);
        Assert.Equal(1, source.Waits); // a buffer that was filled to the brim is a reason to ask again, not to poll

        reader.AdvanceTo(read.Buffer.GetPosition(19_999_999), read.Buffer.End);
        Assert.False(reader.TryRead(out _));
        reader.Complete();
    }

    // Thousands of idle connections with a buffer each are hundreds of megabytes: what waits holds nothing.
    [Fact]
    public void Nothing_is_held_while_waiting_after_everything_was_consumed()
    {
        SocketPipeReader? reader = null;
        List<bool> held = [];
        ScriptedSource source = new("abc"u8.ToArray(), "de"u8.ToArray(), "f"u8.ToArray()) { OnWait = () => held.Add(reader!.HoldsBuffer) };
        reader = new SocketPipeReader(source);

        Connected.Take(reader);
        ReadResult partly = Connected.Read(reader);
        reader.AdvanceTo(partly.Buffer.GetPosition(1), partly.Buffer.End);
        Connected.Take(reader);
        Assert.True(Connected.Read(reader).IsCompleted);

        Assert.Equal([false, false, true, false], held);
    }

    // A wake-up without bytes (another kernel thread's business) must not be taken for the end.
    [Fact]
    public void A_wake_up_in_vain_is_no_end()
    {
        SocketPipeReader reader = new(new ScriptedSource([], [], "abc"u8.ToArray()));

        Assert.Equal("abc"u8.ToArray(), Connected.Take(reader));
    }

    // The end must be reported once the last bytes are out, again and again, and with what was not consumed.
    [Fact]
    public void The_end_of_the_stream_comes_with_what_is_left()
    {
        SocketPipeReader reader = new(new ScriptedSource("abc"u8.ToArray()));
        ReadResult read = Connected.Read(reader);
        Assert.False(read.IsCompleted);
        reader.AdvanceTo(read.Buffer.GetPosition(1), read.Buffer.End);

        for (int i = 0; i < 3; i++)
        {
            ReadResult end = Connected.Read(reader);
            Assert.True(end.IsCompleted);
            Assert.Equal("bc"u8.ToArray(), end.Buffer.ToArray());
            reader.AdvanceTo(end.Buffer.Start, end.Buffer.End);
        }
    }

    // What arrived before the reset is an answer; dropping it would make a known outcome unknown.
    [Fact]
    public void Bytes_that_came_before_a_fault_stay_readable()
    {
        SocketPipeReader reader = new(new ScriptedSource("abc"u8.ToArray()) { Fault = RespTransportFault.Reset });
        ReadResult read = Connected.Read(reader);
        reader.AdvanceTo(read.Buffer.Start, read.Buffer.GetPosition(2));
        Assert.True(reader.TryRead(out read));
        reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);

        Task<ReadResult> failing = reader.ReadAsync().AsTask();

        Assert.True(failing.IsFaulted);
        Assert.Equal(RespTransportFault.Reset, Assert.Throws<RespTransportException>(() => failing.GetAwaiter().GetResult()).Fault);
    }

    // Cancelling must end a read without ending the reader, and exactly one.
    [Fact]
    public void A_cancelled_read_says_so_once()
    {
        SocketPipeReader reader = new(new ScriptedSource("abc"u8.ToArray()));
        reader.CancelPendingRead();

        ReadResult cancelled = Connected.Read(reader);
        Assert.True(cancelled.IsCanceled);
        Assert.True(cancelled.Buffer.IsEmpty);
        reader.AdvanceTo(cancelled.Buffer.End);

        Assert.Equal("abc"u8.ToArray(), Connected.Take(reader));
    }

    // Misuse must be loud: a second read would hand out memory that the first one's sequence still shows.
    [Fact]
    public void Calls_out_of_turn_are_refused()
    {
        SocketPipeReader reader = new(new ScriptedSource("abc"u8.ToArray(), "def"u8.ToArray()));
        ReadResult read = Connected.Read(reader);

        Assert.Throws<InvalidOperationException>(() => reader.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => { _ = reader.ReadAsync().AsTask(); });
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.AdvanceTo(read.Buffer.End, read.Buffer.Start));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.AdvanceTo(new ReadOnlySequence<byte>(new byte[3]).Start));
        reader.AdvanceTo(read.Buffer.End);
        Assert.Throws<InvalidOperationException>(() => reader.AdvanceTo(read.Buffer.End));
        Assert.True(reader.ReadAsync(new CancellationToken(canceled: true)).AsTask().IsCanceled);
        reader.Complete();
        Assert.Throws<InvalidOperationException>(() => { _ = reader.ReadAsync().AsTask(); });
        reader.Complete();
    }

    private static byte[] Backing(in ReadOnlySequence<byte> sequence) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(sequence.First, out ArraySegment<byte> segment) ? segment.Array! : [];

    private static byte[][] Chop(byte[] stream, Random random)
    {
        List<byte[]> pieces = [];
        for (int start = 0; start < stream.Length;)
        {
            int length = Math.Min(stream.Length - start, random.Next(4) switch { 0 => 1, 1 => random.Next(1, 100), 2 => random.Next(1, 5_000), _ => random.Next(1, 90_000) });
            pieces.Add(stream[start..(start + length)]);
            start += length;
        }

        return [.. pieces];
    }

    /// <summary>Pieces that arrive one after the other; an empty one is a wake-up in vain. A piece that does not fit comes in parts without a wait between.</summary>
    private sealed class ScriptedSource(params byte[][] pieces) : IByteSource
    {
        private int _next;
        private int _used;

        public int Waits { get; private set; }

        public int Receives { get; private set; }

        public Action? OnWait { get; init; }

        public RespTransportFault? Fault { get; init; }

        public void WaitReadable()
        {
            Waits++;
            OnWait?.Invoke();
        }

        public int Receive(Span<byte> destination)
        {
            Receives++;
            if (_next == pieces.Length)
                return Fault is { } fault ? throw new RespTransportException(fault, "scripted") : 0;
            byte[] piece = pieces[_next];
            int count = Math.Min(destination.Length, piece.Length - _used);
            piece.AsSpan(_used, count).CopyTo(destination);
            _used += count;
            if (_used < piece.Length)
                return count;
            _used = 0;
            _next++;
            return piece.Length == 0 ? -1 : count;
        }
    }
}
