using Sluice.Locking;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// The pushes to one engine: one channel on each server where it has a session, however many sessions, locks and waiters. A lost connection is made again by the client beneath,
/// and is a gap here. Thread-safe.
/// </summary>
internal sealed class RedisLockSubscription : ILockSubscription
{
    // Far more than an engine is told between two looks of its reader. What does not fit is a gap, and looked up.
    private static readonly RespSubscriptionOptions Buffer = new() { BufferedMessages = 1 << 16 };

    private readonly RedisServer[] _servers;
    private readonly RedisLockNamespace _stored;
    private readonly string _channel;
    private readonly LockEngineId _engine;
    private readonly ILockWakeSink _sink;
    private readonly int[][] _partitions;
    private readonly Task<Listening>?[] _listening;
    private readonly Lock _gate = new();
    private bool _isOver;

    public RedisLockSubscription(RedisServer[] servers, LockNamespace space, RedisLockNamespace stored, LockEngineId engine, ILockWakeSink sink)
    {
        _servers = servers;
        _stored = stored;
        _channel = RedisLockNamespace.Channel(space, engine);
        _engine = engine;
        _sink = sink;
        _listening = new Task<Listening>?[servers.Length];
        _partitions = [.. Enumerable.Range(0, servers.Length).Select(server => Enumerable.Range(0, space.Partitions).Where(partition => stored.Server(partition) == server).ToArray())];
    }

    public async ValueTask ReadyAsync(int partition, CancellationToken cancellation)
    {
        int server = _stored.Server(partition);
        try
        {
            await ListeningTo(server).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is RespException or ObjectDisposedException)
        {
            throw RedisFaults.Translate(fault, _servers[server].Endpoint);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task<Listening>?[] all;
        lock (_gate)
        {
            _isOver = true;
            all = [.. _listening];
        }

        foreach (Task<Listening>? listening in all)
        {
            if (listening is null)
                continue;
            try
            {
                await (await listening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is RespException or ObjectDisposedException)
            {
                // It was never confirmed: there is nothing to end.
            }
        }
    }

    /// <summary>The subscription on a server: the one that is there, or a new one after a refusal. Engines ask with every renewal, so none is missing for long.</summary>
    private Task<Listening> ListeningTo(int server)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isOver, this);
            Task<Listening>? there = _listening[server];
            if (there is null || there.IsFaulted || there.IsCanceled || (there.IsCompletedSuccessfully && there.Result.HasEnded))
                _listening[server] = there = ListenAsync(server, isAgain: there is not null);
            return there;
        }
    }

    private async Task<Listening> ListenAsync(int server, bool isAgain)
    {
        // Not cancelled by who asks first: others wait for the same one.
        RespSubscription subscription = await _servers[server].Locks.SubscribeAsync(RespSubscriptionKind.Channel, _channel, Buffer).ConfigureAwait(false);
        Listening listening = new(this, server, subscription);

        // What was pushed between the one that ended and this one is lost.
        if (isAgain)
            TellGap(server);
        return listening;
    }

    private void TellGap(int server)
    {
        foreach (int partition in _partitions[server])
            _sink.OnGap(partition);
    }

    /// <summary>One confirmed subscription and the loop that reads it.</summary>
    private sealed class Listening : IAsyncDisposable
    {
        private readonly RedisLockSubscription _owner;
        private readonly RespSubscription _subscription;
        private readonly Task _reading;

        public Listening(RedisLockSubscription owner, int server, RespSubscription subscription)
        {
            _owner = owner;
            _subscription = subscription;
            _reading = ReadAsync(server);
        }

        public bool HasEnded => _reading.IsCompleted;

        public async ValueTask DisposeAsync()
        {
            await _subscription.DisposeAsync().ConfigureAwait(false);
            await _reading.ConfigureAwait(false);
        }

        private async Task ReadAsync(int server)
        {
            try
            {
                while (await _subscription.WaitToReadAsync().ConfigureAwait(false))
                {
                    while (_subscription.TryRead(out RespMessage message))
                    {
                        if (message.IsGap)
                            _owner.TellGap(server);
                        else
                            PackedLocks.Tell(message.Payload.Span, _owner._engine, _owner._sink);
                    }
                }
            }
            catch (RespException refused)
            {
                // The server refuses to go on, or the client was closed. Whoever waits looks, and the renewal by which it looks asks for a new subscription.
                _owner._sink.OnDeaf(RedisFaults.Translate(refused, _owner._servers[server].Endpoint));
                _owner.TellGap(server);
            }
        }
    }
}
