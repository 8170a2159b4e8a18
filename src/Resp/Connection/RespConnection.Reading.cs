using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Resp.Connection;

/// <summary>Takes one reply of a handshake. What it throws ends the connection.</summary>
internal delegate void HandshakeReply(int index, ref RespReader reply);

internal sealed partial class RespConnection
{
    // Slots that are settled by one read and not yet given to the dispatcher: a chain.
    private FrameScanner _scanner;
    private ReplySlot? _settledFirst;
    private ReplySlot? _settledLast;
    private int _settled;

    // Commands whose other form goes out as soon as there is room (see ReplyFallback). Only the reader changes it, under the lock: the clock looks at their deadlines.
    private Queue<ReplySlot>? _again;

    // Bytes of a frame that is not whole, and that the scanner has seen.
    private long _partial;

    // The same if that frame is a reply, 0 if it is a push. The reader writes it, the clock looks at it.
    private long _arrived;

    // Replies that came, those in the middle of a slot too. The reader writes it, the clock looks at it.
    private long _replies;

    /// <summary>When the handshake is too late, in the clock's milliseconds.</summary>
    public long HandshakeUntil { get; set; } = long.MaxValue;

    /// <summary>Reads that brought something.</summary>
    public long Reads { get; private set; }

    /// <summary>
    /// Writes frames and reads so many replies, on the link's thread before <see cref="Read"/>: nothing else is on the connection yet.
    /// </summary>
    public void Exchange(ReadOnlyMemory<byte> frames, int replies, HandshakeReply onReply)
    {
        Check(Blocking.Await(_transport.Output.WriteAsync(frames)));
        for (int index = 0; index < replies;)
        {
            ReadResult read = ReadSome();
            ReadOnlySequence<byte> buffer = read.Buffer;
            while (index < replies && _scanner.TryScan(buffer, out Frame frame))
            {
                RespReader reply = new(buffer.Slice(0, frame.Length));
                if (frame.Prefix == RespPrefix.Push)
                    _owner.OnPush(this, ref reply);
                else
                    onReply(index++, ref reply);
                buffer = buffer.Slice(frame.Length);
            }

            // What follows the last reply (a push) stays for the loop, unexamined.
            _transport.Input.AdvanceTo(buffer.Start, index < replies ? buffer.End : buffer.Start);
            if (index < replies)
                ThrowIfEnded(read);
        }
    }

    /// <summary>Reads until the connection is dead, on the link's thread.</summary>
    /// <returns>Why it died.</returns>
    public Exception Read()
    {
        try
        {
            while (true)
            {
                ReadResult read = ReadSome();
                ReadOnlySequence<byte> buffer = read.Buffer;
                SequencePosition consumed;
                try
                {
                    consumed = Consume(buffer);
                }
                finally
                {
                    // What was settled before a fault is a reply all the same.
                    DispatchSettled();
                }

                _transport.Input.AdvanceTo(consumed, buffer.End);
                if (_again is { Count: > 0 })
                    SendAgain();
                _owner.OnRoom();
                ThrowIfEnded(read);
            }
        }
        catch (Exception fault)
        {
            Fail(fault is RespException ? fault : new RespConnectionException("The connection broke while it was read.", CommandOutcome.Unknown, fault));
        }

        return Fault!;
    }

    /// <summary>Fails what is in flight or has not been sent. On the link's thread, after <see cref="Read"/> returned or instead of it.</summary>
    public void FailRest()
    {
        long handed, tail;
        lock (_gate)
        {
            _fault ??= new RespConnectionException("The connection was closed.");
            (handed, tail) = (_handed, _tail.Value);
            _append.Clear();
        }

        for (long position = _head.Value; position < tail; position++)
        {
            ReplySlot slot = _ring[position & _mask]!;
            _ring[position & _mask] = null;
            FailOne(slot, position < handed || slot.WasSent ? CommandOutcome.Unknown : CommandOutcome.NotSent);
        }

        Volatile.Write(ref _head.Value, tail);

        // Their other form did not go out, but the first did: the refusal may be a text that a script itself produced after it had done something.
        while (_again is { Count: > 0 })
            FailOne(TakeAgain(), CommandOutcome.Unknown);
        DispatchSettled();
    }

    private void FailOne(ReplySlot slot, CommandOutcome outcome)
    {
        string known = outcome == CommandOutcome.NotSent ? "the command was not sent" : "the command may have run";
        if (slot.TryFail(new RespConnectionException($"The connection was lost; {known}. {_fault!.Message}", outcome, _fault)))
            Settled(slot);
        slot.Release();
    }

    private ReadResult ReadSome()
    {
        ReadResult read = Blocking.Await(_transport.Input.ReadAsync());
        if (Fault is { } fault)
            throw fault is RespException ? fault : new RespConnectionException(fault.Message, fault);
        Volatile.Write(ref _lastRead, RespClock.Now);
        Reads++;
        return read;
    }

    private static void ThrowIfEnded(ReadResult read)
    {
        if (read.IsCompleted)
            throw new RespConnectionException("The server closed the connection.");
    }

