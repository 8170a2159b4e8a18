using System.Text;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>
/// A worker process from the inside: merges the lines that it is handed, completes sessions, and tells its parent how far its watermark is. Ends when it is told to, or
/// when its parent is gone.
/// </summary>
/// <remarks>
/// The positions of its source are the numbers of deliveries and not those of lines: a line that another worker lost has a smaller number than the lines that this one has
/// merged already, and positions never go back.
/// </remarks>
internal sealed class WorkerProgram(FramePipe pipe) : IAsyncDisposable
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromMinutes(5);

    private readonly PageNames _pages = new();
    private readonly CancellationTokenSource _ending = new();
    private EventTimeClock? _clock;
    private SluiceEngine _engine = null!;
    private WorkerVisits _visits = null!;
    private EventSource _source = null!;
    private long _refused;

    /// <summary>Runs until it is told to stop; the exit status.</summary>
    public async Task<int> RunAsync()
    {
        if (await pipe.ReadAsync().ConfigureAwait(false) is not { Message: Message.Start } first)
            return ExitCode.BadArguments;
        Task reporting = Task.CompletedTask;
        try
        {
            await StartAsync(WorkerStart.Read(first.Content)).ConfigureAwait(false);
            reporting = ReportAsync();
            while (await pipe.ReadAsync().ConfigureAwait(false) is { } frame)
            {
                if (frame.Message == Message.Lines)
                    await MergeAsync(frame.Content).ConfigureAwait(false);
                else if (!await AnswerAsync(frame.Content).ConfigureAwait(false))
                    break;
            }

            return ExitCode.Success;
        }
        catch (Exception e) when (e is CoordinatorException or UnsuitableServerException or EngineFaultException or OptionsException or SourceFencedException or FormatException)
        {
            await pipe.SendAsync(Message.Fault, e.Message, static (writer, text) => writer.Write(text)).ConfigureAwait(false);
            return ExitCode.UnusableServer;
        }
        finally
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_engine is not null)
            await _engine.DisposeAsync().ConfigureAwait(false);
        _ending.Dispose();
    }

    private async Task StartAsync(WorkerStart start)
    {
        _clock = start.Engine.LogClock ? new EventTimeClock() : null;
        EngineOptions options = WorkerOptions.Of(start);
        options.SessionClock = _clock;
        _engine = await SluiceEngine.StartAsync(options).ConfigureAwait(false);
        _visits = WorkerVisits.Of(_engine, start.Traced, CompleteAsync);
        _source = _engine.OpenSource("lines", start: 1);
        await pipe.SendAsync(Message.Started, Environment.ProcessId, static (writer, id) => writer.Write(id)).ConfigureAwait(false);
    }

    /// <summary>The pipe keeps what was written when this process dies, so a session that is acknowledged after this has been handed over.</summary>
    private ValueTask CompleteAsync(CompletedVisit visit) => pipe.SendAsync(Message.Completed, visit, VisitFrame.Write);

    private async ValueTask MergeAsync(BinaryReader lines)
    {
        long position = lines.ReadInt64();
        for (int count = lines.ReadInt32(); count > 0; count--, position++)
        {
            HandedLine line = LinesFrame.ReadOne(lines);
            AdvanceTo(line.ClockTicks);
            PageView view = new(line.Bytes, line.IsError, line.SeenTicks, line.StampTicks, _pages.Get(line.Page));
            string key = Encoding.UTF8.GetString(line.Key);
            try
            {
                SourcePosition at = _source.At(position);
                if (!_visits.TryMerge(key, in view, line.Number, at))
                    await _visits.MergeAsync(key, view, line.Number, at).ConfigureAwait(false);
            }
            catch (FieldOverflowException)
            {
                _refused++;
            }
        }

        _source.Advance(position - 1);
    }

    private void AdvanceTo(long ticks)
    {
        if (ticks > 0)
            _clock?.AdvanceTo(new DateTimeOffset(ticks, TimeSpan.Zero));
    }

    /// <summary>False after the last errand.</summary>
    private async ValueTask<bool> AnswerAsync(BinaryReader question)
    {
        (int id, Errand errand, long ticks) = (question.ReadInt32(), (Errand)question.ReadByte(), question.ReadInt64());
        string left = "";
        switch (errand)
        {
            case Errand.Flush:
                await _engine.FlushAsync().ConfigureAwait(false);
                break;
            case Errand.Sweep:
                AdvanceTo(ticks);
                await _visits.SweepAsync().ConfigureAwait(false);
                break;
            case Errand.EndAll:
                await _visits.EndAllAsync().ConfigureAwait(false);
                break;
            case Errand.Quiesce:
                await _engine.QuiesceAsync().ConfigureAwait(false);
                break;
            case Errand.Stop:
                long watermark = _source.Watermark;
                ShutdownReport report = await _engine.StopAsync(StopDeadline).ConfigureAwait(false);
                left = report is { IsClean: true, DeadLetters: 0 } ? "" : report.ToString();
                await SendWatermarkAsync(Math.Max(watermark, _source.Watermark)).ConfigureAwait(false);
                break;
        }

        if (errand != Errand.Stop)
            await SendWatermarkAsync(_source.Watermark).ConfigureAwait(false);
        WorkerAnswer answer = new(errand == Errand.Stop ? long.MaxValue : _visits.NextSessionDeadlineTicks, _visits.Writes, _refused, left);
        await pipe.SendAsync(Message.Done, (id, answer), static (writer, done) =>
        {
            writer.Write(done.id);
            writer.Write(done.answer.NextSessionDeadline);
            writer.Write(done.answer.FlushedItems);
            writer.Write(done.answer.Refused);
            writer.Write(done.answer.Left);
        }).ConfigureAwait(false);
        return errand != Errand.Stop;
    }

    private ValueTask SendWatermarkAsync(long watermark) => pipe.SendAsync(Message.Watermark, watermark, static (writer, position) => writer.Write(position));

    private async Task ReportAsync()
    {
        long told = 0;
        TimeSpan silent = TimeSpan.Zero;
        using PeriodicTimer timer = new(ReportEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(_ending.Token).ConfigureAwait(false))
            {
                long watermark = _source.Watermark;
                silent += ReportEvery;
                if (watermark == told && silent < SignOfLife)
                    continue;
                (told, silent) = (watermark, TimeSpan.Zero);
                await SendWatermarkAsync(watermark).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // It ends, or its parent is gone; the reading side sees that too.
        }
    }
}
