using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>
/// What the items of one batch let go of last: each of these generations is sealed and claimed by the request that ended it, so that the callback runs where the
/// last reference was, and nobody can come between.
/// </summary>
/// <remarks>
/// A generation whose predecessor is still sealed keeps its place behind it, as everywhere: callbacks of one resource are in order. The batch's author is told,
/// without a claim.
/// </remarks>
/// <param name="claimLease">How long the claims last.</param>
internal sealed class LastReleases(long claimLease)
{
    public ImmutableArray<ReleasedItem> Items { get; private set; } = [];

    public ImmutableArray<ClaimedSession> Claims { get; private set; } = [];

    /// <summary>Item <paramref name="index"/> has let go of <paramref name="resource"/>, whose open record it left without holders.</summary>
    public void Add(PartitionDraft draft, int index, ResourceKey resource, OpenRecord open)
    {
        if (draft.Sealed.ContainsKey(resource))
        {
            Items = Items.Add(new ReleasedItem(index, open.Generation, 0));
            return;
        }

        ClaimedSession claim = ClaimTransitions.SealAndGrant(draft, resource, open, claimLease);
        Items = Items.Add(new ReleasedItem(index, claim.Generation, claim.Token));
        Claims = Claims.Add(claim);
    }
}

/// <summary>How a copy of a batch is answered.</summary>
internal static class ReleasesOfACopy
{
    /// <summary>
    /// Tells a copy of the last batch what the first one was told, and gives it the claims that nobody has taken over: its reply may be the only one that arrives.
    /// </summary>
    public static FlushReply Again(this FlushReply reply, PartitionState state, FlushRequest request, ulong hash, ImmutableArray<ReleasedItem> released)
    {
        if (released.IsEmpty || request.Number != reply.Last || request.Hash != hash)
            return reply;
        return reply with { Released = released, Claims = [.. Claims(state, request, released)] };
    }

    private static IEnumerable<ClaimedSession> Claims(PartitionState state, FlushRequest request, ImmutableArray<ReleasedItem> released)
    {
        foreach (ReleasedItem item in released)
        {
            ResourceKey resource = request.Items[item.Index].Resource;
            if (item.Token != 0 && state.Sealed.TryGetValue(resource, out SealedRecord? record) && !record.Parked && record.Generation == item.Generation && record.Token == item.Token)
                yield return record.ToClaim(resource);
        }
    }
}
