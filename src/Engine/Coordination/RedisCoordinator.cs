using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Locking;
using Sluice.Resp;

namespace Sluice;

/// <summary>
/// Coordinates engines of many processes through one or several Redis servers (6.2 or newer, or what speaks like it): each transition is one script, which is atomic and
/// knows no clock but the server's.
/// </summary>
/// <remarks>
/// Engines that name their servers in <see cref="EngineOptions.Redis"/> make one of their own. One that is made by hand can be shared by the engines of a process; dispose it after them.
/// Thread-safe.
/// </remarks>
public sealed class RedisCoordinator : Coordinator
{
    private readonly RedisServer[] _servers;
    private readonly RendezvousServers _placement;
    private readonly RedisScripts _scripts;
    private readonly RedisLockCoordinator _locks;
    private readonly ConditionalWeakTable<CoordinationNamespace, RedisNamespace> _spaces = [];
    private readonly CancellationTokenSource _closing = new();
    private Task _checking = Task.CompletedTask;
    private int _isDisposed;

    internal RedisCoordinator(RedisOptions options, RedisScripts? scripts = null, LockScripts? lockScripts = null)
    {
        _placement = new RendezvousServers([.. options.Select(static server => server.Endpoint.ToString())]);
        _servers = [.. options.Select(server => new RedisServer(server, options))];
        _scripts = scripts ?? RedisScripts.Shipped;
        _locks = new RedisLockCoordinator(_servers, _placement, lockScripts ?? LockScripts.Shipped);
    }

    internal override bool IsEphemeral => false;

    internal override string Servers => _placement.Fingerprint;

    internal override RedisLockCoordinator Locks => _locks;

