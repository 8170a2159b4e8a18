using System.CommandLine;
using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice inspect</c>: what servers hold. Changes nothing.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        StoreOptions where = new();
        ToolOption<string?> key = ToolOptions.Text("--key", "KEY", "Only this resource");
        ToolOption<long> limit = ToolOptions.Count("--limit", "Most lines of each list", 20, 0, 1_000_000);
        Option<bool> json = new("--json") { Description = "Everything as one JSON document on standard output" };
        Command command = new("inspect", "Show what Redis servers hold: partitions, members, sessions, claims, dead letters. Changes nothing.") { key, limit, json };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                IReadOnlyList<StoredNamespace> spaces = await where.FindAsync(parse, store, cancellation).ConfigureAwait(false);
                StoreView view = await StoreView.ReadAsync(store, spaces, key.Of(parse), cancellation).ConfigureAwait(false);
                if (parse.GetValue(json))
                {
                    using Stream output = Console.OpenStandardOutput();
                    StoreJson.Write(view, output);
                }
                else
                {
                    new StoreTables(Terminal.Create(Console.Out), view, (int)limit.Of(parse)).Write();
                }

                return ExitCode.Success;
            }
        }));
        return command;
    }
}
