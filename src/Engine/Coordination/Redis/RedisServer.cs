using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// One server and the connections to it: some that carry batches and nothing else, because waiting for replicas holds up a connection, and one for the rest. Thread-safe.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly RespClient[] _flushing;
    private readonly ReplicaBarrier[] _barriers;

    public RedisServer(RespClientOptions options, RedisOptions terms)
    {
        Options = options;
        Control = RespClient.Create(options with { Connections = 1 });
        _flushing = new RespClient[terms.FlushConnections];
        for (int i = 0; i < _flushing.Length; i++)
            _flushing[i] = RespClient.Create(options with { Connections = 1 });
        _barriers = terms.WaitReplicas == 0 ? [] : [.. _flushing.Select(client => new ReplicaBarrier(client, terms.WaitReplicas, terms.WaitTimeout))];
    }

    public RespClientOptions Options { get; }

    public RespEndpoint Endpoint => Options.Endpoint;

    /// <summary>For everything but batches.</summary>
    public RespClient Control { get; }

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
    }
}
