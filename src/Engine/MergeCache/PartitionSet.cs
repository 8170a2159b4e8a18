namespace Sluice.Caching;

/// <summary>A set of partition numbers: those whose lane refused an item during one pass, so that the pass does not serialise for them again.</summary>
/// <remarks>Guarded by the stripe's lock.</remarks>
internal readonly struct PartitionSet(int partitions)
{
    private readonly ulong[] _bits = new ulong[(partitions + 63) / 64];

    public void Clear() => Array.Clear(_bits);

    public void Add(int partition) => _bits[partition >> 6] |= 1UL << partition;

    public bool Contains(int partition) => (_bits[partition >> 6] & (1UL << partition)) != 0;
}