    /// <summary>Takes all whole frames; the scanner keeps its place in one that is not whole.</summary>
    private SequencePosition Consume(in ReadOnlySequence<byte> buffer)
    {
        ReadOnlySpan<byte> span = buffer.FirstSpan;
        int at = 0;
        Frame frame;

        // What the scanner has seen already may end behind the first segment: then only the whole makes sense to it.
        if (_partial > span.Length)
            span = default;
        while (at < span.Length && _scanner.TryScan(span[at..], out frame))
        {
            RespReader reply = new(span.Slice(at, (int)frame.Length));
            Accept(ref reply, frame);
            at += (int)frame.Length;
        }

        if (buffer.IsSingleSegment)
        {
            Keep(span[at..], span.Length - at);
            return buffer.GetPosition(at);
        }

        ReadOnlySequence<byte> rest = buffer.Slice(at);
        while (!rest.IsEmpty && _scanner.TryScan(rest, out frame))
        {
            RespReader reply = new(rest.Slice(0, frame.Length));
            Accept(ref reply, frame);
            rest = rest.Slice(frame.Length);
        }

        Keep(rest.FirstSpan, rest.Length);
        return rest.Start;
    }

    /// <summary>Remembers how much of a frame has come.</summary>
    private void Keep(ReadOnlySpan<byte> begin, long length)
    {
        _partial = length;
        bool isPush = begin is [(byte)RespPrefix.Push, ..] || (_terms.ArraysArePushes && begin is [(byte)RespPrefix.Array, ..]);
        Volatile.Write(ref _arrived, isPush ? 0 : length);
    }

    private void Accept(ref RespReader reply, in Frame frame)
    {
        if (frame.Prefix == RespPrefix.Push || (frame.Prefix == RespPrefix.Array && _terms.ArraysArePushes && !IsPong(reply)))
        {
            TellPush(ref reply);
            return;
        }

        if (!frame.HasNestedPush)
        {
            AcceptReply(ref reply);
            return;
        }

        RespReader nested = reply;
        AcceptReply(ref reply);
        // Behind the reply: what the reply made somebody keep, an invalidation inside it takes away again. The other order could let a value outlive its invalidation.
        while (nested.TryReadNestedPush(out RespReader push))
            TellPush(ref push);
    }

    private void TellPush(ref RespReader push)
    {
        if (!_terms.TakesSubscriptions && IsConfirmation(push))
            throw new RespProtocolException("Somebody subscribed or unsubscribed on a connection that is shared by commands: the server answered with a push in place of a reply, and from here on replies would reach the wrong callers.");
        _owner.OnPush(this, ref push);
    }

    /// <summary>The answer to any of the six commands that subscribe and unsubscribe.</summary>
    private static bool IsConfirmation(RespReader push)
    {
        Span<byte> word = stackalloc byte[12];
        if (push.Count == 0 || !push.MoveNext() || !push.IsString || push.ByteLength is < 9 or > 12)
            return false;
        return word[..push.CopyTo(word)].EndsWith("subscribe"u8);
    }

    /// <summary>A RESP2 connection that is subscribed answers PING with a list of two: a reply, the only one that is a list.</summary>
    private static bool IsPong(RespReader list)
    {
        if (list.Count != 2 || !list.MoveNext() || list.ByteLength != 4 || list.IsAggregate)
            return false;
        Span<byte> word = stackalloc byte[4];
        list.CopyTo(word);
        return word.SequenceEqual("pong"u8);
    }

    private void AcceptReply(ref RespReader reply)
    {
        long head = _head.Value;
        // Below handed and not below the tail: a reply cannot belong to a command whose bytes have not left.
        if (head >= Volatile.Read(ref _handed))
            throw new RespProtocolException($"The server sent a reply that no command waits for ({reply.Prefix}): from here on replies could reach the wrong callers.");

        Volatile.Write(ref _replies, _replies + 1);
        ReplySlot slot = _ring[head & _mask]!;
        switch (slot.Accept(ref reply))
        {
            case ReplyProgress.More:
                return;
            case ReplyProgress.Refused:
                Advance(head);
                KeepAgain(slot);
                return;
            case ReplyProgress.Settled:
                Advance(head);
                slot.Release();
                Settled(slot);
                return;
            default:
                Advance(head);
                slot.Release();
                return;
        }
    }

    private void Advance(long head)
    {
        _ring[head & _mask] = null;
        Volatile.Write(ref _head.Value, head + 1);
    }

    private void Settled(ReplySlot slot)
    {
        if (_settledLast is null)
            _settledFirst = slot;
        else
            _settledLast.Next = slot;
        _settledLast = slot;
        _settled++;
    }

    private void DispatchSettled()
    {
        if (_settledFirst is not { } first)
            return;
        ReplySlot last = _settledLast!;
        int count = _settled;
        _settledFirst = _settledLast = null;
        _settled = 0;
        _dispatcher.Post(first, last, count);
    }

    private void KeepAgain(ReplySlot slot)
    {
        lock (_gate)
        {
            slot.WasSent = true;
            (_again ??= new Queue<ReplySlot>()).Enqueue(slot);
            if (slot.Deadline < _earliestDeadline)
                Volatile.Write(ref _earliestDeadline, slot.Deadline);
        }
    }

    private ReplySlot TakeAgain()
    {
        lock (_gate)
            return _again!.Dequeue();
    }

    /// <summary>Sends the other form of what the server refused. A full ring means that replies will come, and with them the next try.</summary>
    private void SendAgain()
    {
        ArrayBufferWriter<byte> frame = new();
        while (_again!.TryPeek(out ReplySlot? slot))
        {
            if (!slot.IsPending)
            {
                TakeAgain().Release();
                continue;
            }

            frame.Clear();
            ReplyFallback fallback = slot.Fallback!;
            fallback.Rewrite(slot.Frame, frame);
            slot.Fallback = null;
            slot.ExpectBefore(fallback.PrecedingReplies);
            EnqueueOutcome outcome = TryEnqueue(frame.WrittenSpan, slot, writesLater: true);
            if (outcome != EnqueueOutcome.Enqueued)
            {
                slot.Fallback = fallback;
                break;
            }

            TakeAgain();
        }

        WriteHeldBack();
    }
}
