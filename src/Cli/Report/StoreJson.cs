using System.Globalization;
using System.Text.Json;
using Sluice.Cli.Output;
using Sluice.Cli.Redis;
using Sluice.Coordination;

namespace Sluice.Cli.Report;

/// <summary>What <c>sluice inspect --json</c> writes: everything, with instants instead of distances.</summary>
internal static class StoreJson
{
    public static void Write(StoreView view, Stream output)
    {
        using Utf8JsonWriter json = new(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        Objects(json, "servers", view.Servers, static (json, server) =>
        {
            json.WriteString("server", server.Endpoint.ToString());
            json.WriteString("version", server.Report.Version?.ToString());
            json.WriteNumber("usedMemory", server.Report.UsedMemory);
            json.WriteNumber("memoryLimit", server.Report.MemoryLimit);
            json.WriteBoolean("appendOnlyFile", server.Report.WritesAppendOnlyFile);
        });
        Objects(json, "namespaces", view.Spaces, static (json, entry) =>
        {
            (StoredNamespace space, IReadOnlyList<StoredPartition> partitions) = entry;
            json.WriteString("prefix", space.Prefix);
            json.WriteString("aggregate", space.Aggregate);
            json.WriteString("fingerprint", space.Fingerprint.ToString("x16", CultureInfo.InvariantCulture));
            if (space.Listing is { } listing)
                json.WriteNumber("partitionCount", listing.Partitions);
            Objects(json, "partitions", partitions, Write);
        });
        json.WriteEndObject();
        json.Flush();
        output.WriteByte((byte)'\n');
    }

    private static void Write(Utf8JsonWriter json, StoredPartition partition)
    {
        PartitionState state = partition.Snapshot.State;
        json.WriteNumber("partition", partition.Number);
        json.WriteString("server", partition.Server.Endpoint.ToString());
        Moment(json, "now", partition.Snapshot.Now);
        json.WriteString("layout", state.Layout.ToString("x16", CultureInfo.InvariantCulture));
        json.WriteNumber("clock", state.Clock);
        Objects(json, "members", state.Members.OrderBy(static member => member.Key), (json, entry) =>
        {
            (IncarnationId id, Member member) = entry;
            json.WriteString("member", id.ToString());
            Moment(json, "since", id.IssuedAt);
            Moment(json, "leaseUntil", member.LeaseDeadline);
            json.WriteBoolean("isExpired", member.LeaseDeadline < partition.Snapshot.Now);
            json.WriteNumber("references", state.Owned.TryGetValue(id, out var owned) ? owned.Count : 0);
            json.WriteNumber("lastBatch", member.Applied);
        });
        json.WriteNumber("tombstones", state.Tombstones.Count);
        Sessions(json, partition);
        Claims(json, partition);
        Letters(json, partition);
    }

    private static void Objects<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Sessions(Utf8JsonWriter json, StoredPartition partition) =>
        Objects(json, "sessions", partition.Snapshot.State.Open.OrderBy(static open => open.Key), (json, entry) =>
        {
            (ResourceKey key, OpenRecord open) = entry;
            json.WriteString("key", Input.LogText.Of(key.Bytes));
            json.WriteNumber("holders", open.Holders);
            json.WriteNumber("generation", open.Generation);
            json.WriteNumber("timesModified", open.TimesModified);
            Moment(json, "created", open.CreatedAt);
            Moment(json, "due", open.Due);
            json.WriteBoolean("waits", open.Waiting);
            Fields(json, partition.Space, open.Fields);
        });

    private static void Claims(Utf8JsonWriter json, StoredPartition partition) =>
        Objects(json, "claims", partition.Snapshot.State.Sealed.OrderBy(static done => done.Key), (json, entry) =>
        {
            (ResourceKey key, SealedRecord done) = entry;
            json.WriteString("key", Input.LogText.Of(key.Bytes));
            json.WriteNumber("generation", done.Generation);
            json.WriteNumber("fencingToken", done.Token);
            json.WriteNumber("attempt", done.Attempt);
            json.WriteString("reason", VisitJson.ReasonText(done.Reason));
            Moment(json, "claimedUntil", done.LeaseDeadline);
            json.WriteBoolean("isParked", done.Parked);
            json.WriteString("lastError", done.LastError);
            Fields(json, partition.Space, done.Fields);
        });

    private static void Letters(Utf8JsonWriter json, StoredPartition partition) =>
        Objects(json, "deadLetters", partition.Snapshot.State.DeadLetters.Values, (json, letter) =>
        {
            json.WriteString("key", Input.LogText.Of(letter.Resource.Bytes));
            json.WriteNumber("id", letter.Id);
            json.WriteString("what", letter.Kind == DeadLetterKind.Completion ? "session" : "update");
            json.WriteNumber("attempts", letter.Attempts);
            json.WriteString("error", letter.Error);
            Moment(json, "at", letter.At);
            Fields(json, partition.Space, letter.Fields);
        });

    private static void Fields(Utf8JsonWriter json, StoredNamespace space, ReadOnlyMemory<byte> record)
    {
        if (space.Listing is not { } listing)
            return;
        json.WritePropertyName("fields");
        FieldValues.Write(json, listing.Schema, record);
    }

    private static void Moment(Utf8JsonWriter json, string name, long moment)
    {
        if (MomentText.Instant(moment) is { } instant)
            json.WriteString(name, instant);
        else
            json.WriteNull(name);
    }
}
