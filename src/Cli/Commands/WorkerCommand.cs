using System.CommandLine;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Cli.Workers;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice worker</c>: what <c>sluice ingest</c> and <c>sluice demo</c> start; not for people.</summary>
internal static class WorkerCommand
{
    public const string Name = "worker";

    public static Command Create()
    {
        Command command = new(Name, "A worker process of sluice ingest or sluice demo.") { Hidden = true };
        command.SetAction(async (_, _) =>
        {
            // Ctrl-C goes to everybody on the terminal: what the worker holds is for its parent to decide about.
            using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
            FileStream input = new(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
            await using (input.ConfigureAwait(false))
            {
                Stream output = Output.StandardOutput.Open();
                await using (output.ConfigureAwait(false))
                {
                    using FramePipe pipe = new(input, output);
                    WorkerProgram program = new(pipe);
                    await using (program.ConfigureAwait(false))
                        return await program.RunAsync().ConfigureAwait(false);
                }
            }
        });
        return command;
    }
}
