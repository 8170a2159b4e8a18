using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>
/// A worker process as its parent sees it: what it was handed and has not acknowledged, what it was asked and has not answered. When it is gone, what was dealt to it goes to
/// another one, and what it held goes to the ledger.
/// </summary>
/// <remarks>The dealer's thread sends and asks; a loop of its own reads; the fleet's watch looks at <see cref="Silence"/>.</remarks>
internal sealed class WorkerProcess : IVisitWorker, IAsyncDisposable
{
    private const int BatchesUnacknowledged = 128;

    private readonly IFleet _fleet;
    private readonly Process _process;
    private readonly FramePipe _pipe;
    private readonly Lock _gate = new();
    private readonly Queue<(long First, ViewBatch Batch)> _unacknowledged = new();
    private readonly Dictionary<int, TaskCompletionSource<WorkerAnswer>> _asked = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ViewBatch _filling = new();
    private long _nextPosition = 1;
    private long _watermark;
    private int _nextQuestion;
    private long _clockTicks;
    private WorkerAnswer _last = new(long.MaxValue, 0, 0, "");
    private string? _fault;
    private bool _isGone;
    private bool _isStopping;
    private long _lastSign = Stopwatch.GetTimestamp();

    public WorkerProcess(int number, IFleet fleet)
    {
        Number = number;
        _fleet = fleet;
        _process = WorkerLaunch.Start();
        _pipe = new FramePipe(_process.StandardOutput.BaseStream, _process.StandardInput.BaseStream);
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>From 1.</summary>
    public int Number { get; }

    public int ProcessId => _process.Id;

    public bool IsGone => Volatile.Read(ref _isGone);

    /// <summary>How long it has been silent.</summary>
    public TimeSpan Silence => Stopwatch.GetElapsedTime(Volatile.Read(ref _lastSign));

    /// <inheritdoc/>
    public ViewBatch Filling => _filling;

    /// <inheritdoc/>
    public long Refused => _last.Refused;

    /// <inheritdoc/>
    public long NextSessionDeadlineTicks => IsGone ? long.MaxValue : _last.NextSessionDeadline;

    public long FlushedItems => _last.FlushedItems;

    /// <summary>Returns when it is ready for lines.</summary>
    /// <exception cref="ToolFailureException">It could not start.</exception>
    public async ValueTask StartAsync(WorkerStart start)
    {
        try
        {
            await _pipe.SendAsync(Message.Start, start, WorkerStart.Write).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Its end says more.
        }

        await _started.Task.ConfigureAwait(false);
    }

    /// <summary>Kills it: what it held goes to the ledger when its pipe has been read to the end.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
            _process.Kill();
    }

    /// <inheritdoc/>
    public async ValueTask SendAsync(CancellationToken cancellation)
    {
        if (_filling.Count == 0)
            return;
        ViewBatch batch = _filling;
        _filling = new ViewBatch();
        await _fleet.HandOutAsync(this, batch, cancellation).ConfigureAwait(false);
    }

    /// <summary>Hands a batch to this worker. False when it is gone: somebody else has to take the batch.</summary>
    public async ValueTask<bool> TryHandAsync(ViewBatch batch, CancellationToken cancellation)
    {
        long first;
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (_isGone)
                    return false;
                if (_unacknowledged.Count < BatchesUnacknowledged)
                {
                    first = _nextPosition;
                    _nextPosition += batch.Count;
                    _unacknowledged.Enqueue((first, batch));
                    break;
                }

                room = _room.Task;
            }

