namespace Sluice.Coordination.Redis;

/// <summary>A namespace as it is stored: the keys of its partitions, its schema as scripts read it, and the server of each partition. Thread-safe.</summary>
internal sealed class RedisNamespace
{
    private readonly PartitionKeys[] _keys;
    private readonly int[] _servers;
    private readonly int[] _listedOn;

    public RedisNamespace(CoordinationNamespace space, RendezvousServers servers)
    {
        Schema = SchemaDescriptor.For(space.Schema);
        _keys = new PartitionKeys[space.Partitions];
        _servers = new int[space.Partitions];
        _listedOn = new int[servers.Count];
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i] = new PartitionKeys(space.Name, i);
            _servers[i] = servers.Of(space.Name, i);
        }
    }

    public byte[] Schema { get; }

    public PartitionKeys Keys(int partition) => _keys[partition];

    public int Server(int partition) => _servers[partition];

    /// <summary>True for the first who asks: the namespace is to be written into the server's list.</summary>
    public bool TryList(int server) => Volatile.Read(ref _listedOn[server]) == 0 && Interlocked.Exchange(ref _listedOn[server], 1) == 0;

    /// <summary>It could not be written: the next batch tries again.</summary>
    public void NotListed(int server) => Volatile.Write(ref _listedOn[server], 0);
}
