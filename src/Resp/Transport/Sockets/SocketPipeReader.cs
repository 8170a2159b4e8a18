using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Resp.Transport;

/// <summary>
/// Received bytes as a <see cref="PipeReader"/> without a pipe: <see cref="ReadAsync"/> receives straight into the buffers that it hands out, on the
/// calling thread, which it blocks until there is something.
/// </summary>
/// <remarks>
/// <para>One thread. Only <see cref="CancelPendingRead"/> may come from another; it takes effect at the next read or when the read under way gets something: to
/// wake a blocked reader, shut the connection down.</para>
/// <para>Buffers belong to the reader; a sequence is valid until the next <see cref="AdvanceTo(SequencePosition)"/>. A buffer is rented when there is
/// something to receive and returned when everything was consumed: an idle connection holds none.</para>
/// <para>Allocates nothing in the steady state.</para>
/// </remarks>
internal sealed class SocketPipeReader(IByteSource source) : PipeReader
{
    // Moving so little costs less than a frame that lies in two segments costs its readers.
    private const int CompactionLimit = 4 * 1024;
    private const int LeastFree = 4 * 1024;

    private readonly Stack<ReceiveSegment> _spare = new();
    private ReceiveSegment? _head;
    private ReceiveSegment? _tail;
    private int _headStart;
    private int _tailSize;
    private long _examined;     // positions in the stream: how far the caller has looked,
    private long _received;     // and how much was received
    private bool _lent;
    private bool _ended;
    private bool _completed;
    private volatile bool _cancelled;

    /// <summary>Whether a buffer is rented at the moment.</summary>
    internal bool HoldsBuffer => _head is not null;

    private bool HasUnexamined => _received > _examined;

    /// <summary>
    /// What was received and not yet consumed; blocks until that is more than was examined. The task has always ended when it is returned.
    /// </summary>
    /// <param name="cancellationToken">Looked at before waiting; it cannot end the wait.</param>
    /// <exception cref="RespTransportException">The connection broke. What had been received before stays readable with <see cref="TryRead"/>.</exception>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfUnreadable();
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        try
        {
            while (!HasUnexamined && !_ended && !_cancelled)
                Receive();
        }
        catch (RespTransportException broken)
        {
            return ValueTask.FromException<ReadResult>(broken);
        }

        return new ValueTask<ReadResult>(Lend());
    }

    /// <inheritdoc/>
    /// <remarks>Looks only at what was received already.</remarks>
    public override bool TryRead(out ReadResult result)
    {
        ThrowIfUnreadable();
        if (!HasUnexamined && !_ended && !_cancelled)
        {
            result = default;
            return false;
        }

        result = Lend();
        return true;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        ThrowIfCompleted();
        if (!_lent)
            throw new InvalidOperationException("There is no read to advance: AdvanceTo follows a read, once.");
        if (_head is null)
        {
            _lent = false; // the sequence was empty, and so are its positions
            return;
        }

        long consumedTo = PositionOf(consumed), examinedTo = PositionOf(examined), start = _head.RunningIndex + _headStart;
        if (consumedTo < start || examinedTo < consumedTo || examinedTo > _received)
            throw new ArgumentOutOfRangeException(nameof(consumed), "The positions must lie in the sequence that was read, consumed before examined.");
        _lent = false;
        _examined = Math.Max(_examined, examinedTo);
        Discard(consumedTo);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => _cancelled = true;

    /// <inheritdoc/>
    /// <remarks>Returns the buffers. It does not close the connection: the duplex does.</remarks>
    public override void Complete(Exception? exception = null)
    {
        if (_completed)
            return;
        _completed = true;
        while (_head is not null)
            ReleaseHead();
    }

    private void Receive()
    {
        // A tail that was filled to the last byte says that more is waiting: then asking first would be a call in vain.
        bool more = _tail is { Free: 0 };
        if (_head is not null && _received == _head.RunningIndex + _headStart)
            ReleaseHead();
        if (!more)
            source.WaitReadable();
        MakeRoom();
        int count = source.Receive(_tail!.FreeSpan);
        if (count > 0)
        {
            _tail.Append(count);
            _received += count;
            return;
        }

        _ended = count == 0;
        if (_tail.End == 0 && ReferenceEquals(_head, _tail))
            ReleaseHead(); // nothing came: hold nothing
        if (count < 0 && more)
            source.WaitReadable();
    }

    private void MakeRoom()
    {
        if (_tail is null)
        {
            _tailSize = TransportBuffers.SlabBytes;
            _head = _tail = NewSegment(_tailSize);
            _headStart = 0;
            return;
        }

        if (_tail.Free >= LeastFree)
            return;
        if (ReferenceEquals(_head, _tail) && _headStart > 0 && _tail.End - _headStart <= CompactionLimit)
        {
            _tail.Compact(_headStart);
            _headStart = 0;
            return;
        }

        if (_tail.Free > 0)
            return; // filled to the last byte before the next one is taken

        // A frame that fills one buffer after the other is large: fewer and larger buffers from here on.
        _tailSize = Math.Min(_tailSize * 2, TransportBuffers.LargestBytes);
        ReceiveSegment next = NewSegment(_tailSize);
        _tail.Link(next);
        _tail = next;
    }

    private ReceiveSegment NewSegment(int bytes)
    {
        if (!_spare.TryPop(out ReceiveSegment? segment))
            segment = new ReceiveSegment();
        segment.Hold(TransportBuffers.Rent(bytes), _received);
        return segment;
    }

    private ReadResult Lend()
    {
        bool cancelled = _cancelled;
        if (cancelled)
            _cancelled = false;
        _lent = true;
        ReadOnlySequence<byte> sequence = _head is null ? default : new ReadOnlySequence<byte>(_head, _headStart, _tail!, _tail!.End);
        return new ReadResult(sequence, cancelled, _ended);
    }

    private static long PositionOf(SequencePosition position) =>
        position.GetObject() is ReceiveSegment segment
            ? segment.RunningIndex + position.GetInteger()
            : throw new ArgumentOutOfRangeException(nameof(position), "The position is not of the sequence that was read.");

    private void Discard(long consumedTo)
    {
        while (_head is { } head && consumedTo >= head.RunningIndex + head.End)
        {
            if (ReferenceEquals(head, _tail))
            {
                _headStart = head.End; // the last buffer is returned when the next read finds nothing to add to it
                return;
            }

            ReleaseHead();
        }

        _headStart = (int)(consumedTo - _head!.RunningIndex);
    }

    private void ReleaseHead()
    {
        ReceiveSegment released = _head!;
        _head = released.Following;
        _headStart = 0;
        if (_head is null)
            _tail = null;
        TransportBuffers.Return(released.Release());
        _spare.Push(released);
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
            throw new InvalidOperationException("The reader was completed.");
    }

    private void ThrowIfUnreadable()
    {
        ThrowIfCompleted();
        if (_lent)
            throw new InvalidOperationException("The last read was not advanced yet: its bytes may still be in use.");
    }
}
