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

    private void WriteConservation()
    {
        console.WriteLine();
        console.MarkupLine($"  [dim]{"conservation".PadRight(LabelWidth)}{"hits",13}{"bytes",20}{"errors",10}[/]");
        Totals("in", result.Counters.Totals, "parsed");
        Totals("out", result.Written.Totals, "read back");
        if (result.IsConserved)
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

    private string Workers() => options.Workers == 1 ? "1 worker" : $"{options.Workers} workers";
}
