using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <summary>
/// Looks into a real lane and makes a second one of it that goes its own way. Reaches for private fields, so that the lane needs nothing for it;
/// <c>LaneForkTests</c> fails when the lane gets a field that is not known here.
/// </summary>
internal static class LaneFork
{
    /// <summary>What a fork shares with its origin: the same for both, never changed, or emptied before each use.</summary>
    public static ImmutableHashSet<string> Shared { get; } =
    [
        "<terms>P", "<merger>P", "<epochs>P", "<observer>P", "_scratch", "_named",
        "_incarnation", "_next", "_seen", "_episode", "_outstandingEpisode", "_probes", "_livesAgainAfterReplay", "_keptBytes", "_lastFull", "_safe", "_heard",
    ];

    /// <summary>What a fork has a copy of.</summary>
    public static ImmutableHashSet<string> Copied { get; } = ["_pending", "_last", "_held", "_outstanding", "_kept", "_replay", "_recovered", "_unsettled"];

    public static LaneMachine Of(LaneMachine lane, LaneTerms? terms = null)
    {
        LaneMachine fork = (LaneMachine)MemberwiseClone(lane);
        Dictionary<PendingItem, PendingItem> copies = new(ReferenceEqualityComparer.Instance);
        Pending(fork) = [.. Pending(lane).Select(Copy)];
        Last(fork) = Last(lane).ToDictionary(static entry => entry.Key, entry => Copy(entry.Value));
        Held(fork) = new HashSet<ResourceKey>(Held(lane), Held(lane).Comparer);

        // A batch's own items change only once it is outstanding no more; a kept one's never do, but its time of acknowledgement does.
        Dictionary<FrozenBatch, FrozenBatch> batches = new(ReferenceEqualityComparer.Instance);
        if (Outstanding(lane) is { } outstanding)
        {
            FrozenBatch copy = CopyBatch(outstanding);
            Items(copy) = [.. outstanding.Items.Select(Copy)];
            Outstanding(fork) = copy;
        }

        Kept(fork) = new Queue<FrozenBatch>(Kept(lane).Select(CopyBatch));
        Replay(fork) = new Queue<FrozenBatch>(Replay(lane).Select(CopyBatch));
        Recovered(fork) = [.. Recovered(lane).Select(Copy)];
        Unsettled(fork) = [.. Unsettled(lane).Select(Copy)];
        if (terms is not null)
            Terms(fork) = terms;
        return fork;

        PendingItem Copy(PendingItem item)
        {
            if (!copies.TryGetValue(item, out PendingItem? copy))
                copies.Add(item, copy = (PendingItem)MemberwiseClone(item));
            return copy;
        }

        FrozenBatch CopyBatch(FrozenBatch batch)
        {
            if (!batches.TryGetValue(batch, out FrozenBatch? copy))
                batches.Add(batch, copy = (FrozenBatch)MemberwiseClone(batch));
            return copy;
        }
    }

    /// <summary>The updates that the lane has and that are not settled.</summary>
    public static IEnumerable<PendingItem> Unacknowledged(LaneMachine lane) =>
        Pending(lane).Concat(Outstanding(lane) is { } outstanding ? outstanding.Items : []).Concat(Unsettled(lane)).Concat(Recovered(lane));

    /// <summary>A planted bug: a batch of all that is pending, also what names a resource twice.</summary>
    public static void CutRepeating(LaneMachine lane, LaneTerms terms)
    {
        if (Pending(lane).Count == 0)
        {
            lane.TryCut();
            return;
        }

        ImmutableArray<PendingItem> items = [.. Pending(lane)];
        Pending(lane).Clear();
        Last(lane).Clear();
        foreach (PendingItem item in items)
        {
            if (item.Holds)
                Held(lane).Add(item.Resource);
            else
                Held(lane).Remove(item.Resource);
        }

        Outstanding(lane) = new FrozenBatch(terms.Layout, lane.Incarnation, Next(lane)++, items, terms.Flush, lane.Seen);
    }

    /// <summary>A planted bug: an item that is not folded into one of the same resource.</summary>
    public static void EnqueueUnfolded(LaneMachine lane, PendingItem item)
    {
        Pending(lane).Add(item);
        Last(lane)[item.Resource] = item;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "MemberwiseClone")]
    private static extern object MemberwiseClone(object origin);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Items>k__BackingField")]
    private static extern ref ImmutableArray<PendingItem> Items(FrozenBatch batch);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<terms>P")]
    private static extern ref LaneTerms Terms(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pending")]
    public static extern ref List<PendingItem> Pending(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_last")]
    public static extern ref Dictionary<ResourceKey, PendingItem> Last(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_held")]
    public static extern ref HashSet<ResourceKey> Held(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_outstanding")]
    public static extern ref FrozenBatch? Outstanding(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_kept")]
    public static extern ref Queue<FrozenBatch> Kept(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_replay")]
    public static extern ref Queue<FrozenBatch> Replay(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_recovered")]
    public static extern ref List<PendingItem> Recovered(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_unsettled")]
    public static extern ref ImmutableArray<PendingItem> Unsettled(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_next")]
    public static extern ref long Next(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_lastFull")]
    public static extern ref long LastFull(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_safe")]
    public static extern ref long Safe(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_heard")]
    public static extern ref long Heard(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_probes")]
    public static extern ref bool Probes(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_livesAgainAfterReplay")]
    public static extern ref bool LivesAgainAfterReplay(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_episode")]
    public static extern ref int Episode(LaneMachine lane);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_outstandingEpisode")]
    public static extern ref int OutstandingEpisode(LaneMachine lane);
}
