using System.Collections.Immutable;
using Sluice.Coordination;
using static Sluice.Tests.Simulation.InvariantException;

namespace Sluice.Exploration;

/// <summary>The invariants of the protocol, looked at from outside: requests, answers, states and deliveries, not how they come about.</summary>
internal static class Checker
{
    public static void AfterTransition(World world, PartitionState before, object request, object reply, PartitionState after)
    {
        switch (request)
        {
            case FlushRequest flush:
                AfterFlush(world, before, flush, (FlushReply)reply, after);
                break;
            case BeatRequest beat when world.Fenced.Contains(beat.Incarnation):
                Require(!after.Members.ContainsKey(beat.Incarnation) && after.Owned == before.Owned, "I10", "a beat of a fenced incarnation changed something");
                break;
            case ClaimRequest claim:
                AfterClaim(world, before, claim, (ClaimReply)reply);
                break;
            case AcknowledgeRequest acknowledge:
                RequireStaleChangesNothing(before, acknowledge.Tickets[0], after);
                break;
            case ExtendRequest extend:
                RequireStaleChangesNothing(before, extend.Tickets[0], after);
                break;
            case AbandonRequest abandon:
                RequireStaleChangesNothing(before, abandon.Ticket, after);
                break;
            case ReapRequest reap when before.Members.TryGetValue(reap.Incarnation, out Member? member) && member.LeaseDeadline > world.Now:
                Require(after.Members.ContainsKey(reap.Incarnation), "lease", "an incarnation was fenced before its lease ran out by the server's clock");
                break;
            default:
                break;
        }

        for (int r = 0; r < world.Bounds.Resources; r++)
        {
            int holders = after.Open.GetValueOrDefault(World.Resources[r])?.Holders ?? 0;
            int owners = 0;
            foreach (ImmutableDictionary<ResourceKey, Holding> owned in after.Owned.Values)
                owners += owned.ContainsKey(World.Resources[r]) ? 1 : 0;
            Require(holders == owners, "I3", $"{World.Resources[r]} has {holders} holders and is in {owners} owned sets");
        }

        foreach (IncarnationId owner in after.Owned.Keys)
            Require(after.Members.ContainsKey(owner) || after.Tombstones.ContainsKey(owner), "I11", "references of an incarnation that is forgotten");
    }

    /// <summary>Where every update is, and whether that is allowed.</summary>
    public static void AfterStep(World world)
    {
        ulong[] counts = CountsOf(world);
        for (int r = 0; r < counts.Length; r++)
        {
            for (int i = 0; i < world.Used[r]; i++)
            {
                int count = (int)(counts[r] >> (4 * i)) & 0xF;
                ulong bit = 1UL << ((Tally.PerResource * r) + i);
                Require(count <= 1, "I1", $"update {i} of {World.Resources[r]} is counted {count} times");

                // After a rollback an acknowledged update may be missing until its lane has noticed.
                if (!world.HasRolledBack && (world.Acknowledged & ~world.Reported & bit) != 0)
                    Require(count == 1, "I2", $"update {i} of {World.Resources[r]} was acknowledged and is nowhere");
            }
        }
    }

    /// <summary>How often each update of each resource is counted over what is open, sealed, put aside and delivered.</summary>
    public static ulong[] CountsOf(World world)
    {
        ulong[] counts = new ulong[world.Bounds.Resources];
        foreach (Delivery delivery in world.Sink.Deliveries)
            counts[delivery.Resource] += delivery.Counts;
        foreach ((ResourceKey key, OpenRecord open) in world.Server.Open)
        {
            int resource = World.Resources.IndexOf(key);
            counts[resource] += Tally.Counts(open.Fields.Span);
            Require(open.Generation == 0 || world.Sink.Find(resource, open.Generation) is null, "I4", $"generation {open.Generation} of {key} was delivered and is open");
        }

        foreach ((ResourceKey key, SealedRecord record) in world.Server.Sealed)
            CountUnlessDelivered(key, record.Generation, record.Fields, record.TimesModified, record.CreatedAt, record.SealedAt, record.Reason);
        foreach (DeadLetterEntry letter in world.Server.DeadLetters.Values)
        {
            if (letter.Kind == DeadLetterKind.Completion)
                CountUnlessDelivered(letter.Resource, letter.Id, letter.Fields, letter.TimesModified, letter.CreatedAt, letter.SealedAt, letter.Reason);
        }

        return counts;

        void CountUnlessDelivered(
            ResourceKey key, long generation, ReadOnlyMemory<byte> fields, long timesModified, long createdAt, long sealedAt, CompletionReason reason)
        {
            int resource = World.Resources.IndexOf(key);
            ulong content = Tally.Counts(fields.Span);
            if (world.Sink.Find(resource, generation) is not { } delivered)
                counts[resource] += content;
            else
                Require(delivered.IsSame(fields.Span, timesModified, createdAt, sealedAt, reason), "I4", $"generation {generation} of {key} was delivered with another content than it is sealed with");
        }
    }

