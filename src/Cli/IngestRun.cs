using System.Diagnostics;
using Sluice.Aggregates;
using Sluice.Cli.Input;
using Sluice.Cli.Output;
using Sluice.Cli.Sessions;

namespace Sluice.Cli;

/// <summary>What came of a run.</summary>
internal sealed record IngestResult
{
    public required IngestCounters Counters { get; init; }

    public required WrittenVisits Written { get; init; }

    /// <summary>Items that the engines sent to the coordinator.</summary>
    public required long FlushedItems { get; init; }

    /// <summary>Lines that an engine refused because a sum would not fit 64 bits.</summary>
    public required long Refused { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>Inputs that could not be read, or not to their end, and why.</summary>
    public required IReadOnlyList<(string Input, string Reason)> Unreadable { get; init; }

    /// <summary>What engines could not complete.</summary>
    public required IReadOnlyList<string> Left { get; init; }

    /// <summary>Why the output could not be written, or null.</summary>
    public required Exception? OutputFailure { get; init; }

    /// <summary>Whether reading was stopped from outside.</summary>
    public required bool Stopped { get; init; }

    /// <summary>What became of the lines, when the workers were processes.</summary>
    public LineReport? Lines { get; init; }

    /// <summary>Lines that went in and that nobody was left to take: they are missing, and known to be.</summary>
    public long Undelivered => Lines?.Undelivered ?? 0;

    /// <summary>Whether everything that went in (with processes: everything that was acknowledged) came out.</summary>
    public bool IsConserved => Written.Unreadable == 0 && OutputFailure is null && Lines is null or { IsExact: true }
        && (Undelivered > 0 || Written.Totals == Counters.Totals);

    public int ExitCode => this switch
    {
        { IsConserved: false } => Cli.ExitCode.NotConserved,
        { Undelivered: > 0 } => Cli.ExitCode.WorkersLost,
        { Unreadable.Count: > 0 } => Cli.ExitCode.UnreadableInput,
        { Stopped: true } => Cli.ExitCode.Interrupted,
        _ => Cli.ExitCode.Success,
    };
}

/// <summary>One run of <c>sluice ingest</c>: inputs, parser, dealer, engines, output.</summary>
internal sealed class IngestRun(IngestOptions options, IVisitCrew crew, VisitOutput output, IngestCounters counters)
{
    private readonly LogParser _parser = options.CreateParser();
    private readonly List<(string Input, string Reason)> _unreadable = [];
    private long _lines;
    private bool _stopped;

    /// <summary>Reads everything, completes everything, and reads the output back.</summary>
    /// <param name="stop">Stops reading; what was read is still completed.</param>
    public async Task<IngestResult> RunAsync(CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        long refused;
        CrewReport report;
        VisitDealer dealer = new(await crew.StartAsync(output.Write).ConfigureAwait(false), options.Engine);
        await using (dealer.ConfigureAwait(false))
        {
            using CancellationTokenSource reading = CancellationTokenSource.CreateLinkedTokenSource(stop, output.Broken);
            await ReadAllAsync(dealer, reading.Token).ConfigureAwait(false);
            await dealer.FinishAsync(CancellationToken.None).ConfigureAwait(false);
            report = await crew.StopAsync().ConfigureAwait(false);
            refused = dealer.Refused;
        }

        WrittenVisits written = await output.FinishAsync().ConfigureAwait(false);
        return new IngestResult
        {
            Counters = counters,
            Written = written,
            FlushedItems = report.FlushedItems,
            Refused = refused,
            Elapsed = Stopwatch.GetElapsedTime(started),
            Unreadable = _unreadable,
            Left = report.Left,
            Lines = report.Lines,
            OutputFailure = output.Failure,
            Stopped = _stopped,
        };
    }

    private async ValueTask ReadAllAsync(VisitDealer dealer, CancellationToken reading)
    {
        foreach (LogInput input in options.Inputs)
        {
            try
            {
                Stream text = await input.OpenAsync(counters.StoredBytes, reading).ConfigureAwait(false);
                await using (text.ConfigureAwait(false))
                    await ReadAsync(input, new LineReader(text), dealer, reading).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (reading.IsCancellationRequested)
            {
                _stopped = true;
                return;
            }
            catch (Exception e) when (e is UnreadableInputException or IOException or UnauthorizedAccessException)
            {
                // The other inputs are still worth reading.
                _unreadable.Add((input.Name, LogInput.Reason(e)));
            }
        }
    }

    private async ValueTask ReadAsync(LogInput input, LineReader lines, VisitDealer dealer, CancellationToken reading)
    {
        while (await lines.FillAsync(reading).ConfigureAwait(false))
        {
            while (!DealBuffered(input, lines, dealer))
            {
                // Not cancelled half-way: a line that was counted must be dealt.
                await dealer.SettleAsync(CancellationToken.None).ConfigureAwait(false);
                reading.ThrowIfCancellationRequested();
            }

            await dealer.SendAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Deals the lines that are buffered. False when the dealer has to settle first.</summary>
    private bool DealBuffered(LogInput input, LineReader lines, VisitDealer dealer)
    {
        Span<byte> scratch = stackalloc byte[KeyCodec.MaxBytes];
        while (true)
        {
            LineOutcome outcome = lines.TryRead(out ReadOnlySpan<byte> line);
            if (outcome == LineOutcome.NeedsBytes)
                return true;
            _lines++;
            if (line.IsEmpty)
                continue;

            LogRecord record = default;
            Malformation reason = outcome == LineOutcome.TooLong ? Malformation.TooLong : _parser.Parse(line, out record);
            ReadOnlySpan<byte> key = KeyFields.Of(in record, options.Key);
            if (reason == Malformation.None)
                reason = key.IsEmpty ? Malformation.NoKey : Malformation.None;
            if (reason != Malformation.None)
            {
                counters.AddMalformed(input.Name, lines.LineNumber, reason, line);
                continue;
            }

            counters.AddEvent(in record);
            long unit = options.TimeUnitTicks;
            long stamp = record.Ticks - (record.Ticks % unit) + (_lines % unit);
            if (!dealer.Deal(KeyText.Fit(key, scratch), record.Path, record.Bytes, record.Status >= 400, record.Ticks, stamp, _lines))
                return false;
        }
    }
}
