using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;

namespace Sluice.Tests.Simulation;

/// <summary>
/// The mistakes that the protocol's rules are there to prevent, each made on purpose around the real transitions. They live in the tests only.
/// </summary>
internal static class PlantedBugs
{
    public static IReadOnlyDictionary<string, (ServerRules Rules, SimulationTerms Terms)> All { get; } = new Dictionary<string, (ServerRules, SimulationTerms)>
    {
        ["no dedupe"] = (new NoDedupe(), new()),
        ["a bare counter instead of owned sets"] = (new BareCounter(), new()),
        ["no tombstone"] = (new NoTombstone(), new()),
        ["blind resend after FENCED"] = (new BlindResend(), new()),
        ["reap without fence"] = (new ReapWithoutFence(), new()),
        ["reap by an engine's clock"] = (new ReapByAnotherClock(), new()),
        ["acknowledge by token alone"] = (new AcknowledgeByToken(), new()),
        ["acknowledge without looking at the ticket"] = (new AcknowledgeAnything(), new()),
        ["dereference before the last flush"] = (new DropBeforeLastFlush(), new()),
        ["delete after the callback instead of seal"] = (new DeleteAfterCallback(), new()),
        ["generation kept with the resource"] = (new GenerationOfTheResource(), new()),
        ["deliver without waiting for the durability window"] = (new DeliverAtOnce(), new() { Window = 2_000, MostLost = 1_000 }),
        ["join that does not cancel due"] = (new JoinKeepsDue(), new() { Linger = 500 }),
    };

    private static PartitionState WithOpen(PartitionState state, ResourceKey resource, OpenRecord record)
    {
        ImmutableSortedSet<(long Due, ResourceKey Resource)> due = state.Due;
        if (state.Open.TryGetValue(resource, out OpenRecord? before))
            due = due.Remove((before.Due, resource));
        if (record.Due != Durations.Never && !record.Waiting)
            due = due.Add((record.Due, resource));
        bool isEmpty = record.Holders == 0 && !record.HasUpdates;
        return state with { Open = isEmpty ? state.Open.Remove(resource) : state.Open.SetItem(resource, record), Due = due };
    }

