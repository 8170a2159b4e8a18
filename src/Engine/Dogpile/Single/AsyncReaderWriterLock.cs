namespace Sluice.Dogpiling;

/// <summary>
/// Many readers or one writer, without a thread of their own: who enters on one thread may leave on another. Phases alternate, so nobody starves.
/// </summary>
/// <remarks>
/// State: readers inside (R), whether a writer is inside (W), the queues of readers (q) and writers (Q).
/// <code>
///   event                  when                      then
///   reader enters          not W, Q empty            R + 1
///                          else                      joins q
///   writer enters          not W, R = 0              W
///                          else                      joins Q
///   reader leaves          R - 1 = 0, Q not empty    the first of Q is let in: W
///   writer leaves          q not empty               all of q as it is now are let in: R = |q|
///                          q empty, Q not empty      the first of Q is let in: W
///   queued one gives up    it is still queued        leaves its queue; a last writer that leaves Q while not W lets all of q in
///                          it was let in before      too late: it is inside, as if it had given up a moment later
/// </code>
/// Invariants: W implies R = 0; W is one writer; Q not empty and not W implies R &gt; 0 (somebody is coming out to let the writer in); q not empty implies
/// W or Q not empty. So a reader waits for at most one writer's phase, the next one: when that ends, all readers that had come by then go in before any
/// other writer. A writer waits for the readers inside, and for one phase of readers after each writer before it.
/// <para>
/// Interleavings that look dangerous: (1) giving up and being let in at once: both decide under the gate, and who is in the queue there has not been let
/// in. (2) The only waiting writer gives up while readers are queued behind it: its leaving lets them in, else nobody would come to do so. (3) A writer is
/// let in by the last reader's leaving, and a new reader comes before the writer runs on: W is set under the gate at once, the reader queues.
/// </para>
/// Every transition is a few steps under one gate; waiters are completed outside of it, on other threads.
/// </remarks>
internal sealed class AsyncReaderWriterLock
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _readers = new();
    private readonly LinkedList<Waiter> _writers = new();
    private int _inside;
    private bool _isWriting;

    /// <summary>Readers inside, whether a writer is, and how many of each wait: for tests of the invariants.</summary>
    public (int Readers, bool IsWriting, int QueuedReaders, int QueuedWriters) State
    {
        get
        {
            lock (_gate)
                return (_inside, _isWriting, _readers.Count, _writers.Count);
        }
    }

    /// <summary>Enters as a reader if that needs no waiting.</summary>
    public bool TryEnterRead()
    {
        lock (_gate)
        {
            if (_isWriting || _writers.Count > 0)
                return false;
            _inside++;
            return true;
        }
    }

    /// <summary>Enters as a reader, after the next writer if one waits or is inside.</summary>
    public ValueTask EnterReadAsync(CancellationToken cancellation)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (!_isWriting && _writers.Count == 0)
            {
                _inside++;
                return ValueTask.CompletedTask;
            }

            waiter = new Waiter(this, _readers);
        }

        return new ValueTask(waiter.WaitAsync(cancellation));
    }

    /// <summary>Enters as the writer, when all readers have left.</summary>
    public ValueTask EnterWriteAsync(CancellationToken cancellation)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (!_isWriting && _inside == 0)
            {
                _isWriting = true;
                return ValueTask.CompletedTask;
            }

            waiter = new Waiter(this, _writers);
        }

        return new ValueTask(waiter.WaitAsync(cancellation));
    }

    public void LeaveRead()
    {
        Waiter? next = null;
        lock (_gate)
        {
            if (--_inside == 0)
                next = TakeWriter();
        }

        next?.LetIn();
    }

    public void LeaveWrite()
    {
        Waiter[] next;
        lock (_gate)
        {
            _isWriting = false;
            next = TakeReaders();
            if (next.Length == 0 && TakeWriter() is { } writer)
                next = [writer];
        }

        LetIn(next);
    }

    /// <summary>False when the waiter is inside already.</summary>
    private bool TryGiveUp(Waiter waiter)
    {
        Waiter[] next = [];
        lock (_gate)
        {
            if (!waiter.TryLeaveQueue())
                return false;
            if (_writers.Count == 0 && !_isWriting)
                next = TakeReaders();
        }

        LetIn(next);
        return true;
    }

    private static void LetIn(Waiter[] waiters)
    {
        foreach (Waiter waiter in waiters)
            waiter.LetIn();
    }

    private Waiter? TakeWriter()
    {
        if (_writers.First is not { } first)
            return null;
        first.Value.TryLeaveQueue();
        _isWriting = true;
        return first.Value;
    }

    private Waiter[] TakeReaders()
    {
        Waiter[] all = [.. _readers];
        _readers.Clear();
        _inside += all.Length;
        return all;
    }

    /// <summary>One that waits; its place in the queue is guarded by the gate.</summary>
    private sealed class Waiter
    {
        private readonly AsyncReaderWriterLock _owner;
        private readonly LinkedListNode<Waiter> _place;
        private readonly TaskCompletionSource _letIn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Waiter(AsyncReaderWriterLock owner, LinkedList<Waiter> queue)
        {
            _owner = owner;
            _place = queue.AddLast(this);
        }

        public async Task WaitAsync(CancellationToken cancellation)
        {
            // Unregistering waits for a callback that runs: after that nobody touches this waiter any more.
            using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
                static (state, token) =>
                {
                    Waiter waiter = (Waiter)state!;
                    if (waiter._owner.TryGiveUp(waiter))
                        waiter._letIn.SetCanceled(token);
                },
                this);
            await _letIn.Task.ConfigureAwait(false);
        }

        public bool TryLeaveQueue()
        {
            if (_place.List is not { } queue)
                return false;
            queue.Remove(_place);
            return true;
        }

        public void LetIn() => _letIn.SetResult();
    }
}
