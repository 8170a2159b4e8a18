using Sluice.Coordination;

namespace Sluice.Exploration;

/// <summary>The token counts the claims of a generation.</summary>
internal sealed class TokensOfTheGeneration : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        (PartitionState after, object reply) = base.Apply(state, now, request);
        if (reply is not ClaimReply claims)
            return (after, reply);
        foreach (ClaimedSession claim in claims.Claims)
            after = after with { Sealed = after.Sealed.SetItem(claim.Resource, after.Sealed[claim.Resource] with { Token = claim.Attempt }) };
        return (after, claims with { Claims = [.. claims.Claims.Select(static claim => claim with { Token = claim.Attempt })] });
    }
}

/// <summary>The generation alone says what is acknowledged, also after somebody else has taken it over.</summary>
internal sealed class AcknowledgeByGeneration : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request) =>
        base.Apply(state, now, request is not AcknowledgeRequest acknowledge ? request : acknowledge with
        {
            Tickets = [.. acknowledge.Tickets.Select(ticket => ticket with { Token = state.Sealed.GetValueOrDefault(ticket.Resource)?.Token ?? 0 })],
        });
}

/// <summary>A resource that is due while its predecessor is being completed stays where it is, at the head of the queue.</summary>
internal sealed class StarvingClaim : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        if (request is not ClaimRequest || state.Due.IsEmpty || !state.Sealed.ContainsKey(state.Due.Min.Resource))
            return base.Apply(state, now, request);
        (PartitionState after, object reply) = base.Apply(state with { Due = [] }, now, request);
        return (after with { Due = state.Due }, reply);
    }
}

/// <summary>A session that is replayed after later ones looks like any other.</summary>
internal sealed class SilentlyOutOfOrder : Rules
{
    public override (PartitionState State, object Reply) Apply(PartitionState state, long now, object request)
    {
        (PartitionState after, object reply) = base.Apply(state, now, request);
        return request is ReplayRequest replay && after.Sealed.TryGetValue(replay.Resource, out SealedRecord? record)
            ? (after with { Sealed = after.Sealed.SetItem(replay.Resource, record with { OutOfOrder = false }) }, reply)
            : (after, reply);
    }
}

/// <summary>An engine without a handler claims what is due, can't complete it, and gives it back.</summary>
internal sealed class ClaimsOfOthers : Rules
{
    public override bool ClaimsWithoutHandler => true;
}
