using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Transport;

/// <summary>
/// A <see cref="PipeWriter"/> without a pipe: <see cref="WriteAsync"/> sends straight from the caller's memory, on the calling thread, without waiting. What the
/// kernel does not take is sent by a thread of the writer's own, which starts at the first such moment and ends after some idle time.
/// </summary>
/// <remarks>
/// <para>One caller at a time; the next call only when the task of the last one has ended. Only <see cref="CancelPendingFlush"/>,
/// <see cref="Stop"/> and a cancellation may come from other threads.</para>
/// <para>The caller's memory belongs to the writer until the task has ended. The continuation of a write that was pending runs on the writer's own thread (that
/// of a cancelled one on the cancelling thread): it may go on writing there. The thread pool is never asked.</para>
/// <para>Allocates nothing in the steady state, except for the thread when it starts.</para>
/// </remarks>
internal sealed partial class SocketPipeWriter(IByteSink sink) : PipeWriter, IValueTaskSource<FlushResult>
{
    private readonly UnsentBytes _buffered = new();
    private bool _completed;
    private volatile bool _cancelNext;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _buffered.Length;

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfUnwritable();
        return _buffered.GetMemory(sizeHint);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        ThrowIfUnwritable();
        _buffered.Advance(bytes);
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => WriteAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);

    /// <summary>Sends what was written into the writer's memory, then <paramref name="source"/> from where it is.</summary>
    /// <param name="source">Untouched until the task has ended. If the write is cancelled, what was not sent of it is copied and goes out first at the next call.</param>
    /// <param name="cancellationToken">Ends the waiting, not the write: see <paramref name="source"/>.</param>
    /// <exception cref="RespTransportException">The connection broke; how much had been sent is unknown.</exception>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        ThrowIfUnwritable();
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        try
        {
            bool sent = TrySend(ref source);
            if (_cancelNext)
            {
                _cancelNext = false;
                _buffered.Append(source.Span);
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: true, isCompleted: false));
            }

            return sent ? default : Pend(source, cancellationToken);
        }
        catch (RespTransportException broken)
        {
            return ValueTask.FromException<FlushResult>(broken);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Sends what goes without waiting and drops the rest; <see cref="CompleteAsync"/> waits. It does not close the connection: the duplex does.</remarks>
    public override void Complete(Exception? exception = null)
    {
        if (_completed)
            return;
        try
        {
            if (exception is null && !IsPending)
                _buffered.TrySend(sink);
        }
        catch (RespTransportException)
        {
            // The connection had ended before: whoever completes has nothing to learn from it.
        }

        _completed = true;
        if (!IsPending)
            _buffered.Clear();
    }

    /// <inheritdoc/>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (exception is null && !_completed && !IsPending && _buffered.Length > 0)
            await FlushAsync().ConfigureAwait(false);
        Complete(exception);
    }

    private bool TrySend(ref ReadOnlyMemory<byte> source) => _buffered.TrySend(sink) && sink.TrySend(ref source);

    private void ThrowIfUnwritable()
    {
        if (_completed)
            throw new InvalidOperationException("The writer was completed.");
        if (IsPending)
            throw new InvalidOperationException("The last write has not ended yet.");
    }
}
