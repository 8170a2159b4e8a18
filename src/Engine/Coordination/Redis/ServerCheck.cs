using Microsoft.Extensions.Logging;
using Sluice.Diagnostics;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>Whether servers can be relied on: what would lose or refuse writes later is said at the start.</summary>
internal static class ServerCheck
{
    private static readonly Version Oldest = new(6, 2);

    /// <summary>Checks all servers: a task that ends when all were found suitable, and fails with the first that is not.</summary>
    /// <param name="servers">The servers.</param>
    /// <param name="options">What is asked of them. Unless they say that a server that can't be reached is a failure, it is asked until it answers.</param>
    /// <param name="logger">Where warnings go.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CoordinatorException">A server can't be reached.</exception>
    /// <exception cref="UnsuitableServerException">A server can't be relied on.</exception>
    public static async Task CheckAsync(IReadOnlyList<RedisServer> servers, RedisOptions options, ILogger logger, CancellationToken cancellation)
    {
        foreach (RedisServer server in servers)
        {
            try
            {
                Judge(await AskAsync(server, options.Start != RedisStart.Fail, cancellation).ConfigureAwait(false), server.Endpoint, options, logger);
            }
            catch (RespServerException refusal) when (refusal.Kind == RespErrorKind.NoPermission)
            {
                throw new UnsuitableServerException($"{server.Endpoint}: {refusal.Text}. The user needs these rights:\n  {AccessRule.For("<user>", "<prefix>")}", refusal);
            }
            catch (RespException fault)
            {
                throw RedisFaults.Translate(fault, server.Endpoint);
            }
        }
    }

    /// <summary>As <see cref="CheckAsync"/>, for an engine that has started already: what is wrong is logged.</summary>
    public static async Task CheckLaterAsync(IReadOnlyList<RedisServer> servers, RedisOptions options, ILogger logger, CancellationToken cancellation)
    {
        try
        {
            await CheckAsync(servers, options, logger, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The engine ended before the server was there.
        }
        catch (Exception unsuitable)
        {
            logger.Unsuitable(unsuitable);
        }
    }

    private static async Task<ServerReport> AskAsync(RedisServer server, bool waits, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new ServerReport(await server.Control.InfoAsync(cancellationToken: cancellation).ConfigureAwait(false) ?? "");
            }
            catch (RespException fault) when (waits && fault is RespConnectionException or RespTimeoutException or RespServerException { IsTransient: true })
            {
                // The command has waited for its own time-out while the client dialled: no further pause is needed unless the answer came at once.
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <exception cref="UnsuitableServerException">The server can't be relied on.</exception>
    internal static void Judge(ServerReport report, RespEndpoint server, RedisOptions options, ILogger logger)
    {
        if (report.Version is { } version && version < Oldest)
            throw new UnsuitableServerException($"{server} is version {version}; the scripts need {Oldest} or newer.");
        if (report.IsReplica)
            throw new UnsuitableServerException($"{server} is a replica and takes no writes: name the primary.");
        if (report.IsCluster)
            throw new UnsuitableServerException($"{server} is a node of a cluster, which redirects commands: name standalone servers instead; partitions are spread over all that are named.");
        if (report.EvictionPolicy.StartsWith("allkeys-", StringComparison.Ordinal))
        {
            if (report.MemoryLimit > 0)
                throw new UnsuitableServerException($"{server} has maxmemory-policy {report.EvictionPolicy} and would evict what is not completed yet: set noeviction, or a volatile- policy.");
            logger.WouldEvict(server.ToString(), report.EvictionPolicy);
        }

        if (report.WritesAppendOnlyFile)
            return;
        const string Lost = "writes no append-only file: after a restart it lacks what came after its last snapshot, and engines report what they can't send again";
        if (options.Persistence == RedisPersistence.Require)
            throw new UnsuitableServerException($"{server} {Lost}. Set appendonly yes, or {nameof(RedisOptions)}.{nameof(RedisOptions.Persistence)}.");
        if (options.Persistence == RedisPersistence.Warn)
            logger.NotPersistent(server.ToString(), Lost);
    }
}
