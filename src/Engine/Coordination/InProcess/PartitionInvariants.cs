using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>
/// What is true of a partition between any two transitions, whatever was asked of it. A violation is a bug of a transition, or damage to what is
/// stored; either way sessions are about to be lost or completed twice.
/// </summary>
/// <remarks>Pure; any thread. O(everything in the partition): for tests and for examinations, not for the way of a request.</remarks>
internal static class PartitionInvariants
{
    /// <summary>The violations, one readable sentence each; empty when the partition is sound.</summary>
    public static ImmutableArray<string> Check(PartitionState state)
    {
        ImmutableArray<string>.Builder found = ImmutableArray.CreateBuilder<string>();
        References(state, found);
        Open(state, found);
        Sealed(state, found);
        Membership(state, found);
        DeadLetters(state, found);
        if (state.Layout == 0 && (!state.Members.IsEmpty || !state.Open.IsEmpty || !state.Sealed.IsEmpty))
            found.Add("The partition holds something, but has no layout.");
        return found.ToImmutable();
    }

    /// <summary>I3, both ways: the count is the number of owned sets, and an owned set names nothing that isn't there.</summary>
    private static void References(PartitionState state, ImmutableArray<string>.Builder found)
    {
        Dictionary<ResourceKey, int> holders = [];
        Dictionary<ResourceKey, int> contributors = [];
        foreach ((IncarnationId incarnation, ImmutableDictionary<ResourceKey, Holding> owned) in state.Owned)
        {
            if (owned.IsEmpty)
                found.Add($"The owned set of {incarnation} is empty and should be gone.");
            if (!state.Members.ContainsKey(incarnation) && !state.Tombstones.ContainsKey(incarnation))
                found.Add($"{incarnation} owns {owned.Count} resources and is neither a member nor fenced: nobody will take them back.");
            foreach ((ResourceKey resource, Holding holding) in owned)
            {
                long contributedTo = holding.ContributedTo;
                holders[resource] = holders.GetValueOrDefault(resource) + 1;
                if (!state.Open.TryGetValue(resource, out OpenRecord? record))
                    found.Add($"{incarnation} owns '{resource}', which has no open record.");
                else if (record.HasUpdates && contributedTo == record.Generation)
                    contributors[resource] = contributors.GetValueOrDefault(resource) + 1;
                if (contributedTo > state.Clock)
                    found.Add($"{incarnation} contributed to generation {contributedTo} of '{resource}', beyond the clock {state.Clock}.");
            }
        }

        foreach ((ResourceKey resource, OpenRecord record) in state.Open)
        {
            int actual = holders.GetValueOrDefault(resource);
            if (record.Holders != actual)
                found.Add($"'{resource}' counts {record.Holders} holders, but {actual} owned sets hold it.");
            if (record.TimesModified < contributors.GetValueOrDefault(resource))
                found.Add($"'{resource}' was modified {record.TimesModified} times, but {contributors[resource]} of its holders contributed.");
        }
    }

    private static void Open(PartitionState state, ImmutableArray<string>.Builder found)
    {
        foreach ((ResourceKey resource, OpenRecord record) in state.Open)
        {
            bool isQueued = state.Due.Contains((record.Due, resource));
            if (isQueued != (record.Due != Durations.Never && !record.Waiting))
                found.Add($"'{resource}' is due at {Moment(record.Due)}{(record.Waiting ? ", waits," : "")} and is {(isQueued ? "" : "not ")}in the due queue.");
            if (record.Waiting && !state.Sealed.ContainsKey(resource))
                found.Add($"'{resource}' waits for a sealed predecessor that it does not have: it would never be completed.");
            if (!record.HasUpdates)
            {
                if (record.Holders == 0)
                    found.Add($"'{resource}' has neither holders nor updates and should be gone.");
                if (record.CountsReferences)
                    found.Add($"'{resource}' is referenced and has no generation: the last to let go would run no callback.");
                if (!record.Fields.IsEmpty || record.TimesModified != 0 || record.Due != Durations.Never || record.Forced || record.Waiting)
                    found.Add($"'{resource}' has no generation, but something that belongs to one.");
                continue;
            }

            if (record.Generation > state.Clock)
                found.Add($"'{resource}' is of generation {record.Generation}, beyond the clock {state.Clock}.");
            if (record.TimesModified < 1 && !(record.CountsReferences && record.Fields.IsEmpty))
                found.Add($"'{resource}' has updates, but nobody modified it.");
            if (record.Due == Durations.Never && (record.Holders == 0 || record.Forced))
                found.Add($"'{resource}' is {(record.Forced ? "forced" : "held by nobody")}, but never due.");
            if (record.Due > record.HardDue && !record.Forced)
                found.Add($"'{resource}' is due at {Moment(record.Due)}, after its hard deadline {Moment(record.HardDue)}.");
            if (state.Sealed.TryGetValue(resource, out SealedRecord? predecessor) && predecessor.Generation >= record.Generation)
                found.Add($"'{resource}' has generation {record.Generation} open and generation {predecessor.Generation} sealed.");
        }

        foreach ((long due, ResourceKey resource) in state.Due)
        {
            if (!state.Open.TryGetValue(resource, out OpenRecord? record) || record.Due != due || record.Waiting)
                found.Add($"The due queue has '{resource}' at {Moment(due)}; its record does not say so.");
        }
    }

