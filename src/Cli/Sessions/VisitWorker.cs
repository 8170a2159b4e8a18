using System.Text;
using System.Threading.Channels;

namespace Sluice.Cli.Sessions;

/// <summary>
/// Merges the lines that it is dealt into its engine, in order. The reader sends; one task merges; nothing else touches the engine meanwhile,
/// except while the worker is idle after <see cref="DrainAsync"/>.
/// </summary>
internal sealed class VisitWorker : IVisitWorker
{
    private const int BatchesInFlight = 4;

    private readonly Channel<Dealt> _dealt = Channel.CreateBounded<Dealt>(
        new BoundedChannelOptions(BatchesInFlight) { SingleReader = true, SingleWriter = true });

    private readonly Channel<ViewBatch> _free = Channel.CreateUnbounded<ViewBatch>();
    private readonly PageNames _pages = new();
    private readonly Task _merging;
    private ViewBatch _filling = new();
    private bool _sentSinceDrain;
    private long _refused;

    public VisitWorker(IVisitEngine engine)
    {
        Engine = engine;
        _merging = Task.Run(MergeAllAsync);
    }

    public IVisitEngine Engine { get; }

    /// <inheritdoc/>
    public ViewBatch Filling => _filling;

    /// <inheritdoc/>
    public long Refused => Volatile.Read(ref _refused);

    /// <inheritdoc/>
    public long NextSessionDeadlineTicks => Engine.NextSessionDeadlineTicks;

    /// <inheritdoc/>
    public void AdvanceTo(long ticks) => Engine.AdvanceTo(ticks);

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellation) => Engine.FlushAsync(cancellation);

    /// <inheritdoc/>
    public ValueTask SweepAsync(CancellationToken cancellation) => Engine.SweepAsync(cancellation);

    /// <inheritdoc/>
    public ValueTask EndAllAsync(CancellationToken cancellation) => Engine.EndAllAsync(cancellation);

    /// <inheritdoc/>
    public ValueTask QuiesceAsync(CancellationToken cancellation) => Engine.QuiesceAsync(cancellation);

    /// <summary>Sends what was filled, if anything. Waits while the worker is behind: the reader can't run ahead of it without bound.</summary>
    public async ValueTask SendAsync(CancellationToken cancellation)
    {
        if (_filling.Count == 0)
            return;
        _sentSinceDrain = true;
        await WriteAsync(new Dealt(_filling, null), cancellation).ConfigureAwait(false);
        _filling = _free.Reader.TryRead(out ViewBatch? free) ? free : new ViewBatch();
    }

    /// <summary>Returns when everything that was sent has been merged; the worker is idle then until the next batch is sent.</summary>
    public async ValueTask DrainAsync(CancellationToken cancellation)
    {
        if (!_sentSinceDrain)
            return;
        TaskCompletionSource merged = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await WriteAsync(new Dealt(null, merged), cancellation).ConfigureAwait(false);
        await merged.Task.WaitAsync(cancellation).ConfigureAwait(false);
        _sentSinceDrain = false;
    }

    /// <summary>No more lines will come.</summary>
    public async ValueTask FinishAsync()
    {
        _dealt.Writer.TryComplete();
        await _merging.ConfigureAwait(false);
    }

    /// <summary>Returns when the worker has ended, after what it was sent or after its failure; that was thrown to whoever dealt to it.</summary>
    public async ValueTask EndAsync()
    {
        _dealt.Writer.TryComplete();
        await _merging.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask WriteAsync(Dealt dealt, CancellationToken cancellation)
    {
        try
        {
            await _dealt.Writer.WriteAsync(dealt, cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // The worker failed: its own exception says more.
            await _merging.ConfigureAwait(false);
            throw;
        }
    }

    private async Task MergeAllAsync()
    {
        try
        {
            await foreach (Dealt dealt in _dealt.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                if (dealt.Batch is { } batch)
                {
                    int merged = 0;
                    while ((merged = MergeWhileRoom(batch, merged)) < batch.Count)
                        await MergeOneAsync(batch, merged++).ConfigureAwait(false);
                    batch.Clear();
                    _free.Writer.TryWrite(batch);
                }

                dealt.Merged?.TrySetResult();
            }
        }
        catch (Exception e)
        {
            _dealt.Writer.TryComplete(e);
            while (_dealt.Reader.TryRead(out Dealt dealt))
                dealt.Merged?.TrySetException(e);
            throw;
        }
    }

    private int MergeWhileRoom(ViewBatch batch, int from)
    {
        for (int i = from; i < batch.Count; i++)
        {
            ref readonly ViewBatch.Entry entry = ref batch.Entries[i];
            Engine.AdvanceTo(entry.ClockTicks);
            try
            {
                if (!Engine.TryMerge(batch.Key(in entry), View(batch, in entry)))
                    return i;
            }
            catch (FieldOverflowException)
            {
                _refused++;
            }
        }

        return batch.Count;
    }

    private async ValueTask MergeOneAsync(ViewBatch batch, int index)
    {
        try
        {
            await Engine.MergeAsync(
                Encoding.UTF8.GetString(batch.Key(in batch.Entries[index])), View(batch, in batch.Entries[index]), CancellationToken.None).ConfigureAwait(false);
        }
        catch (FieldOverflowException)
        {
            _refused++;
        }
    }

    private PageView View(ViewBatch batch, in ViewBatch.Entry entry) =>
        new(entry.Bytes, entry.IsError, entry.SeenTicks, entry.StampTicks, _pages.Get(batch.Page(in entry)));

    /// <summary>What the channel carries: lines, or a mark that is completed when everything before it has been merged.</summary>
    private readonly record struct Dealt(ViewBatch? Batch, TaskCompletionSource? Merged);
}