    private sealed class NoDedupe : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            if (request is FlushRequest flush && state.Members.TryGetValue(flush.Incarnation, out Member? member) && flush.Number <= member.Applied)
                state = state with { Members = state.Members.SetItem(flush.Incarnation, member with { Applied = flush.Number - 1 }) };
            return base.Apply(state, now, merger, request);
        }
    }

    private sealed class BareCounter : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (request is not FlushRequest flush || reply is not FlushReply { Status: FlushStatus.Applied })
                return (after, reply);
            foreach (BatchItem item in flush.Items.Where(item => item.Holds && (state.Owned.GetValueOrDefault(flush.Incarnation)?.ContainsKey(item.Resource) ?? false)))
                after = WithOpen(after, item.Resource, after.Open[item.Resource] with { Holders = after.Open[item.Resource].Holders + 1 });
            return (after, reply);
        }
    }

    private sealed class NoTombstone : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            IEnumerable<IncarnationId> emptied = after.Tombstones.Keys.Where(dead => !after.Owned.ContainsKey(dead));
            return (after with { Tombstones = after.Tombstones.RemoveRange(emptied) }, reply);
        }
    }

    private sealed class BlindResend : ServerRules
    {
        public override FlushReply Reply(FlushReply reply) => reply.Status == FlushStatus.Fenced ? reply with { Last = 0 } : reply;
    }

    private sealed class ReapWithoutFence : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (request is not ReapRequest reap || !state.Members.TryGetValue(reap.Incarnation, out Member? member) || after.Members.ContainsKey(reap.Incarnation))
                return (after, reply);
            return (after with
            {
                Members = after.Members.Add(reap.Incarnation, member),
                Leases = after.Leases.Add((member.LeaseDeadline, reap.Incarnation)),
                Tombstones = state.Tombstones,
                TombstoneQueue = state.TombstoneQueue,
            }, reply);
        }
    }

    private sealed class ReapByAnotherClock : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            if (request is PokeRequest)
            {
                (PartitionState same, object reply) = base.Apply(state, now, merger, request);
                return (same, (PokeReply)reply with { Expired = [.. state.Members.Keys] });
            }

            return base.Apply(state, request is ReapRequest ? now + SimulationTerms.Lease : now, merger, request);
        }
    }

    /// <summary>Tokens that count the tries of one generation, so that the next generation's begin again.</summary>
    private sealed class AcknowledgeByToken : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            if (request is AcknowledgeRequest acknowledge)
            {
                return base.Apply(state, now, merger, acknowledge with
                {
                    Tickets = [.. acknowledge.Tickets.Select(ticket => ticket with
                    {
                        Generation = state.Sealed.GetValueOrDefault(ticket.Resource)?.Generation ?? 0,
                    })],
                });
            }

            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (reply is not ClaimReply claims)
                return (after, reply);
            foreach (ClaimedSession claim in claims.Claims)
                after = after with { Sealed = after.Sealed.SetItem(claim.Resource, after.Sealed[claim.Resource] with { Token = claim.Attempt }) };
            return (after, claims with { Claims = [.. claims.Claims.Select(static claim => claim with { Token = claim.Attempt })] });
        }
    }

    private sealed class AcknowledgeAnything : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request) =>
            base.Apply(state, now, merger, request is not AcknowledgeRequest acknowledge ? request : acknowledge with
            {
                Tickets = [.. acknowledge.Tickets.Select(ticket => state.Sealed.TryGetValue(ticket.Resource, out SealedRecord? found)
                    ? new ClaimTicket(ticket.Resource, found.Generation, found.Token)
                    : ticket)],
            });
    }

    private sealed class DropBeforeLastFlush : ServerRules
    {
        public override bool DropsBeforeLastFlush => true;
    }

    /// <summary>The session stays open while its completion runs, and is deleted when that is done.</summary>
    private sealed class DeleteAfterCallback : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (reply is ClaimReply claims)
            {
                foreach (ClaimedSession claim in claims.Claims.Where(claim => !state.Sealed.ContainsKey(claim.Resource)))
                    after = WithOpen(after, claim.Resource, state.Open[claim.Resource] with { Due = Durations.Never });
            }
            else if (request is AcknowledgeRequest acknowledge)
            {
                foreach (ClaimTicket ticket in acknowledge.Tickets.Where(ticket => state.Sealed.ContainsKey(ticket.Resource) && !after.Sealed.ContainsKey(ticket.Resource)))
                {
                    if (after.Open.TryGetValue(ticket.Resource, out OpenRecord? open))
                        after = WithOpen(after, ticket.Resource, OpenRecord.Empty with { Holders = open.Holders });
                }
            }

            return (after, reply);
        }
    }

    /// <summary>A counter beside the resource, which begins again when the resource is deleted.</summary>
    private sealed class GenerationOfTheResource : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (request is not FlushRequest flush)
                return (after, reply);
            foreach (ResourceKey resource in flush.Items.Select(static item => item.Resource))
            {
                if (after.Open.TryGetValue(resource, out OpenRecord? open) && open.HasUpdates && !(state.Open.GetValueOrDefault(resource)?.HasUpdates ?? false))
                    after = WithOpen(after, resource, open with { Generation = 1 + (after.Sealed.GetValueOrDefault(resource)?.Generation ?? 0) });
            }

            return (after, reply);
        }
    }

    private sealed class DeliverAtOnce : ServerRules
    {
        public override bool DeliversAtOnce => true;
    }

    private sealed class JoinKeepsDue : ServerRules
    {
        public override (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request)
        {
            (PartitionState after, object reply) = base.Apply(state, now, merger, request);
            if (request is not FlushRequest flush || after == state)
                return (after, reply);
            foreach (ResourceKey resource in flush.Items.Select(static item => item.Resource))
            {
                if (state.Open.TryGetValue(resource, out OpenRecord? before) && before is { Holders: 0, Waiting: false } && before.Due != Durations.Never
                    && after.Open.TryGetValue(resource, out OpenRecord? open) && open.Holders > 0)
                {
                    after = WithOpen(after, resource, open with { Due = before.Due });
                }
            }

            return (after, reply);
        }
    }
}
