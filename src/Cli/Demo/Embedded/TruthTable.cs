using System.Globalization;
using Sluice.Cli.Report;
using Spectre.Console;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>What a demonstration says at the end.</summary>
internal static class TruthTable
{
    public static void Write(IAnsiConsole console, DemoRun run, Truth truth)
    {
        console.WriteLine();
        console.MarkupLine($"  [dim]{"",-36}{"hits",15}{"bytes",22}[/]");
        Row("acknowledged to the brokers", truth.Acknowledged);
        if (truth.Died > 0)
            Row("+ arrived, though the worker died", truth.Arrived);
        Row("completed", truth.Completed);
        PageTotals wanted = truth.Acknowledged + truth.Arrived;
        console.MarkupLine($"  {"",-36}{Verdict(wanted.Hits, truth.Completed.Hits, 15)}{Verdict(wanted.Bytes, truth.Completed.Bytes, 22)}");
        console.WriteLine();
        string pages = truth.IsExact ? "none differs" : $"[red]{HumanUnits.Count(truth.DifferingPages)} pages differ[/]";
        console.MarkupLine($"  [dim]{HumanUnits.Count(ClickStream.Pages)} pages compared, {pages}; {HumanUnits.Count(run.Sink.Sessions)} sessions, each written once[/]");
        if (truth.Died > 0)
            console.MarkupLine($"  [dim]{HumanUnits.Count(truth.Died)} events were not acknowledged when their worker died: brokers still have them[/]");
        console.MarkupLine(
            $"  [dim]{Count(Consequence.ReplyLost)} replies lost, {Count(Consequence.DuplicateSuppressed)} duplicates suppressed, {Count(Consequence.Fenced)} fenced, {Count(Consequence.Replayed)} replayed;[/]");
        console.MarkupLine($"  [dim]{Count(Consequence.Reclaimed)} sessions claimed again, {Count(Consequence.RecognisedBySink)} known to the database by their idempotency key[/]");
        console.WriteLine();

        void Row(string name, PageTotals totals) => console.MarkupLine($"  {name,-36}{HumanUnits.Count(totals.Hits),15}{HumanUnits.Count(totals.Bytes),22}");

        string Count(Consequence consequence) => HumanUnits.Count(run.Mishaps[consequence]);
    }

    /// <summary>What the same costs without the numbers of batches.</summary>
    public static void Compare(IAnsiConsole console, Truth careless)
    {
        long more = careless.Completed.Hits - careless.Acknowledged.Hits;
        console.MarkupLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  once more, with lost replies and [bold]without batch numbers[/]: {(more == 0 ? "[green]EXACT[/]" : $"[red]{more:+#,0;-#,0} hits ({100.0 * more / Math.Max(careless.Acknowledged.Hits, 1):+0.0;-0.0} %)[/]")}"));
        console.WriteLine();
    }

    private static string Verdict(long wanted, long got, int width) => wanted == got
        ? $"[green]{"EXACT".PadLeft(width)}[/]"
        : $"[red]{(got - wanted).ToString("+#,0;-#,0", CultureInfo.InvariantCulture).PadLeft(width)}[/]";
}
