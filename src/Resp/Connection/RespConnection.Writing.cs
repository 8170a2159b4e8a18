using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Sluice.Resp.Connection;

internal sealed partial class RespConnection
{
    // A batch of continuations that issues more than this is written in parts, so that the server begins while the client goes on.
    private const int HeldBackAtMost = 128;

    // Whoever comes with one command must not write for all others as long as they come.
    private const int TurnsOfOneWriter = 64;

    private readonly Action _continueWriting;
    private SendBuffer _append = new();
    private SendBuffer _sending = new();
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _pendingWrite;
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
        bool writes;
        lock (_gate)
        {
            if (_fault is not null)
                return EnqueueOutcome.Closed;
            long tail = _tail.Value;
            if (tail - Volatile.Read(ref _head.Value) > _mask || _append.Length > _terms.MaxUnsentBytes)
                return EnqueueOutcome.Full;

            // Copying is the only step that can throw; after it nothing can.
            _append.Append(frame, slot.HoldsSecret);
            _ring[tail & _mask] = slot;
            Volatile.Write(ref _tail.Value, tail + 1);
            if (slot.Deadline < _earliestDeadline)
                Volatile.Write(ref _earliestDeadline, slot.Deadline);
            writes = !_writing && !writesLater && (scope is null || ++_heldBack >= HeldBackAtMost || !scope.TryHold(this));
            if (writes)
                _writing = true;
        }

        // After the tail was published; leaving the lock is a full fence, so that either the clock sees the command or this sees the clock at rest.
        _clock.Wake();
        if (writes)
            Write(TurnsOfOneWriter);
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

        Write(TurnsOfOneWriter);
    }

    /// <summary>A writer gave up after its turns.</summary>
    void IThreadPoolWorkItem.Execute() => WriteHeldBack();

    /// <summary>
    /// The writer's turns: everything there is, and what came meanwhile, until there is nothing. After so many turns another thread goes on: the next that enqueues,
    /// one of the pool, or the clock. Whoever set <c>_writing</c> calls it.
    /// </summary>
    private void Write(int turns)
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

                if (turns-- == 0)
                {
                    _writing = false;
                    break;
                }

                (_append, _sending) = (_sending, _append);
                // Published after the slots below it, which were written under this lock; the reader acquires it.
                Volatile.Write(ref _handed, _tail.Value);
                _heldBack = 0;
                _segment = 0;
                Writes++;
            }

            if (!TryWriteSegments())
                return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>False when the rest is written later (by <see cref="ContinueWriting"/>), or never.</summary>
    private bool TryWriteSegments()
    {
        try
        {
            while (_segment < _sending.Count)
            {
#pragma warning disable CA2012 // one consumer: here when it is done, ContinueWriting when it is not
                // Without the context of the thread that happens to write: a caller that blocks its own would block everybody's bytes.
                ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter written = _transport.Output.WriteAsync(_sending[_segment++]).ConfigureAwait(false).GetAwaiter();
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
            Write(TurnsOfOneWriter);
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
