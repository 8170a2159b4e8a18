using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// One server and the connections to it: some that carry batches and nothing else, because waiting for replicas holds up a connection; those of the locks, which are opened when
/// they are first needed; and one for the rest. Thread-safe.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly RespClient[] _flushing;
    private readonly ReplicaBarrier[] _barriers;
    private readonly LateClient _locks;
    private readonly LateClient _renewals;

    public RedisServer(RespClientOptions options, RedisOptions terms)
    {
        Options = options;
        Control = RespClient.Create(options with { Connections = 1 });
        _flushing = new RespClient[terms.FlushConnections];
        for (int i = 0; i < _flushing.Length; i++)
            _flushing[i] = RespClient.Create(options with { Connections = 1 });
        _locks = new LateClient(options with { Connections = 1 });
        _renewals = new LateClient(options with { Connections = 1 });
        _barriers = terms.WaitReplicas == 0 ? [] : [.. _flushing.Select(client => new ReplicaBarrier(client, terms.WaitReplicas, terms.WaitTimeout))];
    }

    public RespClientOptions Options { get; }

    public RespEndpoint Endpoint => Options.Endpoint;

    /// <summary>For everything but batches.</summary>
    public RespClient Control { get; }

    /// <summary>For requests about locks, and for their pushes.</summary>
    /// <exception cref="ObjectDisposedException">The server's connections have ended.</exception>
    public RespClient Locks => _locks.Get();

    /// <summary>For signs of life of locks: whatever else is asked, they don't wait behind it.</summary>
    /// <exception cref="ObjectDisposedException">The server's connections have ended.</exception>
    public RespClient Renewals => _renewals.Get();

    public bool WaitsForReplicas => _barriers.Length != 0;

    /// <summary>For the batches of a partition.</summary>
    public RespClient Flushing(int partition) => _flushing[partition % _flushing.Length];

    /// <summary>
    /// Which connection the partition's batches take now, counted: a WAIT on another connection than the one that wrote says nothing about what was written, not even about the server.
    /// </summary>
    public long Opening(int partition) => Flushing(partition).GetState().Links[0].Openings;

    /// <summary>Returns when the replicas have what the partition's connection wrote.</summary>
    public Task ReplicatedAsync(int partition, byte[] key) => _barriers[partition % _barriers.Length].PassAsync(key);

    public async ValueTask DisposeAsync()
    {
        await Control.DisposeAsync().ConfigureAwait(false);
        foreach (RespClient client in _flushing)
            await client.DisposeAsync().ConfigureAwait(false);
        await _locks.DisposeAsync().ConfigureAwait(false);
        await _renewals.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A client that dials when it is first asked for: most engines have no locks.</summary>
    private sealed class LateClient(RespClientOptions options) : IAsyncDisposable
    {
        private readonly Lock _gate = new();
        private RespClient? _client;
        private bool _isOver;

        public RespClient Get()
        {
            if (Volatile.Read(ref _client) is { } there)
                return there;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isOver, this);
                return _client ??= RespClient.Create(options);
            }
        }

        public ValueTask DisposeAsync()
        {
            lock (_gate)
                _isOver = true;
            return _client?.DisposeAsync() ?? ValueTask.CompletedTask;
        }
    }
}
