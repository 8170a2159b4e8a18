using Sluice.Coordination;

namespace Sluice.Cli.Redis;

/// <summary>What servers hold, as far as it was asked for.</summary>
/// <param name="Servers">The servers.</param>
/// <param name="Spaces">The namespaces, each with its partitions that hold something.</param>
internal sealed record StoreView(IReadOnlyList<StoreServer> Servers, IReadOnlyList<(StoredNamespace Space, IReadOnlyList<StoredPartition> Partitions)> Spaces)
{
    /// <summary>Reads it.</summary>
    /// <param name="store">The servers.</param>
    /// <param name="spaces">The namespaces to read.</param>
    /// <param name="key">Only this resource; null: all.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async ValueTask<StoreView> ReadAsync(RedisStore store, IReadOnlyList<StoredNamespace> spaces, string? key, CancellationToken cancellation)
    {
        List<(StoredNamespace, IReadOnlyList<StoredPartition>)> read = [];
        foreach (StoredNamespace space in spaces)
        {
            List<StoredPartition> partitions = [];
            await foreach (StoredPartition partition in store.ReadAsync(space, cancellation).ConfigureAwait(false))
            {
                StoredPartition kept = key is null ? partition : Only(partition, ResourceKey.Of(key));
                if (key is null || kept.Snapshot.State is not { Open.IsEmpty: true, Sealed.IsEmpty: true, DeadLetters.IsEmpty: true })
                    partitions.Add(kept);
            }

            read.Add((space, partitions));
        }

        return new StoreView([.. store.Servers], read);
    }

    private static StoredPartition Only(StoredPartition partition, ResourceKey key)
    {
        PartitionState state = partition.Snapshot.State;
        PartitionState kept = state with
        {
            Open = state.Open.RemoveRange(state.Open.Keys.Where(other => !other.Equals(key))),
            Sealed = state.Sealed.RemoveRange(state.Sealed.Keys.Where(other => !other.Equals(key))),
            DeadLetters = state.DeadLetters.RemoveRange(state.DeadLetters.Keys.Where(other => !other.Resource.Equals(key))),
            Owned = state.Owned.RemoveRange(state.Owned.Where(owned => !owned.Value.ContainsKey(key)).Select(static owned => owned.Key)),
        };
        kept = kept with { Members = kept.Members.RemoveRange(kept.Members.Keys.Where(member => !kept.Owned.ContainsKey(member))), Tombstones = kept.Tombstones.Clear() };
        return partition with { Snapshot = partition.Snapshot with { State = kept } };
    }
}
