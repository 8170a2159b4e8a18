using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Sluice.Locking;

namespace Sluice.Coordination.Redis;

/// <summary>The locks of an application as they are stored: the keys of the partitions, the server of each, and where pushes go. Immutable and thread-safe.</summary>
internal sealed class RedisLockNamespace
{
    private readonly LockPartitionKeys[] _keys;
    private readonly int[] _servers;

    public RedisLockNamespace(LockNamespace space, RendezvousServers servers)
    {
        Channels = Encoding.ASCII.GetBytes(ChannelsOf(space));
        Layout = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(Layout, space.Layout);
        _keys = new LockPartitionKeys[space.Partitions];
        _servers = new int[space.Partitions];
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i] = new LockPartitionKeys(space.Name, i);
            _servers[i] = servers.Of(space.Name, i);
        }
    }

    /// <summary>What the names of all channels begin with.</summary>
    public byte[] Channels { get; }

    public byte[] Layout { get; }

    public LockPartitionKeys Keys(int partition) => _keys[partition];

    public int Server(int partition) => _servers[partition];

    /// <summary>The channel of an engine: one, whatever it waits for.</summary>
    public static string Channel(LockNamespace space, LockEngineId engine) => string.Create(CultureInfo.InvariantCulture, $"{ChannelsOf(space)}{engine.High:x8}{engine.Low:x16}");

    private static string ChannelsOf(LockNamespace space) => $"{space.Name}:";
}
