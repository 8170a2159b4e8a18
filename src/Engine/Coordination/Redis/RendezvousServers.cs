using System.Globalization;
using System.Text;
using Sluice.Hashing;

namespace Sluice.Coordination.Redis;

/// <summary>
/// Which server a partition lives on: the one whose hash together with namespace and partition is highest. Every process that names the same servers finds the
/// same answer, in whatever order it names them. Immutable.
/// </summary>
/// <param name="names">What processes call the servers; the names must be the same in all of them.</param>
internal sealed class RendezvousServers(IReadOnlyList<string> names)
{
    /// <summary>How many servers there are.</summary>
    public int Count => names.Count;

    /// <summary>
    /// What processes have to agree on beside the namespace: the names, in an order of their own. Nothing when there is one server, which may be called by any of
    /// its names.
    /// </summary>
    public string Fingerprint { get; } = names.Count == 1 ? "" : string.Join('\n', names.Order(StringComparer.Ordinal));

    public int Of(string space, int partition)
    {
        int best = 0;
        ulong highest = 0;
        for (int i = 0; i < names.Count; i++)
        {
            ulong weight = XxHash64.Hash(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{names[i]}\n{space}\n{partition}")));
            if (weight < highest || (weight == highest && string.CompareOrdinal(names[i], names[best]) > 0 && i > 0))
                continue;
            highest = weight;
            best = i;
        }

        return best;
    }
}
