using System.Runtime.CompilerServices;
using Sluice.Locking;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>The locks of the engines that share Redis servers: each transition is one script on the server of its partition.</summary>
/// <remarks>
/// Locks have connections of their own, which are opened when the first lock is asked for: one for requests, one for renewals, which nothing can hold up, and one for pushes.
/// None of them ever waits for replicas. Thread-safe; ends with the servers.
/// </remarks>
internal sealed class RedisLockCoordinator(RedisServer[] servers, RendezvousServers placement, LockScripts scripts) : LockCoordinator
{
    private readonly ConditionalWeakTable<LockNamespace, RedisLockNamespace> _spaces = [];

    public override ValueTask<TReply> SendAsync<TReply>(LockNamespace space, int partition, LockRequest<TReply> request, CancellationToken cancellation)
    {
        RedisLockNamespace stored = StoredFormOf(space);
        RedisServer server = servers[stored.Server(partition)];

        // What is asked for all the time takes no detour: its reply is of the type that was asked for, which only the compiler does not know.
        switch ((object)request)
        {
            case AcquireRequest acquire:
                ValueTask<AcquireReply> acquired = AcquireAsync(server, stored, partition, acquire, cancellation);
                return Unsafe.As<ValueTask<AcquireReply>, ValueTask<TReply>>(ref acquired);
            case ReleaseRequest release:
                ValueTask<ReleaseReply> released = ReleaseAsync(server, stored, partition, release, cancellation);
                return Unsafe.As<ValueTask<ReleaseReply>, ValueTask<TReply>>(ref released);
            default:
                return SendAsync(server, stored, partition, request, cancellation);
        }
    }

    /// <remarks>
    /// The replies are read by the connections' own threads and are brought back by the dispatcher beneath, which gets a thread lent when the pool has none: nothing here waits for
    /// the application, and no server for another.
    /// </remarks>
    public override void Renew(LockNamespace space, ReadOnlySpan<Renewal> renewals, TimeSpan timeout)
    {
        RedisLockNamespace stored = StoredFormOf(space);
        LockRenewals?[] batches = new LockRenewals?[servers.Length];
        foreach (Renewal renewal in renewals)
        {
            int server = stored.Server(renewal.Partition);
            try
            {
                (batches[server] ??= new LockRenewals(servers[server].Renewals, servers[server].Endpoint)).Add(renewal, scripts, stored);
            }
            catch (ObjectDisposedException closed)
            {
                renewal.Fail(RedisFaults.Translate(closed, servers[server].Endpoint));
            }
        }

        foreach (LockRenewals? batch in batches)
        {
            if (batch is not null)
                _ = ExecuteAsync(batch, timeout);
        }
    }

    public override ILockSubscription Subscribe(LockNamespace space, LockEngineId engine, ILockWakeSink sink) =>
        new RedisLockSubscription(servers, space, StoredFormOf(space), engine, sink);

    /// <summary>Everything that is stored of a partition, for examinations.</summary>
    internal ValueTask<LockSnapshot> SnapshotAsync(LockNamespace space, int partition, CancellationToken cancellation)
    {
        RedisLockNamespace stored = StoredFormOf(space);
        return LockSnapshot.ReadAsync(servers[stored.Server(partition)].Locks, scripts, stored.Keys(partition), cancellation);
    }

    private RedisLockNamespace StoredFormOf(LockNamespace space) =>
        _spaces.TryGetValue(space, out RedisLockNamespace? stored) ? stored : _spaces.GetValue(space, made => new RedisLockNamespace(made, placement));

    private async ValueTask<RenewReply> RenewAsync(RedisServer server, RedisLockNamespace stored, int partition, RenewRequest request, CancellationToken cancellation)
    {
        Renewal renewal = new(partition, request);
        try
        {
            using LockRenewals alone = new(server.Renewals, server.Endpoint);
            alone.Add(renewal, scripts, stored);
            await alone.ExecuteAsync(timeout: null, cancellation).ConfigureAwait(false);
        }
        catch (ObjectDisposedException closed)
        {
            throw RedisFaults.Translate(closed, server.Endpoint);
        }

        return renewal.Reply ?? throw renewal.Error!;
    }

    private static async Task ExecuteAsync(LockRenewals batch, TimeSpan timeout)
    {
        using (batch)
            await batch.ExecuteAsync(timeout).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AcquireReply> AcquireAsync(
        RedisServer server, RedisLockNamespace stored, int partition, AcquireRequest request, CancellationToken cancellation)
    {
        try
        {
            return await new RedisLockPartition(server.Locks, scripts, stored, partition, cancellation).AcquireAsync(request).ConfigureAwait(false);
        }
        catch (Exception fault) when (IsTranslated(fault))
        {
            throw RedisFaults.Translate(fault, server.Endpoint);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReleaseReply> ReleaseAsync(
        RedisServer server, RedisLockNamespace stored, int partition, ReleaseRequest request, CancellationToken cancellation)
    {
        try
        {
            return await new RedisLockPartition(server.Locks, scripts, stored, partition, cancellation).ReleaseAsync(request).ConfigureAwait(false);
        }
        catch (Exception fault) when (IsTranslated(fault))
        {
            throw RedisFaults.Translate(fault, server.Endpoint);
        }
    }

    private async ValueTask<TReply> SendAsync<TReply>(
        RedisServer server, RedisLockNamespace stored, int partition, LockRequest<TReply> request, CancellationToken cancellation)
    {
        if ((object)request is RenewRequest renew)
            return (TReply)(object)await RenewAsync(server, stored, partition, renew, cancellation).ConfigureAwait(false);
        try
        {
            return (TReply)await SendAsync(new RedisLockPartition(server.Locks, scripts, stored, partition, cancellation), request).ConfigureAwait(false);
        }
        catch (Exception fault) when (IsTranslated(fault))
        {
            throw RedisFaults.Translate(fault, server.Endpoint);
        }
    }

    private static bool IsTranslated(Exception fault) => fault is RespException or InvalidDataException or ObjectDisposedException;

    private static async ValueTask<object> SendAsync(RedisLockPartition partition, object request) => request switch
    {
        ConvertRequest convert => await partition.ConvertAsync(convert).ConfigureAwait(false),
        OpenSessionRequest open => await partition.OpenAsync(open).ConfigureAwait(false),
        CloseSessionRequest close => await partition.CloseAsync(close).ConfigureAwait(false),
        ParticipantsRequest participants => await partition.ParticipantsAsync(participants).ConfigureAwait(false),
        RevokeRequest revoke => await partition.RevokeAsync(revoke).ConfigureAwait(false),
        ForgetRequest forget => await partition.ForgetAsync(forget).ConfigureAwait(false),
        SurveyRequest survey => await partition.SurveyAsync(survey).ConfigureAwait(false),
        HandlesRequest handles => await partition.HandlesAsync(handles).ConfigureAwait(false),
        _ => throw new NotSupportedException($"There is no script for {request.GetType().Name}."),
    };
}
