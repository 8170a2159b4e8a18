using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// What makes one contribution different from every other, and orders them all: its rank (its instant, or its score), then the engine that merged it,
/// then that engine's count. A total order is what makes "the first n" independent of the order of arrival.
/// </summary>
internal readonly record struct ContributionIdentity(long Rank, ulong Origin, long Sequence) : IComparable<ContributionIdentity>
{
    /// <summary>On the wire: 24 bytes whose order as bytes is the order of the identities.</summary>
    public const int Bytes = 24;

    public int CompareTo(ContributionIdentity other)
    {
        if (Rank != other.Rank)
            return Rank < other.Rank ? -1 : 1;
        return Origin != other.Origin ? (Origin < other.Origin ? -1 : 1) : Sequence.CompareTo(other.Sequence);
    }

    /// <summary>With every bit flipped by a mask of ones: in the opposite order.</summary>
    public ContributionIdentity Masked(long mask) => new(Rank ^ mask, Origin ^ (ulong)mask, Sequence ^ mask);

    /// <summary>Any 24 bytes are an identity; whether its rank is one is for the order to say.</summary>
    public static ContributionIdentity Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt64BigEndian(bytes) ^ long.MinValue,
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadInt64BigEndian(bytes[16..]) ^ long.MinValue);

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt64BigEndian(destination, Rank ^ long.MinValue);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Origin);
        BinaryPrimitives.WriteInt64BigEndian(destination[16..], Sequence ^ long.MinValue);
    }
}
