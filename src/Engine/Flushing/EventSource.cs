using Sluice.Flushing;

namespace Sluice;

/// <summary>
/// One event's place in its source, together with the flush epoch that was current before its merge. Made by <see cref="EventSource.At"/> right before
/// the merge; not kept.
/// </summary>
public readonly struct SourcePosition : IEquatable<SourcePosition>
{
    internal SourcePosition(EventSource source, long position, long epoch)
    {
        Source = source;
        Position = position;
        Epoch = epoch;
    }

    /// <summary>The place.</summary>
    public long Position { get; }

    internal EventSource? Source { get; }

    internal long Epoch { get; }

    /// <inheritdoc/>
    public bool Equals(SourcePosition other) => Source == other.Source && Position == other.Position && Epoch == other.Epoch;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SourcePosition other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Position, Epoch);

    /// <summary>Equality.</summary>
    public static bool operator ==(SourcePosition left, SourcePosition right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(SourcePosition left, SourcePosition right) => !left.Equals(right);
}

/// <summary>
/// Where events come from: a partition of a log, a queue's subscription, a file. Its watermark says up to which position the broker may be told that
/// everything is done.
/// </summary>
/// <remarks>
/// <para>Positions grow. One thread (or one at a time) calls <see cref="At"/> and merges; <see cref="At"/> with a position says that everything
/// before it has been merged. Give each consumer a source of its own. <see cref="Watermark"/> and <see cref="WaitForAsync"/> are for any thread.</para>
/// <para>Why the watermark is safe. The source notes the first position of each flush epoch, read before the merge. An entry keeps the epoch of its
/// oldest unflushed event. With O the oldest epoch that has unacknowledged events, everything in epochs before O is acknowledged, and everything
/// from the first position noted for an epoch of O or later may not be: the watermark is the position before that one. A merge may be slow and land
/// in an epoch that already looked finished: the position being merged is never passed, and its epoch's note is kept until the next call, so that
/// the next look finds it.</para>
/// </remarks>
public sealed class EventSource : IDisposable
{
    private readonly Action<EventSource>? _close;
    private readonly Lock _gate = new();
    private readonly Queue<(long Epoch, long First)> _notes = new();
    private readonly List<(long Position, TaskCompletionSource Done)> _waiters = [];
    private long _lastNoted;
    private long _open;
    private long _merged;
    private long _watermark;
    private bool _isFenced;
    private Func<Exception>? _end;

    internal EventSource(string name, AckMode mode, OnFenced onFenced, long start, FlushEpochs epochs, Action<EventSource>? close = null)
    {
        Name = name;
        Mode = mode;
        WhenFenced = onFenced;
        Epochs = epochs;
        _close = close;
        _open = _merged = _watermark = start - 1;
    }

    /// <summary>The source's name, for logs.</summary>
    public string Name { get; }

    /// <summary>When an event counts as done.</summary>
    public AckMode Mode { get; }

    /// <summary>What happens to unflushed events when the engine was replaced.</summary>
    public OnFenced WhenFenced { get; }

    /// <summary>
    /// Everything up to and including this position is done in the sense of <see cref="Mode"/>. Never goes back. Any thread.
    /// </summary>
    public long Watermark
    {
        get
        {
            lock (_gate)
                return Settle();
        }
    }

    internal FlushEpochs Epochs { get; }

    /// <summary>First positions of epochs that are kept: never more than there are epochs in their ring, and one.</summary>
    internal int Notes
    {
        get
        {
            lock (_gate)
                return _notes.Count;
        }
    }

    /// <summary>Calls that wait now.</summary>
    internal int Waiters
    {
        get
        {
            lock (_gate)
                return _waiters.Count;
        }
    }

    /// <summary>True when the source was cut off and has to be opened anew.</summary>
    public bool IsFenced => Volatile.Read(ref _isFenced);

    /// <summary>
    /// Names the place of the event that is about to be merged; says that everything before it has been merged. Does not allocate in the steady state.
    /// </summary>
    /// <param name="position">At least the position of the call before; a message that is merged into several aggregates uses one place for all.</param>
    /// <exception cref="ArgumentOutOfRangeException">The position went back.</exception>
    /// <exception cref="SourceFencedException">The source was fenced.</exception>
    /// <exception cref="EngineFaultException">The engine can't flush everything any more, so the watermark will not move.</exception>
    /// <exception cref="ObjectDisposedException">The source was disposed, or the engine has stopped.</exception>
    public SourcePosition At(long position)
    {
        lock (_gate)
        {
            if (_end is { } end)
                throw end();
            if (position < _open)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"Positions of source '{Name}' must not go back; the last one was {_open}.");
            if (position <= _merged)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"Position {position} of source '{Name}' has been declared merged; the next one is {_merged + 1}.");
            long epoch = Epochs.Current;
            if (Mode == AckMode.AfterFlush && (epoch > _lastNoted || _notes.Count == 0))
            {
                if (_notes.Count >= FlushEpochs.Window)
                    Settle();
                _notes.Enqueue((epoch, position));
                _lastNoted = epoch;
            }

