using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Sluice.Resp.Connection;

internal sealed partial class RespConnection
{
    // A batch of continuations that issues more than this is written in parts, so that the server begins while the client goes on.
    private const int HeldBackAtMost = 128;

    private readonly Action _continueWriting;
    private SendBuffer _append = new();
    private SendBuffer _sending = new();
    private ValueTaskAwaiter<FlushResult> _pendingWrite;
    private long _handed;
    private long _earliestDeadline = long.MaxValue;
    private int _segment;
    private int _heldBack;
    private bool _writing;

    /// <summary>Turns of the writer: commands over this is how many left with one write.</summary>
    public long Writes { get; private set; }

    /// <summary>
    /// Gives a command its place and its bytes, both or neither; then writes, unless somebody does. Any thread. Allocates nothing.
    /// </summary>
    /// <param name="writesLater">The caller calls <see cref="WriteHeldBack"/> afterwards.</param>
    public EnqueueOutcome TryEnqueue(ReadOnlySpan<byte> frame, ReplySlot slot, bool writesLater = false)
    {
        DispatchScope? scope = DispatchScope.Current;
        lock (_gate)
        {
            if (_fault is not null)
                return EnqueueOutcome.Closed;
            long tail = _tail.Value;
            if (tail - Volatile.Read(ref _head.Value) > _mask || _append.Length > _terms.MaxUnsentBytes)
                return EnqueueOutcome.Full;

            // Copying is the only step that can throw; after it nothing can.
            _append.Append(frame);
            _ring[tail & _mask] = slot;
            Volatile.Write(ref _tail.Value, tail + 1);
            if (slot.Deadline < _earliestDeadline)
                Volatile.Write(ref _earliestDeadline, slot.Deadline);
            if (_writing || writesLater || (scope is not null && ++_heldBack < HeldBackAtMost && scope.TryHold(this)))
                return EnqueueOutcome.Enqueued;
            _writing = true;
        }

        _clock.Wake();
        Write();
        return EnqueueOutcome.Enqueued;
    }

    /// <summary>Writes what a batch of continuations left, unless somebody does.</summary>
    public void WriteHeldBack()
    {
        lock (_gate)
        {
            if (_writing || _append.Count == 0)
                return;
            _writing = true;
        }

        _clock.Wake();
        Write();
    }

    /// <summary>The writer's turns: everything there is, and what came meanwhile, until there is nothing. Whoever set <c>_writing</c> calls it.</summary>
    private void Write()
    {
        while (true)
        {
            lock (_gate)
            {
                if (_append.Count == 0 || _fault is not null)
                {
                    _writing = false;
                    return;
                }

                (_append, _sending) = (_sending, _append);
                _handed = _tail.Value;
                _heldBack = 0;
                _segment = 0;
                Writes++;
            }

            if (!TryWriteSegments())
                return;
        }
    }

    /// <summary>False when the rest is written later (by <see cref="ContinueWriting"/>), or never.</summary>
    private bool TryWriteSegments()
    {
        try
        {
            while (_segment < _sending.Count)
            {
#pragma warning disable CA2012 // one consumer: here when it is done, ContinueWriting when it is not
                ValueTaskAwaiter<FlushResult> written = _transport.Output.WriteAsync(_sending[_segment++]).GetAwaiter();
#pragma warning restore CA2012
                if (!written.IsCompleted)
                {
                    _pendingWrite = written;
                    _pendingWrite.UnsafeOnCompleted(_continueWriting);
                    return false;
                }

                Check(written.GetResult());
            }
        }
        catch (Exception fault)
        {
            EndWriting(fault);
            return false;
        }

        _sending.Clear();
        return true;
    }

    private void ContinueWriting()
    {
        try
        {
            Check(_pendingWrite.GetResult());
        }
        catch (Exception fault)
        {
            EndWriting(fault);
            return;
        }

        if (TryWriteSegments())
            Write();
    }

    private void EndWriting(Exception fault)
    {
        // The writer's flag stays: nobody writes behind half a frame.
        _sending.Clear();
        Fail(new RespConnectionException("The connection broke while it was written to.", CommandOutcome.Unknown, fault));
    }

    private static void Check(FlushResult written)
    {
        if (written.IsCompleted || written.IsCanceled)
            throw new IOException("The transport takes no more bytes.");
    }
}
