namespace Sluice.Coordination.Redis;

/// <summary>A namespace as it is stored: the keys of its partitions, its schema as scripts read it, and the server of each partition. Immutable.</summary>
internal sealed class RedisNamespace
{
    private readonly PartitionKeys[] _keys;
    private readonly int[] _servers;

    public RedisNamespace(CoordinationNamespace space, RendezvousServers servers)
    {
        Schema = SchemaDescriptor.For(space.Schema);
        _keys = new PartitionKeys[space.Partitions];
        _servers = new int[space.Partitions];
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i] = new PartitionKeys(space.Name, i);
            _servers[i] = servers.Of(space.Name, i);
        }
    }

    public byte[] Schema { get; }

    public PartitionKeys Keys(int partition) => _keys[partition];

    public int Server(int partition) => _servers[partition];
}
