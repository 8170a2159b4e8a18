using System.CommandLine;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice purge</c>: removes everything of a prefix.</summary>
internal static class PurgeCommand
{
    public static Command Create()
    {
        StoreOptions where = new();
        Option<bool> yes = new("--yes") { Description = "Don't ask" };
        Option<bool> force = new("--force") { Description = "Also while processes run: what they have flushed and not completed is lost" };
        Command command = new("purge", "Remove everything that a prefix has on Redis servers, for good.") { yes, force };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            string prefix = where.Prefix(parse) ?? throw new Arguments.BadArgumentException("purge needs --prefix NAME: it removes everything of one application (sluice inspect shows the prefixes)");
            IAnsiConsole console = Terminal.Create(Console.Error);
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                (long keys, string what, long living) = await LookAsync(store, prefix, cancellation).ConfigureAwait(false);
                if (keys == 0)
                {
                    console.MarkupLine($"  nothing has the prefix [bold]{Markup.Escape(prefix)}[/]");
                    return ExitCode.Success;
                }

                if (living > 0 && !parse.GetValue(force))
                    throw new ToolFailureException(ExitCode.NotConserved, $"processes with the prefix {prefix} are running: stop them and sluice drain first, or give --force");
                if (!parse.GetValue(yes) && !Confirms(console, prefix, what))
                    return ExitCode.NotConserved;
                long removed = 0;
                foreach (StoreServer server in store.Servers)
                    removed += await StoredKeys.RemoveAsync(server.Client, prefix, cancellation).ConfigureAwait(false);
                console.MarkupLine($"  [green]purged[/] {Markup.Escape(prefix)}: {what}, {HumanUnits.Count(removed)} keys");
                return ExitCode.Success;
            }
        }));
        return command;
    }

    private static async ValueTask<(long Keys, string What, long Living)> LookAsync(RedisStore store, string prefix, CancellationToken cancellation)
    {
        long keys = 0, open = 0, letters = 0, living = 0;
        foreach (StoreServer server in store.Servers)
        {
            await foreach (string[] found in StoredKeys.FindAsync(server.Client, prefix, cancellation).ConfigureAwait(false))
                keys += found.Length;
        }

        foreach (StoredNamespace space in await store.FindAsync(prefix, cancellation).ConfigureAwait(false))
        {
            await foreach (StoredPartition partition in store.ReadAsync(space, cancellation).ConfigureAwait(false))
            {
                PartitionState state = partition.Snapshot.State;
                open += state.Open.Values.Count(static record => record.HasUpdates) + state.Sealed.Count;
                letters += state.DeadLetters.Count;
                living += state.Members.Values.Count(member => member.LeaseDeadline > partition.Snapshot.Now);
            }
        }

        return (keys, $"{HumanUnits.Count(open)} sessions that are not completed, {HumanUnits.Count(letters)} dead letters", living);
    }

    private static bool Confirms(IAnsiConsole console, string prefix, string what)
    {
        console.MarkupLine($"  this removes [bold]{Markup.Escape(prefix)}[/] for good: {what}");
        if (Console.IsInputRedirected)
        {
            Terminal.Complain(console, "nobody is there to ask: give --yes");
            return false;
        }

        console.Markup($"  type [bold]{Markup.Escape(prefix)}[/] to go on: ");
        if (Console.ReadLine() == prefix)
            return true;
        console.MarkupLine("  nothing was removed");
        return false;
    }
}
