using System.Globalization;
using Sluice.Resp;

namespace Sluice.Samples.Purchases;

/// <summary>An entry of the stream; without a purchase when it can't be read as one, or has been deleted.</summary>
internal readonly record struct StreamEntry(StreamId Id, Purchase? Purchase);

/// <summary>The commands of one consumer of one group of one stream, in Redis 6.2 or newer.</summary>
internal sealed class PurchaseStream(RespClient client, StreamOptions options)
{
    /// <summary>Makes the stream and the group, which begins with the oldest entry, unless they are there.</summary>
    public async Task CreateGroupAsync(CancellationToken cancellation)
    {
        try
        {
            await client.Command("XGROUP").Write("CREATE").Key(options.Stream).Write(options.Group).Write("0").Write("MKSTREAM").ExecuteAsync(cancellationToken: cancellation);
        }
        catch (RespServerException exists) when (exists.Message.StartsWith("BUSYGROUP", StringComparison.Ordinal))
        {
            // Another consumer was first.
        }
    }

    /// <summary>Entries that no consumer has been given yet; waits for some for a while.</summary>
    /// <remarks>Without cancellation: the server would count entries as delivered that nobody has read, and they would wait for somebody to take them over.</remarks>
    public ValueTask<List<StreamEntry>> ReadNewAsync(int count) => client.BlockingCommand("XREADGROUP")
        .Write("GROUP").Write(options.Group).Write(options.Consumer).Write("COUNT").Write(count).Write("BLOCK").Write((long)options.AcknowledgeEvery.TotalMilliseconds).Write("STREAMS").Key(options.Stream).Write(">")
        .ToAsync(static (ref RespReader reply) => Entries(OfStream(RespValue.Read(ref reply))));

    /// <summary>
    /// Takes over what has been with its consumer for too long: it has died, or so has the reply that brought it. The cursor is that of the whole round: <c>0-0</c> begins one, and ends it.
    /// </summary>
    public ValueTask<(string Cursor, List<StreamEntry> Entries)> ClaimAsync(string cursor, int count, CancellationToken cancellation) => client.Command("XAUTOCLAIM")
        .Key(options.Stream).Write(options.Group).Write(options.Consumer).Write((long)options.ClaimAfter.TotalMilliseconds).Write(cursor).Write("COUNT").Write(count)
        .ToAsync(static (ref RespReader reply) => RespValue.Read(ref reply) is var claimed ? (claimed.Items[0].AsString()!, Entries(claimed.Items[1])) : default, cancellationToken: cancellation);

    /// <summary>Says that the group is done with entries.</summary>
    public ValueTask AcknowledgeAsync(IReadOnlyCollection<StreamId> ids)
    {
        RespCommand acknowledge = client.Command("XACK");
        acknowledge.Key(options.Stream).Write(options.Group);
        foreach (StreamId id in ids)
            acknowledge.Write(id.ToString());
        return acknowledge.ExecuteAsync();
    }

    /// <summary>The oldest entry that any consumer of the group has not acknowledged; null when there is none.</summary>
    public ValueTask<StreamId?> OldestPendingAsync() => client.Command("XPENDING").Key(options.Stream).Write(options.Group)
        .ToAsync(static StreamId? (ref RespReader reply) => RespValue.Read(ref reply).Items[1].AsString() is { } oldest ? StreamId.Parse(oldest) : null);

    /// <summary>RESP3 answers a map of streams, RESP2 a list of pairs; null when nothing came in time.</summary>
    private static RespValue? OfStream(RespValue reply) => reply switch
    {
        { IsNull: true } or { Items: [] } => null,
        { Kind: RespPrefix.Map } => reply.Items[1],
        _ => reply.Items[0].Items[1],
    };

    private static List<StreamEntry> Entries(RespValue? entries) =>
        [.. (entries?.Items ?? []).Where(static entry => !entry.IsNull).Select(static entry => StreamId.Parse(entry.Items[0].AsString()!) is var id ? new StreamEntry(id, Read(id, entry.Items[1].Items)) : default)];

    private static Purchase? Read(StreamId id, IReadOnlyList<RespValue> fields)
    {
        string? customer = null;
        long? cents = null;
        for (int i = 0; i + 1 < fields.Count; i += 2)
        {
            if (fields[i].AsString() == "customer")
                customer = fields[i + 1].AsString();
            else if (fields[i].AsString() == "cents" && long.TryParse(fields[i + 1].AsString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
                cents = number;
        }

        return customer is { Length: > 0 and <= 128 } && cents is { } known ? new Purchase(id.Position, customer, known) : null;
    }
}
