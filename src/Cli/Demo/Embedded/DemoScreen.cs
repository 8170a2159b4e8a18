using System.Globalization;
using Sluice.Cli.Report;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>The run as a screen of 80 columns and at most 23 lines. For one thread.</summary>
internal sealed class DemoScreen(DemoRun run, DemoTerms terms)
{
    public const int Width = 78;

    private const string Blank = " ";
    private const int TraceLength = 24;
    private const int MostLines = 23;
    private const int MostLogLines = 6;
    private const int MostWorkers = 6;
    private const string Bars = "▁▂▃▄▅▆▇█";
    private const string Keys = "[[k]] kill  [[p]] pause  [[d]] lose replies  [[l]] lose writes  [[s]] break sink  [[q]] end";

    private readonly Queue<double> _eventRates = new(), _sessionRates = new();
    private readonly Dictionary<int, long> _mergedBefore = [];
    private DemoView? _before;

    /// <summary>Draws a look; the rates are those since the look before.</summary>
    public IRenderable Draw(DemoView view)
    {
        double seconds = _before is null ? 0 : (view.Elapsed - _before.Elapsed).TotalSeconds;
        double events = Note(_eventRates, _before is null ? 0 : (view.Merged - _before.Merged) / seconds);
        double sessions = Note(_sessionRates, _before is null ? 0 : (view.Sessions - _before.Sessions) / seconds);
        List<string> lines =
        [
            Blank,
            $" [bold]sluice demo[/]  [dim]{terms.Workers} workers, embedded coordinator, {HumanUnits.Count(ClickStream.Pages)} keys zipf 1.0[/]  {(run.IsSettling ? "[yellow]settling[/]" : Left(view))}",
            Blank,
            $" events merged {HumanUnits.Count(view.Merged),18}   {Trace(_eventRates)} {HumanUnits.Rate(events),8}/s",
            $" sessions completed {HumanUnits.Count(view.Sessions),13}   {Trace(_sessionRates)} {HumanUnits.Rate(sessions),8}/s",
            string.Create(CultureInfo.InvariantCulture, $" events per write {(double)view.Merged / Math.Max(view.Writes, 1),15:0.0}   {HumanUnits.Count(view.Open)} sessions open, {HumanUnits.Count(view.Sealed)} being completed"),
            Blank,
            $" [dim]{"worker",-8}{"",-12}{"events/s",10}{"unacknowledged",17}{"references",13}[/]",
        ];
        foreach (WorkerView worker in view.Workers.Take(MostWorkers))
            lines.Add(Row(worker, seconds));
        if (view.Workers.Count > MostWorkers)
            lines.Add($" [dim]and {view.Workers.Count - MostWorkers} more[/]");
        lines.Add(Blank);
        lines.Add($" [dim]duplicates suppressed[/] {Count(Consequence.DuplicateSuppressed)}  [dim]fenced[/] {Count(Consequence.Fenced)}  [dim]claimed again[/] {Count(Consequence.Reclaimed)}  [dim]replayed[/] {Count(Consequence.Replayed)}");
        lines.Add(Blank);
        int room = Math.Min(MostLogLines, MostLines - lines.Count - 1);
        (TimeSpan At, string Text)[] log = [.. run.Log.TakeLast(room)];
        foreach ((TimeSpan at, string text) in log)
            lines.Add(string.Create(CultureInfo.InvariantCulture, $" [dim]{at.TotalSeconds,5:0.0} s[/]  {Markup.Escape(text.Length <= Width - 10 ? text : text[..(Width - 11)] + "…")}"));
        for (int i = log.Length; i < room; i++)
            lines.Add(Blank);
        lines.Add($" [dim]{Keys}[/]");
        _before = view;
        return new Rows(lines.Select(static line => new Markup(line) { Overflow = Overflow.Crop }));
    }

    private static double Note(Queue<double> rates, double rate)
    {
        rates.Enqueue(rate);
        if (rates.Count > TraceLength)
            rates.Dequeue();
        return rates.Average();
    }

    private static string Trace(Queue<double> rates)
    {
        double most = Math.Max(rates.Max(), 1);
        string bars = string.Concat(rates.Select(rate => Bars[Math.Clamp((int)(rate / most * (Bars.Length - 1)), 0, Bars.Length - 1)]));
        return $"[aqua]{bars.PadLeft(TraceLength)}[/]";
    }

    private string Left(DemoView view) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (terms.Duration - view.Elapsed).TotalSeconds):0} s left");

    private string Count(Consequence consequence) => HumanUnits.Count(run.Mishaps[consequence]);

    private string Row(WorkerView worker, double seconds)
    {
        long merged = worker.Merged - _mergedBefore.GetValueOrDefault(worker.Number);
        _mergedBefore[worker.Number] = worker.Merged;
        string state = worker.State switch
        {
            WorkerState.Running => $"[green]{"running",-12}[/]",
            WorkerState.Paused => $"[yellow]{"stopped",-12}[/]",
            _ => $"[red]{"killed",-12}[/]",
        };
        string note = worker.State switch
        {
            WorkerState.Killed when worker.References > 0 => "  lease not over",
            WorkerState.Paused when worker.References == 0 => "  taken over",
            _ => "",
        };
        return $" {worker.Number,-8}{state}{HumanUnits.Rate(seconds > 0 ? merged / seconds : 0),10}{HumanUnits.Count(worker.Waiting),17}{HumanUnits.Count(worker.References),13}[dim]{note}[/]";
    }
}
