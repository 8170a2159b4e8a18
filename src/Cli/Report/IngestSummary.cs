using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Arguments;
using Sluice.Cli.Input;
using Spectre.Console;

namespace Sluice.Cli.Report;

/// <summary>What <c>sluice ingest</c> says at the end.</summary>
internal sealed class IngestSummary(IAnsiConsole console, IngestOptions options, IngestResult result)
{
    private const int LabelWidth = 18;

    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        IngestCounters counters = result.Counters;
        console.WriteLine();
        string inputs = options.Inputs.Count == 1 ? options.Inputs[0].Name : $"{options.Inputs.Count} inputs";
        console.MarkupLine($"  [bold]{Markup.Escape(inputs)}[/] [dim]to[/] [bold]{Markup.Escape(options.Output)}[/]");
        console.WriteLine();
        Line("events", HumanUnits.Count(counters.Events));
        Line("malformed lines", HumanUnits.Count(counters.Malformed), counters.Malformed == 0 ? null : "not counted", counters.Malformed == 0 ? "default" : "yellow");
        WriteMalformed();
        Line("sessions", HumanUnits.Count(result.Written.Sessions));
        Line("distinct keys", (result.Written.DistinctKeysExact ? "" : "~") + HumanUnits.Count(result.Written.DistinctKeys));
        Line(
            "updates per write",
            result.FlushedItems == 0 ? "-" : ((double)counters.Events / result.FlushedItems).ToString("N2", CultureInfo.InvariantCulture),
            $"{HumanUnits.Count(result.FlushedItems)} items flushed");
        Line("events per second", HumanUnits.Rate(counters.Events / Math.Max(result.Elapsed.TotalSeconds, 1e-6)), $"in {HumanUnits.Elapsed(result.Elapsed)}, by {Workers()}");
        using (Process process = Process.GetCurrentProcess())
            Line("peak memory", HumanUnits.Bytes(process.PeakWorkingSet64));
        WriteLines();
        WriteConservation();
        WriteHints();
    }

    /// <summary>Writes what went wrong: also under <c>--quiet</c>.</summary>
    public void WriteProblems()
    {
        foreach ((string input, string reason) in result.Unreadable)
            Terminal.Complain(console, $"cannot read {input}: {reason}");
        if (result.OutputFailure is { } failure)
            Terminal.Complain(console, $"cannot write the output: {failure.Message}");
        if (result.Refused > 0)
            Terminal.Complain(console, $"{HumanUnits.Count(result.Refused)} lines were refused because a sum would not fit 64 bits");
        foreach (string left in result.Left)
            Terminal.Complain(console, left);
        foreach (string lost in result.Lines?.Lost ?? [])
            Terminal.Complain(console, lost);
        if (result.Undelivered > 0)
            Terminal.Complain(console, $"{HumanUnits.Count(result.Undelivered)} lines were not taken: no worker was left");
        if (result.Lines is { DifferingKeys: > 0 } lines)
            Terminal.Complain(console, $"{HumanUnits.Count(lines.DifferingKeys)} keys were completed with other lines than were acknowledged");
        if (result.Lines is { Contradictions: > 0 } deliveries)
            Terminal.Complain(console, $"{HumanUnits.Count(deliveries.Contradictions)} sessions were delivered again with another content or the same token");
        if (!result.IsConserved)
            Terminal.Complain(console, "what came out is not what went in; the sessions that were written are incomplete");
    }

    private void Line(string label, string value, string? note = null, string colour = "default") =>
        console.MarkupLine($"  [dim]{label.PadRight(LabelWidth)}[/][{colour}]{Markup.Escape(value.PadLeft(13))}[/]{(note is null ? "" : $"   [dim]{Markup.Escape(note)}[/]")}");

    private void WriteMalformed()
    {
        foreach (MalformedLine line in result.Counters.FirstMalformed)
        {
            string place = options.Inputs.Count == 1 ? $"line {HumanUnits.Count(line.Line)}" : $"{line.Input}:{line.Line.ToString(CultureInfo.InvariantCulture)}";
            string reason = MalformationText.Of(line.Reason);
            console.MarkupLine($"    [yellow]{Markup.Escape(place)}[/] [dim]{Markup.Escape(reason)}:[/] {Markup.Escape(Cropped(line.Excerpt, place.Length + reason.Length + 7))}");
        }

        if (result.Counters.Malformed > result.Counters.FirstMalformed.Count)
            console.MarkupLine($"    [dim]and {HumanUnits.Count(result.Counters.Malformed - result.Counters.FirstMalformed.Count)} more[/]");
    }

    // One line each, on a narrow terminal too.
    private string Cropped(string text, int used)
    {
        int room = Math.Max(console.Profile.Width - used, 16);
        return text.Length <= room ? text : string.Concat(text.AsSpan(0, room - 1), "…");
    }

    /// <summary>What became of the lines of workers that were lost, and nothing when none was.</summary>
    private void WriteLines()
    {
        if (result.Lines is not { Lost.Count: > 0 } lines)
            return;
        console.WriteLine();
        Line("lost workers", HumanUnits.Count(lines.Lost.Count), colour: "yellow");
        Line("acknowledged", HumanUnits.Count(lines.Acknowledged), "lines that a worker's watermark has passed");
        Line(
            "unacknowledged", HumanUnits.Count(lines.Unacknowledged),
            $"held by lost workers: {HumanUnits.Count(lines.Arrived)} had arrived, {HumanUnits.Count(lines.HandedOutAgain)} were handed out again{(lines.Undelivered > 0 ? $", {HumanUnits.Count(lines.Undelivered)} were not taken" : "")}");
        Line("completed", HumanUnits.Count(lines.Completed), lines.DeliveredAgain == 0 ? "lines in sessions, each session once" : $"lines in sessions, each session once; {HumanUnits.Count(lines.DeliveredAgain)} were delivered again");
    }

    private void WriteConservation()
    {
        console.WriteLine();
        console.MarkupLine($"  [dim]{"conservation".PadRight(LabelWidth)}{"hits",13}{"bytes",20}{"errors",10}[/]");
        Totals("in", result.Counters.Totals, "parsed");
        Totals("out", result.Written.Totals, "read back");
        if (result is { IsConserved: true, Undelivered: 0 })
            console.MarkupLine($"  {"".PadRight(LabelWidth)}[green]{"exact",13}[/]");
        else
            Totals("difference", new(result.Written.Totals.Hits - result.Counters.Totals.Hits, result.Written.Totals.Bytes - result.Counters.Totals.Bytes, result.Written.Totals.Errors - result.Counters.Totals.Errors), null, "red");
        console.WriteLine();
    }

    private void Totals(string label, Output.VisitTotals totals, string? note, string colour = "default") =>
        console.MarkupLine(
            $"  [dim]{("  " + label).PadRight(LabelWidth)}[/][{colour}]{HumanUnits.Count(totals.Hits),13}{HumanUnits.Count(totals.Bytes),20}{HumanUnits.Count(totals.Errors),10}[/]{(note is null ? "" : $"   [dim]{note}[/]")}");

    private void WriteHints()
    {
        if (result.Written.Evicted > 0)
            Hint($"{HumanUnits.Count(result.Written.Evicted)} sessions ended early because their worker needed room: raise --capacity (now {HumanUnits.Count(options.Engine.Capacity)}) for whole ones");
        if (result.Counters.Events == 0 && result.Counters.FirstMalformed is [{ Excerpt: ['{', ..] }, ..])
            Hint("these lines look like JSON: try --format json");
        if (result.Stopped)
            Hint("stopped before the end of the input; what was read is complete");
        if (options is { Workers: > 1, Engine: { LogClock: true, Hard: { } hard } })
            Hint($"with several workers a visitor's sessions share the hard limit only approximately ({DurationText.Of(hard)} from each worker's first line)");
    }

    private void Hint(string text) => console.MarkupLine($"  [yellow]note[/] [dim]{Markup.Escape(text)}[/]");

    private string Workers() => $"{options.Workers} {(result.Lines is null ? "worker" : "worker process")}{(options.Workers == 1 ? "" : result.Lines is null ? "s" : "es")}";
}
