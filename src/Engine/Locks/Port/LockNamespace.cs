using System.Globalization;
using System.Text;
using Sluice.Hashing;

namespace Sluice.Locking;

/// <summary>The locks of one application.</summary>
internal sealed class LockNamespace
{
    /// <param name="prefix">What two applications on one server have different.</param>
    /// <param name="partitions">Over how many partitions the resources are spread; fixed for the life of the stored data.</param>
    /// <param name="servers">What the coordinator's processes have to agree on about its servers; empty: nothing.</param>
    public LockNamespace(string prefix, int partitions, string servers = "")
    {
        Prefix = prefix;
        Partitions = partitions;
        Name = $"{prefix}:locks";
        Layout = XxHash64.Hash(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Name}\nP={partitions}\nv=1{(servers.Length == 0 ? "" : "\n")}{servers}")));
    }

    public string Prefix { get; }

    public int Partitions { get; }

    public string Name { get; }

    /// <summary>The fingerprint of everything that processes must agree on.</summary>
    public ulong Layout { get; }

    public override string ToString() => Name;
}
