using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Resp;

namespace Sluice.Cli.Redis;

/// <summary>A namespace that was found on servers.</summary>
/// <param name="Prefix">What keeps applications apart.</param>
/// <param name="Aggregate">The aggregate's stored name.</param>
/// <param name="Fingerprint">Of its schema.</param>
/// <param name="Listing">What its processes said about it, or null: then its values can't be read.</param>
internal sealed record StoredNamespace(string Prefix, string Aggregate, ulong Fingerprint, AggregateListing? Listing)
{
    public string Name => CoordinationNamespace.NameOf(Prefix, Aggregate, Fingerprint);

    /// <summary>How scripts read its schema; empty when that is not known.</summary>
    public byte[] Schema => Listing is null ? [] : SchemaDescriptor.For(Listing.Schema);
}

/// <summary>One server, as it was when it was asked.</summary>
internal sealed record StoreServer(RespClient Client, RespEndpoint Endpoint, ServerReport Report);

/// <summary>A partition with everything in it, at one moment.</summary>
internal sealed record StoredPartition(StoredNamespace Space, int Number, StoreServer Server, PartitionSnapshot Snapshot)
{
    /// <summary>Sends transitions to the partition.</summary>
    public RedisPartition Open(CancellationToken cancellation) =>
        new(Server.Client, RedisScripts.Shipped, new PartitionKeys(Space.Name, Number), Space.Schema, cancellation);
}

/// <summary>Servers, as tools look at them: without an engine, and without the types of the applications.</summary>
internal sealed class RedisStore : IAsyncDisposable
{
    private readonly ImmutableArray<StoreServer> _servers;

    private RedisStore(ImmutableArray<StoreServer> servers) => _servers = servers;

    public ImmutableArray<StoreServer> Servers => _servers;

    /// <summary>Connects.</summary>
    /// <exception cref="ToolFailureException">A server can't be reached.</exception>
    public static async ValueTask<RedisStore> OpenAsync(IEnumerable<string> urls, CancellationToken cancellation)
    {
        List<StoreServer> servers = [];
        try
        {
            foreach (string url in urls)
            {
                RespClientOptions options = RespClientOptions.Parse(url) with { Connections = 1 };
                servers.Add(await ConnectAsync(options, cancellation).ConfigureAwait(false));
            }

            return new RedisStore([.. servers]);
        }
        catch
        {
            await new RedisStore([.. servers]).DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The namespaces of a prefix; null: of all prefixes. Those that nobody listed are found by their keys.</summary>
    public async ValueTask<IReadOnlyList<StoredNamespace>> FindAsync(string? prefix, CancellationToken cancellation)
    {
        SortedDictionary<string, StoredNamespace> found = new(StringComparer.Ordinal);
        foreach (StoreServer server in _servers)
        {
            HashSet<string> prefixes = prefix is null ? [] : [prefix];
            SortedSet<string> stored = new(StringComparer.Ordinal);
            await foreach (string name in PartitionsAsync(server, prefix ?? "*", cancellation).ConfigureAwait(false))
            {
                stored.Add(name);
                prefixes.Add(name[..name.IndexOf(':', StringComparison.Ordinal)]);
            }

            foreach (string ofPrefix in prefixes)
            {
                foreach ((string name, string text) in await server.Client.HashGetAllAsync(AggregateListing.Key(ofPrefix), cancellationToken: cancellation).ConfigureAwait(false))
                {
                    if (AggregateListing.Read(name, text) is { } listing)
                        found[name] = new StoredNamespace(listing.Prefix, listing.Schema.Name, listing.Schema.Fingerprint, listing);
                }
            }

            foreach (string name in stored)
            {
                string[] parts = name.Split(':');
                found.TryAdd(name, new StoredNamespace(parts[0], parts[1], ulong.Parse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture), null));
            }
        }

        return [.. found.Values];
    }

    /// <summary>Reads the partitions of a namespace that hold something, in order, each at one moment of its own. O(everything in them).</summary>
    /// <exception cref="ToolFailureException">A partition can't be read: it was written by something else.</exception>
    public async IAsyncEnumerable<StoredPartition> ReadAsync(StoredNamespace space, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (StoreServer server in _servers)
        {
            foreach (int number in await NumbersAsync(server, space, cancellation).ConfigureAwait(false))
            {
                if (await ReadAsync(server, space, number, cancellation).ConfigureAwait(false) is { } partition)
                    yield return partition;
            }
        }
    }

    /// <summary>Reads one partition; null when it holds nothing.</summary>
    public static async ValueTask<StoredPartition?> ReadAsync(StoreServer server, StoredNamespace space, int number, CancellationToken cancellation)
    {
        try
        {
            PartitionSnapshot snapshot = await PartitionSnapshot.ReadAsync(server.Client, RedisScripts.Shipped, new PartitionKeys(space.Name, number), cancellation).ConfigureAwait(false);
            return snapshot.State.Layout == 0 && snapshot.State.Clock == 0 ? null : new StoredPartition(space, number, server, snapshot);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            throw new ToolFailureException(ExitCode.UnusableServer, $"partition {number} of {space.Name} can't be read: its records are not of a form that this version knows ({e.Message.TrimEnd('.')}). Is it written by a newer version?");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (StoreServer server in _servers)
            await server.Client.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<StoreServer> ConnectAsync(RespClientOptions options, CancellationToken cancellation)
    {
        try
        {
            RespClient client = await RespClient.ConnectAsync(options, cancellation).ConfigureAwait(false);
            try
            {
                return new StoreServer(client, options.Endpoint, new ServerReport(await client.InfoAsync(cancellationToken: cancellation).ConfigureAwait(false) ?? ""));
            }
            catch
            {
                await client.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        catch (RespException e) when (e is not RespServerException { Kind: RespErrorKind.NoPermission })
        {
            throw new ToolFailureException(ExitCode.UnusableServer, $"cannot use {options.Endpoint}: {e.Message}");
        }
    }

    private static async ValueTask<IReadOnlyList<int>> NumbersAsync(StoreServer server, StoredNamespace space, CancellationToken cancellation)
    {
        if (space.Listing is { } listing)
            return [.. Enumerable.Range(0, listing.Partitions)];
        SortedSet<int> numbers = [];
        await foreach (string[] keys in StoredKeys.ScanAsync(server.Client, $"{{{space.Name}:*}}:m", cancellation).ConfigureAwait(false))
            numbers.UnionWith(keys.Select(key => int.Parse(key[(space.Name.Length + 2)..^3], CultureInfo.InvariantCulture)));
        return [.. numbers];
    }

    /// <summary>The names of the namespaces that have partitions, many times.</summary>
    private static async IAsyncEnumerable<string> PartitionsAsync(StoreServer server, string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (string[] keys in StoredKeys.ScanAsync(server.Client, $"{{{prefix}:*}}:m", cancellation).ConfigureAwait(false))
        {
            foreach (string key in keys)
            {
                string[] parts = key[1..^3].Split(':');
                if (parts.Length == 4 && ulong.TryParse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out _) && int.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out _))
                    yield return string.Join(':', parts[..3]);
            }
        }
    }
}
