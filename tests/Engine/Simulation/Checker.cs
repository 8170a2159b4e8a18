using System.Collections.Immutable;
using Sluice.Coordination;
using static Sluice.Tests.Simulation.InvariantException;

namespace Sluice.Tests.Simulation;

/// <summary>The invariants of the protocol, checked from outside: it looks at requests, replies and states, and knows nothing of how they come about.</summary>
internal sealed class Checker(World world)
{
    private readonly HashSet<IncarnationId>[] _fenced = [.. Enumerable.Range(0, world.Terms.Partitions).Select(static _ => new HashSet<IncarnationId>())];
    private readonly HashSet<(IncarnationId Incarnation, long Number)> _applied = [];
    private readonly long[] _issued = new long[world.Terms.Partitions];
    private readonly int[] _counts = new int[world.Ledger.Count];

    public void AfterTransition(int partition, PartitionState before, object request, object reply, PartitionState after)
    {
        switch (request)
        {
            case FlushRequest flush:
                AfterFlush(partition, before, flush, (FlushReply)reply, after);
                break;
            case BeatRequest beat when _fenced[partition].Contains(beat.Incarnation):
                Require(!after.Members.ContainsKey(beat.Incarnation) && after.Owned == before.Owned, "I10", "a beat of a fenced incarnation changed something");
                break;
            case ClaimRequest:
                AfterClaim(partition, before, (ClaimReply)reply);
                break;
            case AcknowledgeRequest acknowledge:
                RequireStaleChangesNothing(before, acknowledge.Tickets, after);
                break;
            case ExtendRequest extend:
                RequireStaleChangesNothing(before, extend.Tickets, after);
                break;
            case AbandonRequest abandon:
                RequireStaleChangesNothing(before, [abandon.Ticket], after);
                break;
            case ReapRequest reap when before.Members.TryGetValue(reap.Incarnation, out Member? member) && member.LeaseDeadline > world.Now:
                Require(after.Members.ContainsKey(reap.Incarnation), "lease", "an incarnation was fenced before its lease ran out by the server's clock");
                break;
            default:
                break;
        }

        RequireCountsOfOwners(after);
        Require(after.Owned.Keys.All(owner => after.Members.ContainsKey(owner) || after.Tombstones.ContainsKey(owner)), "I11", "references of an incarnation that is forgotten");
        if (request is ReapRequest reaped && reply is ReapReply { WasExpired: true } && before.Members.ContainsKey(reaped.Incarnation))
            _fenced[partition].Add(reaped.Incarnation);
        foreach (IncarnationId gone in before.Members.Keys.Except(after.Members.Keys))
            _fenced[partition].Add(gone);
    }

    public void AfterRollback(int partition, PartitionState state)
    {
        _fenced[partition].ExceptWith(state.Members.Keys);
        _applied.Clear();
    }

    public void OnServerLostBatches(SimulatedEngine engine, int partition) =>
        Require(world.HasRolledBack, "I2", $"engine {engine.Slot} reported acknowledged batches of partition {partition} as lost by a server that lost nothing");

    /// <summary>Where every event is, and whether that is allowed.</summary>
    public void AfterStep()
    {
        CountEvents();
        for (int number = 0; number < _counts.Length; number++)
        {
            Require(_counts[number] <= 1, "I1", $"{Ledger.Name(number)} is counted {_counts[number]} times");

            // After a rollback an acknowledged event may be missing until its lane has noticed.
            if (!world.HasRolledBack && world.Ledger[number] is { IsAcknowledged: true, IsReported: false })
                Require(_counts[number] == 1, "I2", $"{Ledger.Name(number)} was acknowledged and is nowhere");
        }

        foreach (SimulatedEngine engine in world.Engines)
            engine.Check();
    }

    /// <summary>When all is quiet and one engine lives, everything acknowledged has been completed and nothing is left.</summary>
    public void AfterQuiet()
    {
        int[] byKey = new int[_counts.Length];
        int[] byToken = new int[_counts.Length];
        foreach (((int resource, _), byte[] content) in world.Sink.ByKey)
            EventTally.Count(content, PlacesOf(byKey, resource));
        foreach (((int resource, _), byte[] content) in world.Sink.ByToken)
            EventTally.Count(content, PlacesOf(byToken, resource));
        for (int number = 0; number < _counts.Length; number++)
        {
            // An engine that crashed can't send again what the server lost: two faults at once.
            if (world.Ledger[number] is not { IsAcknowledged: true, IsReported: false } entry || (world.HasRolledBack && entry.Owner.IsCrashed))
                continue;
            Require(byKey[number] == 1, "I7", $"{Ledger.Name(number)} was acknowledged and completed {byKey[number]} times");
            Require(byToken[number] == 1, "I7", $"{Ledger.Name(number)} was acknowledged, and a sink that goes by the token has it {byToken[number]} times");
        }

        foreach (PartitionState state in world.States)
        {
            Require(state.Open.IsEmpty && state.Sealed.IsEmpty && state.Owned.IsEmpty && state.DeadLetters.IsEmpty, "I7", "something is left when all is quiet");
            Require(state.Due.IsEmpty && state.Claims.IsEmpty, "I7", "a queue points at something that is gone");
        }
    }

