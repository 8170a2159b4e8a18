using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>Claim, acknowledge, extend, abandon: the life of a sealed session.</summary>
/// <remarks>
/// <para>Sealing moves a session from open to sealed, so that a newcomer starts the next generation and loses nothing. A resource with a sealed
/// session is not sealed again: completions are in order, and while the sink is down new events coalesce into the one next generation. Such a
/// resource leaves the due queue and waits: otherwise a claim would find the same blocked resources for ever.</para>
/// <para>Generation and token must both match: a token alone would let a late acknowledgement of one generation end the next.</para>
/// </remarks>
internal static class ClaimTransitions
{
    public static (PartitionState State, ClaimReply Reply) Claim(PartitionState state, long now, ClaimRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ImmutableArray<ClaimedSession>.Builder claims = ImmutableArray.CreateBuilder<ClaimedSession>();
        while (claims.Count < request.Limit && draft.NextClaimExpiry <= now)
        {
            ResourceKey resource = draft.Claims.Min.Resource;
            SealedRecord before = draft.Sealed[resource];
            claims.Add(Grant(draft, resource, before, before, request.Lease));
        }

        // A blocked resource costs a step without filling the limit, so the steps are bounded too: a claim stays short.
        for (int steps = 0; steps < (request.Limit * 8) + 64 && claims.Count < request.Limit && draft.NextDue <= now; steps++)
        {
            ResourceKey resource = draft.Due.Min.Resource;
            OpenRecord open = draft.Open[resource];
            if (draft.Sealed.ContainsKey(resource))
                draft.Put(resource, open, open with { Waiting = true });
            else
                claims.Add(SealAndGrant(draft, resource, open, request.Lease));
        }

        PartitionState result = draft.Commit();
        return (result, new ClaimReply(claims.ToImmutable(), now, result.Clock, result.NextDue, result.NextClaimExpiry));
    }

    public static (PartitionState State, AcknowledgeReply Reply) Acknowledge(PartitionState state, long now, AcknowledgeRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ImmutableArray<bool>.Builder accepted = ImmutableArray.CreateBuilder<bool>(request.Tickets.Length);
        foreach (ClaimTicket ticket in request.Tickets)
        {
            SealedRecord? current = Current(draft, ticket);
            if (current is not null)
                draft.Unseal(ticket.Resource, current);
            accepted.Add(current is not null);
        }

        PartitionState result = draft.Commit();
        return (result, new AcknowledgeReply(accepted.ToImmutable(), now, result.NextDue));
    }

    public static (PartitionState State, ExtendReply Reply) Extend(PartitionState state, long now, ExtendRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ImmutableArray<bool>.Builder held = ImmutableArray.CreateBuilder<bool>(request.Tickets.Length);
        foreach (ClaimTicket ticket in request.Tickets)
        {
            SealedRecord? current = Current(draft, ticket);
            if (current is not null)
                draft.Put(ticket.Resource, current, current with { LeaseDeadline = Durations.After(now, request.Lease), Lease = request.Lease });
            held.Add(current is not null);
        }

        return (draft.Commit(), new ExtendReply(held.ToImmutable(), now));
    }

    public static (PartitionState State, AbandonReply Reply) Abandon(PartitionState state, long now, AbandonRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        ResourceKey resource = request.Ticket.Resource;
        if (Current(draft, request.Ticket) is not { } current)
            return (state, new AbandonReply(AbandonStatus.Stale, now, state.NextDue));

        // A new token that nobody knows: what was given back can't be acknowledged any more.
        SealedRecord after = current with
        {
            Token = draft.Tick(),
            LeaseDeadline = Durations.After(now, request.Backoff),
            Lease = request.Backoff,
            LastError = request.Error,
        };
        AbandonStatus status = current.Attempt < request.MaxAttempts ? AbandonStatus.WillRetry : AbandonStatus.DeadLettered;
        if (status == AbandonStatus.WillRetry)
        {
            draft.Put(resource, current, after);
        }
        else if (request.Poison == PoisonRule.Skip && draft.DeadLetters.Count < request.DeadLetterLimit)
        {
            draft.Unseal(resource, current);
            draft.DeadLetters[(resource, current.Generation)] = current.ToLetter(resource, request.Error, now);
        }
        else
        {
            draft.Put(resource, current, after with { Parked = true });
        }

        PartitionState result = draft.Commit();
        return (result, new AbandonReply(status, now, Math.Min(result.NextDue, result.NextClaimExpiry)));
    }

    private static SealedRecord? Current(PartitionDraft draft, ClaimTicket ticket) =>
        draft.Sealed.TryGetValue(ticket.Resource, out SealedRecord? record) && !record.Parked
            && record.Generation == ticket.Generation && record.Token == ticket.Token
            ? record
            : null;

    /// <summary>Moves an open session to sealed and hands it out. It must not have a sealed predecessor.</summary>
    public static ClaimedSession SealAndGrant(PartitionDraft draft, ResourceKey resource, OpenRecord open, long lease) =>
        Grant(draft, resource, null, Seal(draft, resource, open), lease);

    private static SealedRecord Seal(PartitionDraft draft, ResourceKey resource, OpenRecord open)
    {
        CompletionReason reason = open.Forced || open.Holders == 0 ? open.Reason : CompletionReason.HardDeadline;
        OpenRecord rest = OpenRecord.Empty with { Holders = open.Holders };

        // Who still references a resource whose generation was forced to end holds the next one: its last release has a callback too.
        if (open.CountsReferences && open.Holders != 0)
            rest = rest with { Generation = draft.Tick(), CreatedAt = draft.Now, CountsReferences = true };
        draft.Put(resource, open, rest);
        return new SealedRecord
        {
            Generation = open.Generation,
            Fields = open.Fields,
            TimesModified = open.TimesModified,
            CreatedAt = open.CreatedAt,
            SealedAt = draft.Now,
            Reason = reason,
        };
    }

    private static ClaimedSession Grant(PartitionDraft draft, ResourceKey resource, SealedRecord? before, SealedRecord record, long lease)
    {
        SealedRecord after = record with
        {
            Token = draft.Tick(),
            Attempt = record.Attempt + 1,
            LeaseDeadline = Durations.After(draft.Now, lease),
            Lease = lease,
        };
        draft.Put(resource, before, after);
        return after.ToClaim(resource);
    }
}
