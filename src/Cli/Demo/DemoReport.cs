using Sluice.Cli.Output;
using Sluice.Cli.Report;
using Sluice.Cli.Sessions;
using Spectre.Console;

namespace Sluice.Cli.Demo;

/// <summary>What a demonstration says at the end: per field what was generated, what was completed, and why if they differ.</summary>
internal static class DemoReport
{
    public static void Write(IAnsiConsole console, IngestResult result, int workers, string chaos)
    {
        VisitTotals generated = result.Counters.Totals, completed = result.Written.Totals;
        LineReport lines = result.Lines!;
        console.WriteLine();
        console.MarkupLine($"  {HumanUnits.Count(result.Counters.Events)} events by {workers} worker processes in {HumanUnits.Elapsed(result.Elapsed)}; {Markup.Escape(chaos)}");
        console.WriteLine();
        console.MarkupLine($"  [dim]{"field",-8}{"generated",20}{"completed",20}[/]");
        Row("hits", generated.Hits, completed.Hits);
        Row("bytes", generated.Bytes, completed.Bytes);
        Row("errors", generated.Errors, completed.Errors);
        console.WriteLine();
        console.MarkupLine($"  [dim]{HumanUnits.Count(result.Written.Sessions)} sessions of {HumanUnits.Count(result.Written.DistinctKeys)} keys, each completed once; {HumanUnits.Count(lines.DeliveredAgain)} were handed over again, under the same idempotency key[/]");
        if (lines.Lost.Count > 0)
        {
            console.MarkupLine(
                $"  [dim]{HumanUnits.Count(lines.Lost.Count)} dead workers held {HumanUnits.Count(lines.Unacknowledged)} events that were not acknowledged: {HumanUnits.Count(lines.Arrived)} had arrived, {HumanUnits.Count(lines.HandedOutAgain)} were handed out again[/]");
        }

        foreach (string reason in Reasons(result))
            console.MarkupLine($"  [red]because[/] {Markup.Escape(reason)}");
        console.WriteLine();

        void Row(string name, Int128 wanted, Int128 got) => console.MarkupLine(
            $"  {name,-8}{HumanUnits.Count(wanted),20}{HumanUnits.Count(got),20}   {(wanted == got ? "[green]EXACT[/]" : $"[red]{(got > wanted ? "+" : "")}{HumanUnits.Count(got - wanted)}[/]")}");
    }

    private static IEnumerable<string> Reasons(IngestResult result)
    {
        LineReport lines = result.Lines!;
        if (lines.Undelivered > 0)
            yield return $"{HumanUnits.Count(lines.Undelivered)} events were not taken: no worker was left";
        if (lines.DifferingKeys > 0)
            yield return $"{HumanUnits.Count(lines.DifferingKeys)} keys were completed with other events than were acknowledged";
        if (lines.Contradictions > 0)
            yield return $"{HumanUnits.Count(lines.Contradictions)} sessions were delivered again with another content or the same token";
        if (result.Refused > 0)
            yield return $"{HumanUnits.Count(result.Refused)} events were refused because a sum would not fit 64 bits";
        foreach (string left in result.Left)
            yield return left;
    }
}