    /// <summary>After the life of a tombstone nothing remembers the dead.</summary>
    public void AfterTombstones(IReadOnlyCollection<IncarnationId> living)
    {
        foreach (PartitionState state in world.States)
        {
            Require(state.Tombstones.IsEmpty && state.TombstoneQueue.IsEmpty, "I11", "a tombstone outlived its time");
            Require(state.Members.Keys.All(living.Contains) && state.Leases.Count == state.Members.Count, "I11", "a dead incarnation is still a member");
        }
    }

    private static Span<int> PlacesOf(int[] counts, int resource) => counts.AsSpan(resource * EventTally.PerResource, EventTally.PerResource);

    private static void RequireStaleChangesNothing(PartitionState before, ImmutableArray<ClaimTicket> tickets, PartitionState after)
    {
        foreach (ClaimTicket ticket in tickets)
        {
            SealedRecord? held = before.Sealed.GetValueOrDefault(ticket.Resource);
            bool isCurrent = held is { Parked: false } && held.Generation == ticket.Generation && held.Token == ticket.Token;
            Require(isCurrent || after.Sealed.GetValueOrDefault(ticket.Resource) == held, "I5", "a stale ticket changed a sealed session");
        }
    }

    private void RequireCountsOfOwners(PartitionState state)
    {
        foreach (ResourceKey resource in world.Resources)
        {
            int holders = state.Open.GetValueOrDefault(resource)?.Holders ?? 0;
            int owners = state.Owned.Values.Count(owned => owned.ContainsKey(resource));
            Require(holders == owners, "I3", $"'{resource}' has {holders} holders and is in {owners} owned sets");
        }
    }

    private void AfterFlush(int partition, PartitionState before, FlushRequest flush, FlushReply reply, PartitionState after)
    {
        Require(after == before || !_fenced[partition].Contains(flush.Incarnation), "I10", $"batch {flush.Number} of a fenced incarnation changed something");
        switch (reply.Status)
        {
            case FlushStatus.Applied:
                long last = before.Members.GetValueOrDefault(flush.Incarnation)?.Applied ?? 0;
                Require(flush.Number == last + 1, "I9", $"batch {flush.Number} was applied after batch {last}");
                Require(_applied.Add((flush.Incarnation, flush.Number)), "I9", $"batch {flush.Number} was applied twice");
                break;
            case FlushStatus.Gap:
                Require(world.HasRolledBack, "I8", $"GAP after batch {reply.Last} from a server that lost nothing");
                break;
            case FlushStatus.Conflict:
                Require(false, "I9", $"two batches {flush.Number} of one incarnation");
                break;
            default:
                break;
        }

        foreach (BatchItem item in flush.Items)
        {
            long generation = after.Open.GetValueOrDefault(item.Resource)?.Generation ?? 0;
            if (generation == 0 || generation == (before.Open.GetValueOrDefault(item.Resource)?.Generation ?? 0))
                continue;
            Require(generation > _issued[partition], "I5", $"generation {generation} is not higher than what was issued before");
            _issued[partition] = generation;
        }
    }

    private void AfterClaim(int partition, PartitionState before, ClaimReply reply)
    {
        foreach (ClaimedSession claim in reply.Claims)
        {
            Require(claim.Token > _issued[partition], "I5", $"token {claim.Token} is not higher than what was issued before");
            _issued[partition] = claim.Token;
            if (before.Sealed.TryGetValue(claim.Resource, out SealedRecord? held))
            {
                Require(held.LeaseDeadline <= world.Now, "I5", "a claim was taken over before its lease ran out");
                continue;
            }

            OpenRecord open = before.Open[claim.Resource];
            Require(open.Holders == 0 || open.Forced || open.HardDue <= world.Now, "I6", $"'{claim.Resource}' was sealed while {open.Holders} hold it");
        }
    }

    private void CountEvents()
    {
        Array.Clear(_counts);
        foreach (((int resource, _), byte[] content) in world.Sink.ByKey)
            EventTally.Count(content, PlacesOf(_counts, resource));
        foreach (PartitionState state in world.States)
        {
            foreach ((ResourceKey key, OpenRecord open) in state.Open)
            {
                int resource = Array.IndexOf(world.Resources, key);
                EventTally.Count(open.Fields.Span, PlacesOf(_counts, resource));
                Require(open.Generation == 0 || !world.Sink.ByKey.ContainsKey((resource, open.Generation)), "I4", $"generation {open.Generation} was delivered and is open");
            }

            foreach ((ResourceKey key, SealedRecord record) in state.Sealed)
                CountUnlessDelivered(key, record.Generation, record.Fields);
            foreach (DeadLetterEntry letter in state.DeadLetters.Values)
                CountUnlessDelivered(letter.Resource, letter.Id, letter.Fields);
        }
    }

    private void CountUnlessDelivered(ResourceKey key, long generation, ReadOnlyMemory<byte> fields)
    {
        int resource = Array.IndexOf(world.Resources, key);
        if (!world.Sink.ByKey.TryGetValue((resource, generation), out byte[]? delivered))
            EventTally.Count(fields.Span, PlacesOf(_counts, resource));
        else
            Require(fields.Span.SequenceEqual(delivered), "I4", $"generation {generation} was delivered with another content than it is sealed with");
    }
}