    private static void Sealed(PartitionState state, ImmutableArray<string>.Builder found)
    {
        foreach ((ResourceKey resource, SealedRecord record) in state.Sealed)
        {
            bool isQueued = state.Claims.Contains((record.LeaseDeadline, resource));
            if (isQueued == record.Parked)
                found.Add($"The sealed session of '{resource}' is {(record.Parked ? "parked" : "not parked")} and {(isQueued ? "" : "not ")}in the claim queue.");
            if (record.Generation <= 0 || record.Token <= record.Generation || record.Token > state.Clock)
                found.Add($"The sealed session of '{resource}' has generation {record.Generation} and token {record.Token} at clock {state.Clock}.");
            if (record.TimesModified < 1 && !record.Fields.IsEmpty)
                found.Add($"The sealed session of '{resource}' has updates, but nobody modified it.");
            if (state.DeadLetters.ContainsKey((resource, record.Generation)))
                found.Add($"Generation {record.Generation} of '{resource}' is sealed and a dead letter: it would be completed twice.");
        }

        foreach ((long deadline, ResourceKey resource) in state.Claims)
        {
            if (!state.Sealed.TryGetValue(resource, out SealedRecord? record) || record.LeaseDeadline != deadline || record.Parked)
                found.Add($"The claim queue has '{resource}' at {Moment(deadline)}; its sealed session does not say so.");
        }
    }

    private static void Membership(PartitionState state, ImmutableArray<string>.Builder found)
    {
        foreach ((IncarnationId incarnation, Member member) in state.Members)
        {
            if (!state.Leases.Contains((member.LeaseDeadline, incarnation)))
                found.Add($"{incarnation} is a member until {Moment(member.LeaseDeadline)}, but its lease is not queued: its death would not be noticed.");
            if (state.Tombstones.ContainsKey(incarnation))
                found.Add($"{incarnation} is a member and fenced.");
            if (member.Applied < 1)
                found.Add($"{incarnation} is a member without a batch.");
        }

        foreach ((long deadline, IncarnationId incarnation) in state.Leases)
        {
            if (!state.Members.TryGetValue(incarnation, out Member? member) || member.LeaseDeadline != deadline)
                found.Add($"The lease queue has {incarnation} at {Moment(deadline)}; no member says so.");
        }

        foreach ((IncarnationId incarnation, Tombstone tombstone) in state.Tombstones)
        {
            if (!state.TombstoneQueue.Contains((tombstone.PurgeAt, incarnation)))
                found.Add($"The tombstone of {incarnation} is not queued: it would never be purged.");
        }

        foreach ((long purgeAt, IncarnationId incarnation) in state.TombstoneQueue)
        {
            if (!state.Tombstones.TryGetValue(incarnation, out Tombstone? tombstone) || tombstone.PurgeAt != purgeAt)
                found.Add($"The tombstone queue has {incarnation} at {Moment(purgeAt)}; no tombstone says so.");
        }
    }

    private static void DeadLetters(PartitionState state, ImmutableArray<string>.Builder found)
    {
        foreach (((ResourceKey resource, long id), DeadLetterEntry letter) in state.DeadLetters)
        {
            if (!letter.Resource.Equals(resource) || letter.Id != id)
                found.Add($"The dead letter {id} of '{resource}' is kept for '{letter.Resource}' {letter.Id}.");
            if (id <= 0 || id > state.Clock)
                found.Add($"The dead letter {id} of '{resource}' is beyond the clock {state.Clock}.");
        }
    }

    private static string Moment(long micros) => micros == Durations.Never ? "never" : micros.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
