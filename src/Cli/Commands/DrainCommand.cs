using System.CommandLine;
using System.Diagnostics;
using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice drain</c>: ends all sessions and waits until they are completed by the processes that run.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    public static Command Create()
    {
        StoreOptions where = new(PrefixText.Default);
        ToolOption<Limit> patience = ToolOptions.Duration("--timeout", "How long to wait", new Limit(TimeSpan.FromMinutes(5)));
        Command command = new("drain", "End all sessions and wait until running processes have completed them: before the number of partitions changes, or an aggregate is retired.") { patience };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            IAnsiConsole console = Terminal.Create(Console.Error);
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                long began = Stopwatch.GetTimestamp();
                TimeSpan limit = patience.Of(parse).Span ?? TimeSpan.MaxValue;
                bool isDrained = true;
                foreach (StoredNamespace space in await where.FindAsync(parse, store, cancellation).ConfigureAwait(false))
                    isDrained &= await DrainAsync(store, space, began, limit, console, cancellation).ConfigureAwait(false);
                return isDrained ? ExitCode.Success : ExitCode.NotConserved;
            }
        }));
        return command;
    }

    private static async ValueTask<bool> DrainAsync(RedisStore store, StoredNamespace space, long began, TimeSpan limit, IAnsiConsole console, CancellationToken cancellation)
    {
        string name = $"{space.Prefix}:{space.Aggregate}";
        long ended = 0;
        while (true)
        {
            (long open, long sealedNow, long members, long kept) = (0, 0, 0, 0);
            await foreach (StoredPartition partition in store.ReadAsync(space, cancellation).ConfigureAwait(false))
            {
                PartitionState state = partition.Snapshot.State;
                if (state.Open.Values.Any(static record => record is { HasUpdates: true, Forced: false }))
                    ended += (await partition.Open(cancellation).EndAsync(new EndRequest(CompletionReason.Shutdown)).ConfigureAwait(false)).Ended;
                open += state.Open.Values.Count(static record => record.HasUpdates);
                sealedNow += state.Sealed.Values.Count(static done => !done.Parked);
                members += state.Members.Values.Count(member => member.LeaseDeadline > partition.Snapshot.Now);
                kept += state.DeadLetters.Count + state.Sealed.Values.Count(static done => done.Parked);
            }

            if (open == 0 && sealedNow == 0)
            {
                console.MarkupLine($"  [green]drained[/] {Markup.Escape(name)}: {HumanUnits.Count(ended)} sessions were ended, none is open");
                if (kept > 0)
                    console.MarkupLine($"  [yellow]note[/] [dim]{HumanUnits.Count(kept)} dead letters stay: see sluice letters list[/]");
                if (members > 0)
                    console.MarkupLine($"  [yellow]note[/] [dim]processes still run and may begin new sessions. To change the number of partitions, stop them, drain once more, then sluice purge --prefix {Markup.Escape(space.Prefix)}[/]");
                return kept == 0;
            }

            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                Terminal.Complain(console, $"{name} is not drained: {HumanUnits.Count(open)} sessions are open and {HumanUnits.Count(sealedNow)} being completed{(members == 0 ? "; no process is running: start one that completes them" : ": is its sink slow, or does nobody complete it? sluice doctor says more")}");
                return false;
            }

            await Task.Delay(LookAgain, cancellation).ConfigureAwait(false);
        }
    }
}
