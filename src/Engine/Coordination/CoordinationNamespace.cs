using System.Globalization;
using System.Text;
using Sluice.Aggregates;
using Sluice.Hashing;

namespace Sluice.Coordination;

/// <summary>
/// One aggregate in one stored form: keys, partitions and claims are its own, so that two versions of an aggregate run side by side and each
/// drains with its own code.
/// </summary>
internal sealed class CoordinationNamespace
{
    /// <param name="servers">What the coordinator's processes have to agree on about its servers; empty: nothing.</param>
    public CoordinationNamespace(string prefix, AggregateSchema schema, int partitions, string servers = "")
    {
        Prefix = prefix;
        Schema = schema;
        Partitions = partitions;
        Merger = RecordMerger.For(schema);
        Name = NameOf(prefix, schema.Name, schema.Fingerprint);
        Layout = XxHash64.Hash(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Name}\nP={partitions}\nv=1{(servers.Length == 0 ? "" : "\n")}{servers}")));
    }

    /// <summary>What two applications on one server have different.</summary>
    public string Prefix { get; }

    public AggregateSchema Schema { get; }

    /// <summary>How many partitions the resources are spread over; fixed for the life of the stored data.</summary>
    public int Partitions { get; }

    /// <summary>Merges the bytes of this schema's records.</summary>
    public RecordMerger Merger { get; }

    /// <summary>Prefix, aggregate name and schema fingerprint: the name under which the namespace is stored.</summary>
    public string Name { get; }

    /// <summary>The fingerprint of everything that processes must agree on; every flush carries it.</summary>
    public ulong Layout { get; }

    /// <summary>The name under which a namespace is stored.</summary>
    public static string NameOf(string prefix, string aggregate, ulong fingerprint) => string.Create(CultureInfo.InvariantCulture, $"{prefix}:{aggregate}:{fingerprint:x16}");

    public override string ToString() => Name;
}
