using System.Globalization;
using Sluice.Cli.Output;
using Sluice.Cli.Redis;
using Sluice.Coordination;
using Spectre.Console;

namespace Sluice.Cli.Report;

/// <summary>What <c>sluice inspect</c> shows people.</summary>
internal sealed class StoreTables(IAnsiConsole console, StoreView view, int limit)
{
    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        console.WriteLine();
        foreach (StoreServer server in view.Servers)
        {
            string memory = server.Report.MemoryLimit > 0 ? $"{HumanUnits.Bytes(server.Report.UsedMemory)} of {HumanUnits.Bytes(server.Report.MemoryLimit)}" : HumanUnits.Bytes(server.Report.UsedMemory);
            console.MarkupLine($"  [bold]{Markup.Escape(server.Endpoint.ToString())}[/] [dim]version {Markup.Escape(server.Report.Version?.ToString() ?? "unknown")}, {memory} used, {(server.Report.WritesAppendOnlyFile ? "append-only file" : "no append-only file")}[/]");
        }

        if (view.Spaces.Count == 0)
            console.MarkupLine("\n  nothing is stored here [dim](of this prefix)[/]");
        foreach ((StoredNamespace space, IReadOnlyList<StoredPartition> partitions) in view.Spaces)
            Write(space, partitions);
        console.WriteLine();
    }

    private void Write(StoredNamespace space, IReadOnlyList<StoredPartition> partitions)
    {
        IReadOnlyList<PartitionState> states = [.. partitions.Select(static partition => partition.Snapshot.State)];
        console.WriteLine();
        console.MarkupLine(
            $"  [bold]{Markup.Escape(space.Prefix)}:{Markup.Escape(space.Aggregate)}[/] [dim]schema {space.Fingerprint:x16}, {(space.Listing is { } listing ? $"{listing.Partitions} partitions" : "not listed by its processes: values can't be shown")}[/]");
        console.MarkupLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {states.Sum(static s => s.Open.Values.Count(static open => open.HasUpdates)):N0} open sessions, {states.Sum(static s => s.Owned.Values.Sum(static owned => owned.Count)):N0} references, {states.Sum(static s => s.Sealed.Count):N0} being completed, {states.Sum(static s => s.DeadLetters.Count + s.Sealed.Values.Count(static done => done.Parked)):N0} dead letters"));
        if (partitions.Count == 0)
            return;
        Partitions(partitions);
        Members(partitions);
        Sessions(space, partitions);
        Claims(partitions);
        Letters(space, partitions);
    }

    private void Partitions(IReadOnlyList<StoredPartition> partitions) => Show(
        ["partition", "members", "dead", "open", "references", "sealed", "parked", "letters", "next due"],
        [.. partitions.Select(static partition =>
        {
            (PartitionState state, long now) = (partition.Snapshot.State, partition.Snapshot.Now);
            return (string[])
            [
                Number(partition.Number), Number(state.Members.Count), Number(state.Tombstones.Count), Number(state.Open.Count), Number(state.Owned.Values.Sum(static owned => owned.Count)),
                Number(state.Sealed.Count), Number(state.Sealed.Values.Count(static done => done.Parked)), Number(state.DeadLetters.Count), state.NextDue == long.MaxValue ? "-" : MomentText.Of(state.NextDue, now),
            ];
        })]);

    private void Members(IReadOnlyList<StoredPartition> partitions) => Show(
        ["member", "partition", "lease", "references", "batches", "alive for"],
        [.. partitions.SelectMany(static partition => partition.Snapshot.State.Members.OrderBy(static member => member.Key).Select(member =>
        {
            long now = partition.Snapshot.Now;
            string lease = member.Value.LeaseDeadline >= now ? $"{MomentText.Span(member.Value.LeaseDeadline - now)} left" : $"[red]expired {MomentText.Span(now - member.Value.LeaseDeadline)} ago[/]";
            int held = partition.Snapshot.State.Owned.TryGetValue(member.Key, out var owned) ? owned.Count : 0;
            return (string[])[Markup.Escape(member.Key.ToString()), Number(partition.Number), lease, Number(held), Number(member.Value.Applied), MomentText.Span(now - member.Key.IssuedAt)];
        }))]);

    private void Sessions(StoredNamespace space, IReadOnlyList<StoredPartition> partitions) => Show(
        ["open session", "partition", "holders", "modified", "due", "fields"],
        [.. partitions.SelectMany(partition => partition.Snapshot.State.Open.OrderByDescending(static open => open.Value.CreatedAt).Select(open => (open.Value.CreatedAt, Row: (string[])
        [
            Key(open.Key), Number(partition.Number), Number(open.Value.Holders), Number(open.Value.TimesModified),
            open.Value.HasUpdates ? $"{MomentText.Of(open.Value.Due, partition.Snapshot.Now)}{(open.Value.Waiting ? ", waits for the one before" : "")}" : "referenced only", Fields(space, open.Value.Fields),
        ]))).OrderByDescending(static row => row.CreatedAt).Select(static row => row.Row)]);

    private void Claims(IReadOnlyList<StoredPartition> partitions) => Show(
        ["being completed", "partition", "generation", "token", "attempt", "claim", "why it ended", "last error"],
        [.. partitions.SelectMany(partition => partition.Snapshot.State.Sealed.OrderBy(static done => done.Value.LeaseDeadline).Select(done => (string[])
        [
            Key(done.Key), Number(partition.Number), Plain(done.Value.Generation), Plain(done.Value.Token), Number(done.Value.Attempt),
            done.Value.Parked ? "[yellow]parked[/]" : done.Value.LeaseDeadline >= partition.Snapshot.Now ? $"{MomentText.Span(done.Value.LeaseDeadline - partition.Snapshot.Now)} left" : $"[yellow]free since {MomentText.Span(partition.Snapshot.Now - done.Value.LeaseDeadline)}[/]",
            VisitJson.ReasonText(done.Value.Reason).ToString(), Markup.Escape(Cut(done.Value.LastError ?? "")),
        ]))]);

    private void Letters(StoredNamespace space, IReadOnlyList<StoredPartition> partitions) => Show(
        ["dead letter", "partition", "id", "what", "since", "error", "fields"],
        [.. partitions.SelectMany(partition => partition.Snapshot.State.DeadLetters.Values.Select(letter => (string[])
        [
            Key(letter.Resource), Number(partition.Number), Plain(letter.Id), letter.Kind == DeadLetterKind.Completion ? "session" : "update",
            MomentText.Of(letter.At, partition.Snapshot.Now), Markup.Escape(Cut(letter.Error)), Fields(space, letter.Fields),
        ]))]);

    private void Show(string[] titles, IReadOnlyList<string[]> rows)
    {
        if (rows.Count == 0 || limit == 0)
            return;
        console.WriteLine();
        Table table = new Table().NoBorder();
        foreach (string title in titles)
            table.AddColumn(new TableColumn($"[dim]{title}[/]").NoWrap());
        foreach (string[] row in rows.Take(limit))
            table.AddRow(row);
        console.Write(new Padder(table, new Padding(1, 0, 0, 0)));
        if (rows.Count > limit)
            console.MarkupLine($"  [dim]and {HumanUnits.Count(rows.Count - limit)} more: --limit {rows.Count}, or --json[/]");
    }

    private static string Fields(StoredNamespace space, ReadOnlyMemory<byte> record) => Markup.Escape(Cut(
        space.Listing is { } listing ? string.Join("  ", FieldValues.Texts(listing.Schema, record).Select(static field => $"{field.Name}={field.Value}")) : $"{record.Length} bytes", 160));

    private static string Key(ResourceKey key) => Markup.Escape(Cut(Input.LogText.Of(key.Bytes), 48));

    private static string Cut(string text, int most = 60)
    {
        string line = string.Concat(text.Select(static c => char.IsControl(c) ? ' ' : c));
        return line.Length <= most ? line : string.Concat(line.AsSpan(0, most - 1), "…");
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Plain(long value) => value.ToString(CultureInfo.InvariantCulture);
}
