using System.Globalization;

namespace Sluice.Coordination.Redis;

/// <summary>What a server says about itself in INFO: managed servers forbid CONFIG. Immutable.</summary>
internal sealed class ServerReport
{
    private readonly Dictionary<string, string> _entries = new(StringComparer.Ordinal);

    public ServerReport(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                _entries[line[..colon]] = line[(colon + 1)..].TrimEnd('\r');
        }
    }

    /// <summary>Null when the server doesn't say.</summary>
    public Version? Version => Version.TryParse(_entries.GetValueOrDefault("redis_version"), out Version? version) ? version : null;

    public bool IsReplica => _entries.GetValueOrDefault("role") is "slave" or "replica";

    public bool IsCluster => Number("cluster_enabled") == 1;

    public string EvictionPolicy => _entries.GetValueOrDefault("maxmemory_policy") ?? "";

    /// <summary>0 = no limit.</summary>
    public long MemoryLimit => Number("maxmemory");

    public bool WritesAppendOnlyFile => Number("aof_enabled") == 1;

    public long UsedMemory => Number("used_memory");

    private long Number(string name) => long.TryParse(_entries.GetValueOrDefault(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) ? value : 0;
}
