using System.Collections.Immutable;
using Sluice.Coordination;
using static Sluice.Tests.Simulation.InvariantException;

namespace Sluice.Exploration;

/// <summary>What a sink was given for one generation.</summary>
/// <param name="Mark">Who has merged its opaque deltas.</param>
/// <param name="ByToken">A sink that rejects tokens that are not higher than the last one has it too.</param>
internal sealed record Delivery(int Resource, long Generation, ulong Counts, long TimesModified, long CreatedAt, long SealedAt, CompletionReason Reason, long Mark, bool ByToken)
{
    public bool IsSame(ReadOnlySpan<byte> fields, long timesModified, long createdAt, long sealedAt, CompletionReason reason) =>
        (Counts, TimesModified, CreatedAt, SealedAt, Reason, Mark) == (Tally.Counts(fields), timesModified, createdAt, sealedAt, reason, OpaqueMerge.MarkOf(fields));
}

/// <summary>Where completions go: a sink that tells deliveries apart by their idempotency key, and one that goes by the token.</summary>
internal sealed record Sink(ImmutableArray<Delivery> Deliveries, ImmutableArray<long> Tokens, ImmutableArray<long> Highest)
{
    public static Sink Empty(int resources) => new([], [.. new long[resources]], [.. new long[resources]]);

    public Delivery? Find(int resource, long generation)
    {
        foreach (Delivery delivery in Deliveries)
        {
            if (delivery.Resource == resource && delivery.Generation == generation)
                return delivery;
        }

        return null;
    }

    public Sink Deliver(int resource, ClaimedSession session)
    {
        ulong counts = Tally.Counts(session.Fields.Span);
        Delivery? before = Find(resource, session.Generation);
        bool isAccepted = session.Token > Tokens[resource];
        if (before is null)
        {
            Require(
                session.Generation > Highest[resource] || session.OutOfOrder || !isAccepted, "order",
                $"{World.Resources[resource]}: generation {session.Generation} was delivered after a later one, and does not say so");
        }
        else
        {
            Require(
                before.IsSame(session.Fields.Span, session.TimesModified, session.CreatedAt, session.SealedAt, session.Reason), "I4",
                $"{World.Resources[resource]}: generation {session.Generation} was delivered with two contents");
        }

        Delivery after = new(
            resource, session.Generation, counts, session.TimesModified, session.CreatedAt, session.SealedAt, session.Reason, OpaqueMerge.MarkOf(session.Fields.Span), isAccepted || before is { ByToken: true });
        return new Sink(
            before is null ? Deliveries.Add(after) : Deliveries.Replace(before, after),
            isAccepted ? Tokens.SetItem(resource, session.Token) : Tokens,
            Highest.SetItem(resource, Math.Max(Highest[resource], session.Generation)));
    }
}