            await room.WaitAsync(cancellation).ConfigureAwait(false);
        }

        try
        {
            await _pipe.SendAsync(Message.Lines, (first, batch), LinesFrame.Write, CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It is gone; the batch is among what it held.
        }

        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DrainAsync(CancellationToken cancellation) => await AskAsync(Errand.Drain, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask FinishAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask EndAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public void AdvanceTo(long ticks) => _clockTicks = ticks;

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellation) => await AskAsync(Errand.Flush, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask SweepAsync(CancellationToken cancellation) => await AskAsync(Errand.Sweep, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask EndAllAsync(CancellationToken cancellation) => await AskAsync(Errand.EndAll, cancellation).ConfigureAwait(false);

    /// <summary>Anybody who is left may look whether all sessions are completed.</summary>
    public ValueTask QuiesceAsync(CancellationToken cancellation) => _fleet.QuiesceAsync(cancellation);

    /// <summary>Asks, and returns the answer; one that says nothing when the worker is gone before it answers.</summary>
    public async ValueTask<WorkerAnswer> AskAsync(Errand errand, CancellationToken cancellation)
    {
        int question;
        TaskCompletionSource<WorkerAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_isGone)
                return WorkerAnswer.Gone;
            _isStopping |= errand == Errand.Stop;
            question = _nextQuestion++;
            _asked[question] = answer;
        }

        try
        {
            await _pipe.SendAsync(Message.Ask, (question, errand, _clockTicks), static (writer, asked) =>
            {
                writer.Write(asked.question);
                writer.Write((byte)asked.errand);
                writer.Write(asked._clockTicks);
            }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It is gone; the reading side answers.
        }

        return await answer.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Stops it, if it is there, and returns when its process has ended.</summary>
    /// <returns>What it left behind; empty: nothing.</returns>
    public async ValueTask<string> StopAsync()
    {
        WorkerAnswer answer = await AskAsync(Errand.Stop, CancellationToken.None).ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        return answer.Left;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _isStopping = true;
        Kill();
        await _reading.ConfigureAwait(false);
        _pipe.Dispose();
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _pipe.ReadAsync().ConfigureAwait(false) is { } frame)
        {
            Volatile.Write(ref _lastSign, Stopwatch.GetTimestamp());
            switch (frame.Message)
            {
                case Message.Started:
                    _started.TrySetResult();
                    break;
                case Message.Watermark:
                    Acknowledge(frame.Content.ReadInt64());
                    break;
                case Message.Completed:
                    _fleet.Complete(this, VisitFrame.Read(frame.Content));
                    break;
                case Message.Fault:
                    _fault = frame.Content.ReadString();
                    break;
                case Message.Done:
                    Answer(frame.Content);
                    break;
            }
        }

        await EndReadingAsync().ConfigureAwait(false);
    }

    private void Answer(BinaryReader content)
    {
        int question = content.ReadInt32();
        _last = new WorkerAnswer(content.ReadInt64(), content.ReadInt64(), content.ReadInt64(), content.ReadString());
        TaskCompletionSource<WorkerAnswer>? asked;
        lock (_gate)
            _asked.Remove(question, out asked);
        asked?.TrySetResult(_last);
    }

    private void Acknowledge(long watermark)
    {
        lock (_gate)
        {
            while (_unacknowledged.TryPeek(out (long First, ViewBatch Batch) oldest) && _watermark < watermark)
            {
                long last = oldest.First + oldest.Batch.Count - 1, until = Math.Min(last, watermark);
                for (long position = _watermark + 1; position <= until; position++)
                    _fleet.Acknowledge(this, oldest.Batch, (int)(position - oldest.First));
                _watermark = until;
                if (until < last)
                    break;
                _unacknowledged.Dequeue();
                FreeRoom();
            }
        }
    }

    private void FreeRoom()
    {
        TaskCompletionSource room = _room;
        _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        room.TrySetResult();
    }

    private async Task EndReadingAsync()
    {
        // What closes its pipe and lives on would go on flushing: nobody else may be given its lines then.
        Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        List<HandedLine> held = [];
        bool isLost;
        lock (_gate)
        {
            isLost = !_isStopping || _unacknowledged.Count > 0;
            foreach ((long first, ViewBatch batch) in _unacknowledged)
            {
                for (int i = (int)Math.Max(0, _watermark + 1 - first); i < batch.Count; i++)
                    held.Add(batch.Copy(i));
            }

            _unacknowledged.Clear();
            if (isLost)
                _fleet.Lose(this, Ending(), held);
            Volatile.Write(ref _isGone, true);
            FreeRoom();
            foreach (TaskCompletionSource<WorkerAnswer> asked in _asked.Values)
                asked.TrySetResult(WorkerAnswer.Gone);
            _asked.Clear();
        }

        _started.TrySetException(new ToolFailureException(ExitCode.UnusableServer, _fault ?? $"worker {Number} could not start: it ended with status {_process.ExitCode}"));
        _ = _started.Task.Exception; // when nobody waits for the start any more
    }

    private string Ending() => string.Create(
        CultureInfo.InvariantCulture,
        $"worker {Number} (process {_process.Id}) was lost: {(_fault is not null ? _fault : _process.ExitCode > 128 ? $"it was ended by signal {_process.ExitCode - 128}" : $"it ended with status {_process.ExitCode}")}");
}
