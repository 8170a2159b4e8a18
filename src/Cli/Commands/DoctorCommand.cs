using System.CommandLine;
using Sluice.Cli.Arguments;
using Sluice.Cli.Doctor;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination.Redis;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice doctor</c>: what is wrong with servers and with what they hold, and what to do. Changes nothing unless told.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        StoreOptions where = new();
        Option<bool> fix = new("--fix") { Description = "Do what is safe at any time: take back what dead processes held, as any running one would" };
        Command command = new("doctor", "Say what is wrong with Redis servers and with what they hold, and what to do. Changes nothing unless told.") { fix };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            IAnsiConsole console = Terminal.Create(Console.Out);
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                Findings findings = new(console);
                foreach (StoreServer server in store.Servers)
                    ServerDiagnosis.Write(server, findings);
                HashSet<string> prefixes = [where.Prefix(parse) ?? PrefixText.Default];
                foreach (StoredNamespace space in await where.FindAsync(parse, store, cancellation).ConfigureAwait(false))
                {
                    prefixes.Add(space.Prefix);
                    await NamespaceDiagnosis.WriteAsync(store, space, parse.GetValue(fix), findings, cancellation).ConfigureAwait(false);
                }

                console.WriteLine();
                console.MarkupLine("  the least rights that a user of these servers needs:");
                foreach (string prefix in prefixes)
                    console.WriteLine($"  {AccessRule.For("NAME", prefix)}");
                console.MarkupLine($"  [dim]and for this tool also {Markup.Escape(AccessRule.ForTools)}[/]");
                findings.Conclude();
                return findings.Problems == 0 ? ExitCode.Success : ExitCode.NotConserved;
            }
        }));
        return command;
    }
}
