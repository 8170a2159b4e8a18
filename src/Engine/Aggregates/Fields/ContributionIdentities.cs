using System.Diagnostics;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>Gives contributions their places in the order.</summary>
internal static class ContributionIdentities
{
    /// <summary>By its timestamp, or the session clock's.</summary>
    public static ContributionIdentity Of<T>(in Stamped<T> contribution, scoped in MergeContext context)
    {
        ContributionIdentity identity = new(contribution.TicksOr(context.NowTicks), context.Origin, context.NextSequence());
        Debug.Assert(InstantOrdinal.IsOrdinal(identity.Rank), "The session clock is outside the range of instants.");
        return identity;
    }

    /// <summary>By its score.</summary>
    public static ContributionIdentity Of<T>(in Scored<T> contribution, scoped in MergeContext context) =>
        new(DoubleOrdinal.ToOrdinal(contribution.Score), context.Origin, context.NextSequence());
}
