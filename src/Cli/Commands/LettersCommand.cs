using System.CommandLine;
using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice letters list|replay|purge</c>: what could not be completed or merged.</summary>
internal static class LettersCommand
{
    private const int All = 1_000_000;

    public static Command Create()
    {
        Command command = new("letters", "Dead letters and parked sessions: list them, give them another life, or delete them.")
        {
            List(),
            Change("replay", "Give them another life: sessions are completed again with their content, updates are merged again.", ReplayAsync),
            Change("purge", "Delete them for good.", PurgeAsync),
        };
        return command;
    }

    private static Command List()
    {
        StoreOptions where = new();
        ToolOption<long> limit = ToolOptions.Count("--limit", "Most lines", 100, 1, All);
        Command command = new("list", "Show them, with the error and the values.") { limit };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                List<FoundLetter> letters = await FindAsync(store, await where.FindAsync(parse, store, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                IAnsiConsole console = Terminal.Create(Console.Out);
                foreach (FoundLetter letter in letters.Take((int)limit.Of(parse)))
                    console.MarkupLine(letter.Line);
                console.MarkupLine(letters.Count == 0 ? "  no dead letters" : $"  [dim]{HumanUnits.Count(letters.Count)} in all; sluice letters replay|purge --id ID, --key KEY or --all[/]");
                return ExitCode.Success;
            }
        }));
        return command;
    }

    private static Command Change(string name, string description, Func<FoundLetter, CancellationToken, ValueTask<string?>> change)
    {
        StoreOptions where = new(PrefixText.Default);
        ToolOption<long> id = ToolOptions.Count("--id", "The one with this number", 0, 1, long.MaxValue);
        ToolOption<string?> key = ToolOptions.Text("--key", "KEY", "Those of this resource");
        Option<bool> all = new("--all") { Description = "All of them" };
        Command command = new(name, description) { id, key, all };
        where.AddTo(command);
        command.SetAction((parse, cancellation) => CommandGuard.RunAsync(async () =>
        {
            if ((id.Of(parse) == 0 ? 0 : 1) + (key.Of(parse) is null ? 0 : 1) + (parse.GetValue(all) ? 1 : 0) != 1)
                throw new BadArgumentException($"which letters? give one of --id ID, --key KEY and --all (sluice letters list shows them)");
            RedisStore store = await where.OpenAsync(parse, cancellation).ConfigureAwait(false);
            await using (store.ConfigureAwait(false))
            {
                ResourceKey? resource = key.Of(parse) is { } text ? ResourceKey.Of(text) : null;
                List<FoundLetter> letters = await FindAsync(store, await where.FindAsync(parse, store, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                letters.RemoveAll(letter => (id.Of(parse) != 0 && letter.Entry.Id != id.Of(parse)) || (resource is not null && !letter.Entry.Resource.Equals(resource)));
                if (letters.Count == 0)
                    throw new ToolFailureException(ExitCode.NotConserved, "there is no such dead letter");
                IAnsiConsole console = Terminal.Create(Console.Error);
                int refused = 0;
                foreach (FoundLetter letter in letters)
                {
                    if (await change(letter, cancellation).ConfigureAwait(false) is not { } reason)
                        continue;
                    refused++;
                    Terminal.Complain(console, $"{letter.Entry.Resource} {letter.Entry.Id}: {reason}");
                }

                console.MarkupLine($"  {name}: {HumanUnits.Count(letters.Count - refused)} of {HumanUnits.Count(letters.Count)}");
                return refused == 0 ? ExitCode.Success : ExitCode.NotConserved;
            }
        }));
        return command;
    }

    private static async ValueTask<List<FoundLetter>> FindAsync(RedisStore store, IReadOnlyList<StoredNamespace> spaces, CancellationToken cancellation)
    {
        List<FoundLetter> letters = [];
        foreach (StoredNamespace space in spaces)
        {
            await foreach (StoredPartition partition in store.ReadAsync(space, cancellation).ConfigureAwait(false))
            {
                DeadLettersReply reply = await partition.Open(cancellation).DeadLettersAsync(new DeadLettersRequest(All)).ConfigureAwait(false);
                letters.AddRange(reply.Letters.Select(letter => new FoundLetter(partition, letter)));
            }
        }

        return letters;
    }

    private static async ValueTask<string?> ReplayAsync(FoundLetter letter, CancellationToken cancellation)
    {
        if (letter.Entry.Kind == DeadLetterKind.Item && letter.Partition.Space.Listing is null)
            return "its schema is not known, because its processes have not listed it: replay it from one of them";
        ReplayReply reply = await letter.Partition.Open(cancellation).ReplayAsync(new ReplayRequest(letter.Entry.Resource, letter.Entry.Id, Linger: 0)).ConfigureAwait(false);
        return reply.Status switch
        {
            ReplayStatus.Replayed => null,
            ReplayStatus.Busy => "another session of the resource is being completed: try again when it is through",
            ReplayStatus.StillRefused => "it still does not fit (a sum would overflow)",
            _ => "it is gone: somebody was faster",
        };
    }

    private static async ValueTask<string?> PurgeAsync(FoundLetter letter, CancellationToken cancellation)
    {
        PurgeReply reply = await letter.Partition.Open(cancellation).PurgeAsync(new PurgeRequest(letter.Entry.Resource, letter.Entry.Id)).ConfigureAwait(false);
        return reply.Purged ? null : "it is gone: somebody was faster";
    }

    private sealed record FoundLetter(StoredPartition Partition, DeadLetterEntry Entry)
    {
        public string Line
        {
            get
            {
                string kind = Entry.Kind == DeadLetterKind.Item ? "update" : Partition.Snapshot.State.Sealed.TryGetValue(Entry.Resource, out SealedRecord? done) && done.Generation == Entry.Id ? "parked session" : "session";
                string values = Partition.Space.Listing is { } listing ? string.Join("  ", FieldValues.Texts(listing.Schema, Entry.Fields).Select(static value => $"{value.Name}={value.Value}")) : $"{Entry.Fields.Length} bytes";
                string error = Entry.Error.Length == 0 ? "" : $": {Entry.Error}";
                string text = $"{Partition.Space.Prefix}:{Partition.Space.Aggregate} {kind} {MomentText.Of(Entry.At, Partition.Snapshot.Now)}, attempts {Entry.Attempts}{error}";
                return $"  [bold]{Markup.Escape(Input.LogText.Of(Entry.Resource.Bytes))}[/] {Entry.Id} [dim]{Markup.Escape(Clean(text))}[/]\n    {Markup.Escape(Clean(values))}";
            }
        }

        private static string Clean(string text) => string.Concat(text.Select(static c => char.IsControl(c) ? ' ' : c));
    }
}
