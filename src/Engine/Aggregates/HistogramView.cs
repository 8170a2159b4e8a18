using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>How many contributions lie in a range.</summary>
/// <param name="Lower">The smallest number of the range.</param>
/// <param name="Upper">The end of the range, which is not part of it.</param>
/// <param name="Count">How many contributions were in the range.</param>
public readonly record struct HistogramBucket(double Lower, double Upper, long Count);

/// <summary>The distribution of the contributions to a <see cref="HistogramAttribute">[Histogram]</see> field.</summary>
/// <remarks>Immutable and safe on any thread. Two views are equal when their buckets are.</remarks>
[DebuggerDisplay("Count = {Count}")]
public sealed class HistogramView : IEquatable<HistogramView>
{
    internal HistogramView(HistogramBucket[] ascending, long count, double relativeError)
    {
        Buckets = ImmutableCollectionsMarshal.AsImmutableArray(ascending);
        Count = count;
        RelativeError = relativeError;
    }

    /// <summary>How many contributions there were.</summary>
    public long Count { get; }

    /// <summary>How far a <see cref="Quantile"/> may be from the contribution that it stands for, relative to it.</summary>
    public double RelativeError { get; }

    /// <summary>The ranges that contributions were in, ascending.</summary>
    public ImmutableArray<HistogramBucket> Buckets { get; }

    /// <summary>
    /// The contribution that this share of the contributions does not exceed, within <see cref="RelativeError"/> of it; 0 for one below 2^-30.
    /// </summary>
    /// <param name="share">0 (the smallest contribution) to 1 (the greatest); 0.5 is the median.</param>
    /// <returns><see langword="null"/> when nothing was contributed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is outside that range.</exception>
    public double? Quantile(double share)
    {
        if (!(share >= 0 && share <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "A share lies between 0 and 1.");
        long rank = Math.Clamp((long)Math.Ceiling(share * Count), 1, Math.Max(1, Count));
        foreach (HistogramBucket bucket in Buckets)
        {
            rank -= bucket.Count;
            if (rank <= 0)
                return bucket.Lower == 0 ? 0 : bucket.Lower + ((bucket.Upper - bucket.Lower) / 2);
        }

        return null;
    }

    /// <inheritdoc/>
    public bool Equals(HistogramView? other) => other is not null && RelativeError == other.RelativeError && Buckets.AsSpan().SequenceEqual(other.Buckets.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as HistogramView);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (HistogramBucket bucket in Buckets)
            hash.Add(bucket);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Count} contributions, median {Quantile(0.5)}, 99 % {Quantile(0.99)}");
}
