using System.Runtime.CompilerServices;
using Sluice.Coordination.Redis;
using Sluice.Resp;

namespace Sluice.Cli.Redis;

/// <summary>The keys that a prefix has on servers.</summary>
internal static class StoredKeys
{
    private const int PerRound = 500;

    /// <summary>Names every key of a prefix on one server: partitions and the list of aggregates. A key that comes or goes meanwhile is named or not; one may be named twice.</summary>
    public static async IAsyncEnumerable<string[]> FindAsync(RespClient client, string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (string pattern in (string[])[$"{{{prefix}:*", AggregateListing.Key(prefix)])
        {
            await foreach (string[] keys in ScanAsync(client, pattern, cancellation).ConfigureAwait(false))
                yield return keys;
        }
    }

    /// <summary>Names the keys of a pattern.</summary>
    public static async IAsyncEnumerable<string[]> ScanAsync(RespClient client, string pattern, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string cursor = "0";
        do
        {
            RespValue reply = await ScanAsync(client, cursor, pattern, cancellation).ConfigureAwait(false);
            cursor = reply.Items[0].AsString() ?? "0";
            string[] keys = [.. reply.Items[1].Items.Select(static key => key.AsString()!)];
            if (keys.Length > 0)
                yield return keys;
        }
        while (cursor != "0");
    }

    /// <summary>Removes every key of a prefix from the servers; how many there were.</summary>
    public static async ValueTask<long> RemoveAsync(IEnumerable<string> servers, string prefix, CancellationToken cancellation)
    {
        long removed = 0;
        foreach (string server in servers)
        {
            RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(server) with { Connections = 1 }, cancellation).ConfigureAwait(false);
            await using (client.ConfigureAwait(false))
                removed += await RemoveAsync(client, prefix, cancellation).ConfigureAwait(false);
        }

        return removed;
    }

    /// <summary>Removes every key of a prefix from one server; how many there were.</summary>
    public static async ValueTask<long> RemoveAsync(RespClient client, string prefix, CancellationToken cancellation)
    {
        long removed = 0;
        await foreach (string[] keys in FindAsync(client, prefix, cancellation).ConfigureAwait(false))
            removed += await UnlinkAsync(client, keys, cancellation).ConfigureAwait(false);
        return removed;
    }

    private static ValueTask<RespValue> ScanAsync(RespClient client, string cursor, string pattern, CancellationToken cancellation)
    {
        RespCommand command = client.Command("SCAN");
        return command.Write(cursor).Write("MATCH").Write(pattern).Write("COUNT").Write(PerRound).ToValueAsync(cancellationToken: cancellation);
    }

    private static ValueTask<long> UnlinkAsync(RespClient client, string[] keys, CancellationToken cancellation)
    {
        RespCommand command = client.Command("UNLINK");
        foreach (string key in keys)
            command.Key(key);
        return command.ToInt64Async(cancellationToken: cancellation);
    }
}
