using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>Which of two contributions with timestamps comes before the other where only some are kept.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IContributionOrder : IOrdinalRange
{
    /// <summary>What the bits of a contribution's identity are flipped by: 0, or all of them, which turns the order round.</summary>
    static abstract long Mask { get; }
}

/// <summary>The latest contribution comes first.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct LatestFirst : IContributionOrder
{
    /// <inheritdoc/>
    public static long Mask => 0;

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => InstantOrdinal.IsOrdinal(ordinal);
}

/// <summary>The earliest contribution comes first.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct EarliestFirst : IContributionOrder
{
    /// <inheritdoc/>
    public static long Mask => -1;

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => InstantOrdinal.IsOrdinal(~ordinal);
}