            if (position > _open)
                _merged = position - 1;
            _open = position;
            return new SourcePosition(this, position, epoch);
        }
    }

    /// <summary>Says that everything up to <paramref name="position"/> has been merged: after the last event, or before a pause.</summary>
    /// <param name="position">A position that <see cref="At"/> has named, or a later one that carries no event.</param>
    public void Advance(long position)
    {
        lock (_gate)
        {
            _merged = Math.Max(_merged, position);
            Settle();
        }
    }

    /// <summary>
    /// Completes when the watermark reaches <paramref name="position"/>. Flushes happen at their interval: call the engine's <c>FlushAsync</c> to have
    /// it sooner. Waiting for the position that <see cref="At"/> named last says that its merge has returned; waiting for a later one says nothing
    /// about those before it, and goes on until it was named and merged.
    /// </summary>
    /// <param name="position">The position.</param>
    /// <param name="cancellation">Stops waiting; the watermark moves on all the same.</param>
    /// <exception cref="SourceFencedException">The source was fenced and will never get there.</exception>
    /// <exception cref="EngineFaultException">The engine can't flush everything any more and will never get there.</exception>
    /// <exception cref="ObjectDisposedException">The source was disposed, or the engine has stopped, before it got there.</exception>
    public async ValueTask WaitForAsync(long position, CancellationToken cancellation = default)
    {
        TaskCompletionSource done;
        lock (_gate)
        {
            // Only who has merged waits for the position that was named last. Who waits for a later one may be another thread than the producer, which
            // may be merging right now.
            if (position <= _open)
                _merged = Math.Max(_merged, position);
            if (Settle() >= position)
                return;
            if (_end is { } end)
                throw end();
            done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((position, done));
        }

        try
        {
            await done.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _waiters.RemoveAll(waiter => waiter.Done == done);
        }
    }

    /// <summary>
    /// Ends the source: its watermark does not move any more, and who waits for it is told by an <see cref="ObjectDisposedException"/>. What was merged
    /// is flushed all the same. Any thread; again does nothing.
    /// </summary>
    public void Dispose()
    {
        End(() => new ObjectDisposedException(nameof(EventSource), $"The source '{Name}' was disposed: its watermark does not move any more."));
        _close?.Invoke(this);
    }

    /// <summary>Looks again; called when batches were acknowledged.</summary>
    internal void Refresh()
    {
        lock (_gate)
            Settle();
    }

    internal void Fence() => End(() => new SourceFencedException(Name), isFence: true);

    /// <summary>The engine has stopped: what is not acknowledged by now never will be.</summary>
    internal void Stop() => End(() => new ObjectDisposedException(
        nameof(SluiceEngine), $"The engine was stopped before the coordinator had everything of source '{Name}'."));

    /// <summary>A lane has ended by a fault: its events keep their epochs for ever, and no watermark passes those.</summary>
    internal void Fault(EngineFaultException fault)
    {
        if (Mode == AckMode.AfterFlush)
            End(fault.Again);
    }

    /// <summary>The first end counts.</summary>
    private void End(Func<Exception> end, bool isFence = false)
    {
        lock (_gate)
        {
            if (_end is not null)
                return;
            Settle();
            _end = end;
            Volatile.Write(ref _isFenced, isFence);
            foreach ((_, TaskCompletionSource done) in _waiters)
            {
                done.TrySetException(end());
                _ = done.Task.Exception; // who waited may have given up: then nobody looks at it
            }

            _waiters.Clear();
            _notes.Clear();
        }
    }

    /// <summary>
    /// The last epoch in which an event of the oldest note can have been counted. Usually the note's own; but a merge that took so long that its epoch
    /// had left the ring of epochs was counted in the oldest one that the ring then had, which is less than a ring before the next note's epoch.
    /// </summary>
    private long LastEpochOfFirstNote()
    {
        using Queue<(long Epoch, long First)>.Enumerator notes = _notes.GetEnumerator();
        notes.MoveNext();
        long own = notes.Current.Epoch;
        long next = notes.MoveNext() ? notes.Current.Epoch : Epochs.Current;
        return Math.Max(own, next - FlushEpochs.Window + 1);
    }

    private long Settle()
    {
        if (_end is not null)
            return _watermark;
        long reached = _merged;
        if (Mode == AckMode.AfterFlush)
        {
            long oldest = Epochs.OldestPending;
            long lowest = _open > _merged ? Math.Min(oldest, _lastNoted) : oldest;
            while (_notes.Count > 1 && LastEpochOfFirstNote() < lowest)
                _notes.Dequeue();

            // Notes are in order of epoch and position, so the first that reaches the oldest pending epoch decides.
            if (_notes.Count != 0 && LastEpochOfFirstNote() >= oldest)
                reached = Math.Min(reached, _notes.Peek().First - 1);
        }

        _watermark = Math.Max(_watermark, reached);
        for (int i = _waiters.Count - 1; i >= 0; i--)
        {
            if (_waiters[i].Position <= _watermark)
            {
                _waiters[i].Done.TrySetResult();
                _waiters.RemoveAt(i);
            }
        }

        return _watermark;
    }
}
