using System.Buffers.Binary;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// What makes one contribution different from every other, and orders them all: its instant, then the engine that merged it, then that engine's
/// count. A total order is what makes "the newest n" independent of the order of arrival.
/// </summary>
internal readonly record struct ContributionIdentity(long Ticks, ulong Origin, long Sequence) : IComparable<ContributionIdentity>
{
    /// <summary>On the wire: 24 bytes whose order as bytes is the order of the identities.</summary>
    public const int Bytes = 24;

    private static readonly long LastTick = DateTimeOffset.MaxValue.UtcTicks;

    public int CompareTo(ContributionIdentity other)
    {
        if (Ticks != other.Ticks)
            return Ticks < other.Ticks ? -1 : 1;
        return Origin != other.Origin ? (Origin < other.Origin ? -1 : 1) : Sequence.CompareTo(other.Sequence);
    }

    /// <summary>False when the ticks are no instant.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ContributionIdentity identity)
    {
        identity = new ContributionIdentity(
            BinaryPrimitives.ReadInt64BigEndian(bytes) ^ long.MinValue,
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[16..]) ^ long.MinValue);
        return identity.Ticks >= 0 && identity.Ticks <= LastTick;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt64BigEndian(destination, Ticks ^ long.MinValue);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Origin);
        BinaryPrimitives.WriteInt64BigEndian(destination[16..], Sequence ^ long.MinValue);
    }
}
