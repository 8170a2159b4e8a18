using System.Diagnostics;
using Sluice.Aggregates.Distinct;
using Sluice.Aggregates.Wire;
using Sluice.Hashing;

namespace Sluice;

/// <summary>How many different values were contributed to a <see cref="DistinctAttribute">[Distinct]</see> field.</summary>
/// <remarks>
/// Immutable and safe on any thread. Two views are equal when their sketches are: the same values contributed in any order and any number of times
/// are always equal.
/// </remarks>
[DebuggerDisplay("Count = {Count}")]
public sealed class DistinctView : IEquatable<DistinctView>
{
    private readonly byte[] _payload;

    internal DistinctView(byte[] canonicalPayload)
    {
        _payload = canonicalPayload;
        Span<int> ranks = stackalloc int[64];
        DistinctPayload.CountRanks(canonicalPayload, ranks);
        Count = canonicalPayload.Length == 0 ? 0 : HyperLogLog.Estimate(ranks[..(HyperLogLog.MaxRank + 1)]);
    }

    /// <summary>The view of a field that nothing was contributed to.</summary>
    public static DistinctView Empty { get; } = new([]);

    /// <summary>The estimate: 0 when nothing was contributed, otherwise with a standard error of 0.81 %.</summary>
    public long Count { get; }

    /// <inheritdoc/>
    public bool Equals(DistinctView? other) => other is not null && _payload.AsSpan().SequenceEqual(other._payload);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DistinctView);

    /// <inheritdoc/>
    public override int GetHashCode() => XxHash64.Hash(_payload).GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => Count.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
