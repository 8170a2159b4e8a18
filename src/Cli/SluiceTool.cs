using System.CommandLine;
using System.CommandLine.Parsing;
using Sluice.Cli.Commands;
using Sluice.Cli.Report;
using Sluice.Cli.Sessions;
using Spectre.Console;

namespace Sluice.Cli;

/// <summary>The <c>sluice</c> command. One file per subcommand under <c>Commands</c>.</summary>
internal static class SluiceTool
{
    /// <summary>Runs one command line and returns the exit status.</summary>
    public static async Task<int> RunAsync(string[] arguments, Func<int, IVisitEngines> engines)
    {
        RootCommand root = new("Turns a flood of small updates into few exact writes.")
        {
            IngestCommand.Create(engines),
            SampleCommand.Create(),
            DemoCommand.Create(),
            InspectCommand.Create(),
            DoctorCommand.Create(),
            LettersCommand.Create(),
            DrainCommand.Create(),
            PurgeCommand.Create(),
            WorkerCommand.Create(),
        };
        ParseResult parse = root.Parse(arguments);
        if (parse.Errors.Count > 0)
        {
            IAnsiConsole console = Terminal.Create(Console.Error);
            foreach (ParseError error in parse.Errors)
                Terminal.Complain(console, error.Message);
            Terminal.Complain(console, $"see: sluice {string.Join(' ', parse.CommandResult.Command == root ? "" : parse.CommandResult.Command.Name, "--help").TrimStart()}");
            return ExitCode.BadArguments;
        }

        return await parse.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }).ConfigureAwait(false);
    }
}