    /// <summary>Connects to the servers and checks that they can be relied on.</summary>
    /// <param name="options">The servers, at least one.</param>
    /// <param name="loggerFactory">Where warnings go; null: nowhere.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="OptionsException">An option is outside its range, or there is no server.</exception>
    /// <exception cref="CoordinatorException">A server can't be reached (see <see cref="RedisOptions.Start"/>).</exception>
    /// <exception cref="UnsuitableServerException">A server lacks what is needed; the message says what and how to give it.</exception>
    public static async Task<RedisCoordinator> ConnectAsync(RedisOptions options, ILoggerFactory? loggerFactory = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionsCheck check = new(nameof(EngineOptions));
        options.Validate(check);
        if (options.Count == 0)
            check.Fail(nameof(EngineOptions.Redis), "empty", "must name at least one server");
        check.ThrowIfFailed();
        RedisOptions copy = options.Copy();
        RedisCoordinator coordinator = new(copy);
        ILogger logger = (ILogger?)loggerFactory?.CreateLogger("Sluice.Redis") ?? NullLogger.Instance;
        try
        {
            if (copy.Start == RedisStart.Degrade)
                coordinator._checking = ServerCheck.CheckLaterAsync(coordinator._servers, copy, logger, coordinator._closing.Token);
            else
                await ServerCheck.CheckAsync(coordinator._servers, copy, logger, cancellation).ConfigureAwait(false);
            return coordinator;
        }
        catch
        {
            await coordinator.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    internal override async ValueTask<ImmutableArray<UnreachableServer>> ProbeAsync(CancellationToken cancellation)
    {
        UnreachableServer?[] answers = await Task.WhenAll(_servers.Select(server => AskAsync(server, cancellation))).ConfigureAwait(false);
        return [.. answers.OfType<UnreachableServer>()];

        static async Task<UnreachableServer?> AskAsync(RedisServer server, CancellationToken cancellation)
        {
            try
            {
                await server.Control.PingAsync(cancellationToken: cancellation).ConfigureAwait(false);
                return null;
            }
            catch (Exception silence) when (silence is RespException or TimeoutException or ObjectDisposedException)
            {
                return new UnreachableServer(server.Endpoint.ToString(), silence.Message);
            }
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _checking.ConfigureAwait(false);
        foreach (RedisServer server in _servers)
            await server.DisposeAsync().ConfigureAwait(false);
        _closing.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Everything that is stored of a partition, for examinations.</summary>
    internal async ValueTask<PartitionSnapshot> SnapshotAsync(CoordinationNamespace space, int partition, CancellationToken cancellation)
    {
        RedisNamespace stored = StoredFormOf(space);
        return await PartitionSnapshot.ReadAsync(_servers[stored.Server(partition)].Control, _scripts, stored.Keys(partition), cancellation).ConfigureAwait(false);
    }

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        RedisNamespace stored = StoredFormOf(space);
        RedisServer server = _servers[stored.Server(partition)];
        if (request is FlushRequest && stored.TryList(stored.Server(partition)))
            _ = ListAsync(stored, stored.Server(partition), space);

        // A sealed session may be handed out when the seal itself can't be lost any more: then the same generation comes back, and not another one.
        // The same goes for what opaque deltas were merged into.
        bool isDurable = server.WaitsForReplicas && request is FlushRequest or ClaimRequest or CompactRequest;
        RespClient client = request is FlushRequest || isDurable ? server.Flushing(partition) : server.Control;
        PartitionKeys keys = stored.Keys(partition);
        try
        {
            long opening = isDurable ? server.Opening(partition) : 0;
            object reply = await SendAsync(new RedisPartition(client, _scripts, keys, stored.Schema, cancellation), request).ConfigureAwait(false);
            if (isDurable)
            {
                await server.ReplicatedAsync(partition, keys.Meta).ConfigureAwait(false);
                if (server.Opening(partition) != opening)
                    throw new CoordinatorException(RequestOutcome.Unknown, $"{server.Endpoint}: the connection was replaced before the replicas had answered for what it wrote.");
            }

            return (TReply)reply;
        }
        catch (Exception fault) when (fault is RespException or InvalidDataException or ObjectDisposedException)
        {
            throw RedisFaults.Translate(fault, server.Endpoint);
        }
    }

    /// <summary>Tells tools what is stored here. No batch waits for it, and none fails because of it.</summary>
    private async Task ListAsync(RedisNamespace stored, int server, CoordinationNamespace space)
    {
        try
        {
            await AggregateListing.WriteAsync(_servers[server].Control, space).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is RespException or ObjectDisposedException)
        {
            stored.NotListed(server);
        }
    }

    private RedisNamespace StoredFormOf(CoordinationNamespace space) =>
        _spaces.TryGetValue(space, out RedisNamespace? stored) ? stored : _spaces.GetValue(space, made => new RedisNamespace(made, _placement));

    private static async ValueTask<object> SendAsync(RedisPartition partition, object request) => request switch
    {
        FlushRequest flush => await partition.FlushAsync(flush).ConfigureAwait(false),
        ClaimRequest claim => await partition.ClaimAsync(claim).ConfigureAwait(false),
        AcknowledgeRequest acknowledge => await partition.AcknowledgeAsync(acknowledge).ConfigureAwait(false),
        ExtendRequest extend => await partition.ExtendAsync(extend).ConfigureAwait(false),
        AbandonRequest abandon => await partition.AbandonAsync(abandon).ConfigureAwait(false),
        BeatRequest beat => await partition.BeatAsync(beat).ConfigureAwait(false),
        PokeRequest poke => await partition.PokeAsync(poke).ConfigureAwait(false),
        ReapRequest reap => await partition.ReapAsync(reap).ConfigureAwait(false),
        LeaveRequest leave => await partition.LeaveAsync(leave).ConfigureAwait(false),
        EndRequest end => await partition.EndAsync(end).ConfigureAwait(false),
        CompactRequest compact => await partition.CompactAsync(compact).ConfigureAwait(false),
        PeekRequest peek => await partition.PeekAsync(peek).ConfigureAwait(false),
        HoldersRequest holders => await partition.HoldersAsync(holders).ConfigureAwait(false),
        MembersRequest => await partition.MembersAsync().ConfigureAwait(false),
        ClaimsRequest claims => await partition.ClaimsAsync(claims).ConfigureAwait(false),
        DeadLettersRequest letters => await partition.DeadLettersAsync(letters).ConfigureAwait(false),
        ReplayRequest replay => await partition.ReplayAsync(replay).ConfigureAwait(false),
        PurgeRequest purge => await partition.PurgeAsync(purge).ConfigureAwait(false),
        _ => throw new NotSupportedException($"There is no script for {request.GetType().Name}."),
    };
}
