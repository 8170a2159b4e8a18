using System.Diagnostics;
using Sluice.Cli.Commands;

namespace Sluice.Cli.Workers;

/// <summary>Starts this program once more, as a worker.</summary>
internal static class WorkerLaunch
{
    public static Process Start()
    {
        string program = Environment.ProcessPath ?? throw new ToolFailureException(ExitCode.NotConserved, "this system does not say where the program is: worker processes can't be started");

        // Run by the dotnet command (a clone, a test), or by its own executable (an installed tool).
        bool byHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        string[] arguments = byHost ? ["exec", Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll"), WorkerCommand.Name] : [WorkerCommand.Name];
        ProcessStartInfo start = new(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };

        // Many small processes on one machine: none of them needs a heap for each core.
        start.Environment["DOTNET_gcServer"] = "0";
        return Process.Start(start) ?? throw new ToolFailureException(ExitCode.NotConserved, $"{program} did not start");
    }
}
