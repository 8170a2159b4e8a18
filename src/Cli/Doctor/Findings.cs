using Sluice.Cli.Report;
using Spectre.Console;

namespace Sluice.Cli.Doctor;

/// <summary>What an examination found, shown as it is found.</summary>
internal sealed class Findings(IAnsiConsole console)
{
    /// <summary>What has to be mended.</summary>
    public int Problems { get; private set; }

    /// <summary>What somebody should know.</summary>
    public int Notices { get; private set; }

    public void Begin(string subject)
    {
        console.WriteLine();
        console.MarkupLine($"  [bold]{Markup.Escape(subject)}[/]");
    }

    public void Sound(string text) => console.MarkupLine($"    [green]ok[/]       {Markup.Escape(text)}");

    public void Notice(string text, string advice)
    {
        Notices++;
        Show("[yellow]notice[/]   ", text, advice);
    }

    public void Problem(string text, string advice)
    {
        Problems++;
        Show("[red]problem[/]  ", text, advice);
    }

    public void Mended(string text) => console.MarkupLine($"    [green]mended[/]   {Markup.Escape(text)}");

    public void Conclude()
    {
        console.WriteLine();
        console.MarkupLine(Problems == 0
            ? $"  [green]sound[/]{(Notices == 0 ? "" : $" [dim]({HumanUnits.Count(Notices)} {(Notices == 1 ? "notice" : "notices")})[/]")}"
            : $"  [red]{HumanUnits.Count(Problems)} {(Problems == 1 ? "problem" : "problems")}[/]");
        console.WriteLine();
    }

    private void Show(string kind, string text, string advice)
    {
        console.MarkupLine($"    {kind}{Markup.Escape(text)}");
        console.MarkupLine($"             [dim]{Markup.Escape(advice)}[/]");
    }
}
