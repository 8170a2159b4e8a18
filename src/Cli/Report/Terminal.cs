using Spectre.Console;

namespace Sluice.Cli.Report;

/// <summary>Standard error, for people: in colour on a terminal that has it (and unless <c>NO_COLOR</c> says otherwise), as plain text elsewhere.</summary>
internal static class Terminal
{
    /// <summary>Makes the console.</summary>
    /// <param name="writer">Usually <see cref="Console.Error"/>.</param>
    public static IAnsiConsole Create(TextWriter writer)
    {
        AnsiConsoleOutput output = new(writer);
        if (output.IsTerminal)
            return AnsiConsole.Create(new AnsiConsoleSettings { Out = output });

        // Text that goes to a file has no colours, and is wrapped by whoever reads it.
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = output,
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = 4096;
        return console;
    }

    /// <summary>Says what is wrong, in one line.</summary>
    public static void Complain(IAnsiConsole console, string message) =>
        console.MarkupLine($"[red]sluice:[/] {Markup.Escape(message)}");
}