    private static void RequireStaleChangesNothing(PartitionState before, ClaimTicket ticket, PartitionState after)
    {
        SealedRecord? held = before.Sealed.GetValueOrDefault(ticket.Resource);
        bool isCurrent = held is { Parked: false } && held.Generation == ticket.Generation && held.Token == ticket.Token;
        Require(isCurrent || after.Sealed.GetValueOrDefault(ticket.Resource) == held, "I5", "a stale ticket changed a sealed session");
    }

    private static void AfterFlush(World world, PartitionState before, FlushRequest flush, FlushReply reply, PartitionState after)
    {
        Require(after == before || !world.Fenced.Contains(flush.Incarnation), "I10", $"batch {flush.Number} of a fenced incarnation changed something");
        Require(after == before || before.Layout == 0 || before.Layout == flush.Layout, "layout", "a batch of another layout changed something");
        switch (reply.Status)
        {
            case FlushStatus.Applied:
                long last = before.Members.GetValueOrDefault(flush.Incarnation)?.Applied ?? 0;
                Require(flush.Number == last + 1, "I9", $"batch {flush.Number} was applied after batch {last}");
                break;
            case FlushStatus.Gap:
                Require(world.HasRolledBack || world.Bounds.SharesIdentity, "I8", $"a gap after batch {reply.Last} from a server that lost nothing");
                break;
            case FlushStatus.Conflict:
                Require(world.Bounds.SharesIdentity, "I9", $"two batches {flush.Number} of one incarnation");
                break;
            default:
                break;
        }

        foreach (BatchItem item in flush.Items)
        {
            long generation = after.Open.GetValueOrDefault(item.Resource)?.Generation ?? 0;
            if (generation != 0 && generation != (before.Open.GetValueOrDefault(item.Resource)?.Generation ?? 0))
                RequireNew(world, before, generation, flush.Seen, "generation");
        }
    }

    private static void AfterClaim(World world, PartitionState before, ClaimRequest request, ClaimReply reply)
    {
        foreach (ClaimedSession claim in reply.Claims)
        {
            RequireNew(world, before, claim.Token, request.Seen, "token");
            if (before.Sealed.TryGetValue(claim.Resource, out SealedRecord? held))
            {
                Require(held.LeaseDeadline <= world.Now, "I5", "a claim was taken over before its lease ran out");
                continue;
            }

            OpenRecord open = before.Open[claim.Resource];
            Require(open.Holders == 0 || open.Forced || open.HardDue <= world.Now, "I6", $"{claim.Resource} was sealed while {open.Holders} hold it");
        }
    }

    /// <summary>
    /// Above everything that the partition has issued and that the asking engine has seen. After a rollback with a clock that was set back, what the server
    /// forgot and the engine never heard of may come again: nothing of it has been delivered.
    /// </summary>
    private static void RequireNew(World world, PartitionState before, long number, long seen, string what)
    {
        Require(number > before.Clock && number > seen, "I5", $"{what} {number} is not higher than what the partition or the engine has seen");
        Require(number > world.Issued || (world.HasRolledBack && world.HasSetClock), "I5", $"{what} {number} is not higher than what was issued before");
    }
}
