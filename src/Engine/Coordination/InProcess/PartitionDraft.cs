using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>
/// A partition state under change by one transition: builders that share everything unchanged with the state they came from. Lives for one call on
/// one thread.
/// </summary>
internal sealed class PartitionDraft(PartitionState origin, long now, long seen)
{
    private readonly Dictionary<IncarnationId, ImmutableDictionary<ResourceKey, Holding>.Builder> _owned = [];

    public ImmutableDictionary<IncarnationId, Member>.Builder Members { get; } = origin.Members.ToBuilder();

    public ImmutableSortedSet<(long Deadline, IncarnationId Incarnation)>.Builder Leases { get; } = origin.Leases.ToBuilder();

    public ImmutableDictionary<IncarnationId, Tombstone>.Builder Tombstones { get; } = origin.Tombstones.ToBuilder();

    public ImmutableSortedSet<(long PurgeAt, IncarnationId Incarnation)>.Builder TombstoneQueue { get; } = origin.TombstoneQueue.ToBuilder();

    public ImmutableDictionary<ResourceKey, OpenRecord>.Builder Open { get; } = origin.Open.ToBuilder();

    public ImmutableSortedSet<(long Due, ResourceKey Resource)>.Builder Due { get; } = origin.Due.ToBuilder();

    public ImmutableDictionary<ResourceKey, SealedRecord>.Builder Sealed { get; } = origin.Sealed.ToBuilder();

    public ImmutableSortedSet<(long Deadline, ResourceKey Resource)>.Builder Claims { get; } = origin.Claims.ToBuilder();

    public ImmutableSortedDictionary<(ResourceKey Resource, long Id), DeadLetterEntry>.Builder DeadLetters { get; } = origin.DeadLetters.ToBuilder();

    public ulong Layout { get; set; } = origin.Layout;

    public long Clock { get; private set; } = Math.Max(origin.Clock, seen);

    /// <summary>A transition that only writes raises it: a deadline may have been written that is later than what any beat has seen.</summary>
    public long LastWrite { get; set; } = Math.Max(origin.LastWrite, now);

    public long Now { get; } = now;

    public long NextDue => Due.Count == 0 ? long.MaxValue : Due.Min.Due;

    public long NextClaimExpiry => Claims.Count == 0 ? long.MaxValue : Claims.Min.Deadline;

    /// <summary>The next generation or token: above everything drawn, stored or seen before, and near server time.</summary>
    public long Tick() => Clock = Math.Max(Clock + 1, Now);

    /// <summary>The resources that an incarnation holds.</summary>
    public ImmutableDictionary<ResourceKey, Holding>.Builder OwnedBy(IncarnationId incarnation)
    {
        if (!_owned.TryGetValue(incarnation, out ImmutableDictionary<ResourceKey, Holding>.Builder? owned))
        {
            owned = (origin.Owned.GetValueOrDefault(incarnation) ?? ImmutableDictionary<ResourceKey, Holding>.Empty).ToBuilder();
            _owned.Add(incarnation, owned);
        }

        return owned;
    }

    /// <summary>Stores an open record, or removes it when it has neither holders nor updates, and keeps the due queue in step.</summary>
    public void Put(ResourceKey resource, OpenRecord before, OpenRecord after)
    {
        if (!before.Waiting && before.Due != long.MaxValue && (after.Waiting || after.Due != before.Due))
            Due.Remove((before.Due, resource));
        if (!after.Waiting && after.Due != long.MaxValue && (before.Waiting || after.Due != before.Due))
            Due.Add((after.Due, resource));
        if (after.Holders == 0 && !after.HasUpdates)
            Open.Remove(resource);
        else
            Open[resource] = after;
    }

    /// <summary>Stores a sealed record and keeps the claim queue in step.</summary>
    public void Put(ResourceKey resource, SealedRecord? before, SealedRecord after)
    {
        if (before is { Parked: false })
            Claims.Remove((before.LeaseDeadline, resource));
        if (!after.Parked)
            Claims.Add((after.LeaseDeadline, resource));
        Sealed[resource] = after;
    }

    /// <summary>Removes a sealed record; a successor that waited for it is due again.</summary>
    public void Unseal(ResourceKey resource, SealedRecord record)
    {
        Sealed.Remove(resource);
        if (!record.Parked)
            Claims.Remove((record.LeaseDeadline, resource));
        if (Open.TryGetValue(resource, out OpenRecord? successor) && successor.Waiting)
            Put(resource, successor, successor with { Waiting = false });
    }

    /// <summary>Turns a member into a tombstone: from now on its batches change nothing. Its references stay until they are reaped.</summary>
    public void Fence(IncarnationId incarnation, Member member, long tombstoneLife)
    {
        Members.Remove(incarnation);
        Leases.Remove((member.LeaseDeadline, incarnation));
        long purgeAt = Durations.After(Now, tombstoneLife);
        Tombstones.Add(incarnation, new Tombstone(member.Applied, member.Hash, member.Refused, purgeAt) { Released = member.Released });
        TombstoneQueue.Add((purgeAt, incarnation));
    }

    public void PutMember(IncarnationId incarnation, Member? before, Member after)
    {
        if (before is not null)
            Leases.Remove((before.LeaseDeadline, incarnation));
        Leases.Add((after.LeaseDeadline, incarnation));
        Members[incarnation] = after;
    }

    public PartitionState Commit()
    {
        ImmutableDictionary<IncarnationId, ImmutableDictionary<ResourceKey, Holding>> owned = origin.Owned;
        foreach ((IncarnationId incarnation, ImmutableDictionary<ResourceKey, Holding>.Builder resources) in _owned)
            owned = resources.Count == 0 ? owned.Remove(incarnation) : owned.SetItem(incarnation, resources.ToImmutable());
        return new PartitionState
        {
            Layout = Layout,
            Clock = Clock,
            LastWrite = LastWrite,
            Members = Members.ToImmutable(),
            Leases = Leases.ToImmutable(),
            Tombstones = Tombstones.ToImmutable(),
            TombstoneQueue = TombstoneQueue.ToImmutable(),
            Owned = owned,
            Open = Open.ToImmutable(),
            Due = Due.ToImmutable(),
            Sealed = Sealed.ToImmutable(),
            Claims = Claims.ToImmutable(),
            DeadLetters = DeadLetters.ToImmutable(),
        };
    }
}
