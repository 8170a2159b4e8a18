using System.Globalization;
using System.Text;

namespace Sluice.Coordination.Redis;

/// <summary>The keys of one partition of the locks, the same ones for every script. They share a hash tag; which holds what is said at the top of <c>prelude.lua</c>. Immutable.</summary>
internal sealed class LockPartitionKeys
{
    /// <summary>In the order in which scripts have them. None is called as the aggregates' is by which tools find partitions.</summary>
    private const string Roles = "clehrqwb";

    public LockPartitionKeys(string space, int partition) =>
        All = [.. Roles.Select(role => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{{space}:{partition}}}:{role}")))];

    /// <summary>All of them. The first one decides about the connection.</summary>
    public IReadOnlyList<byte[]> All { get; }
}
