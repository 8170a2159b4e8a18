using System.Buffers;
using System.Buffers.Binary;

namespace Sluice.Dogpiling;

/// <summary>What <see cref="DogpileDistributedCache"/> keeps of a key: the caller's bytes and how their life is counted.</summary>
/// <param name="Bytes">The caller's.</param>
/// <param name="Sliding">How long it lives from its last use; null = however long it is not used.</param>
/// <param name="End">When it ends, used or not; null = never.</param>
/// <param name="TouchedAt">When its life was last counted anew.</param>
internal sealed record DistributedEntry(ReadOnlyMemory<byte> Bytes, TimeSpan? Sliding, DateTimeOffset? End, DateTimeOffset TouchedAt)
{
    /// <summary>How long it lives from <see cref="TouchedAt"/>; null = for ever.</summary>
    public TimeSpan? Life => End is not { } end ? Sliding : Sliding is { } sliding && sliding < end - TouchedAt ? sliding : end - TouchedAt;

    internal sealed class Serializer : IDogpileSerializer<DistributedEntry>
    {
        private const int HeaderBytes = 3 * sizeof(long);

        public void Serialize(DistributedEntry value, IBufferWriter<byte> destination)
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            BinaryPrimitives.WriteInt64LittleEndian(header, value.Sliding?.Ticks ?? 0);
            BinaryPrimitives.WriteInt64LittleEndian(header[8..], value.End?.UtcTicks ?? 0);
            BinaryPrimitives.WriteInt64LittleEndian(header[16..], value.TouchedAt.UtcTicks);
            destination.Write(header);
            destination.Write(value.Bytes.Span);
        }

        public DistributedEntry Deserialize(ReadOnlySpan<byte> source)
        {
            if (source.Length < HeaderBytes)
                throw new InvalidDataException("The store holds bytes that are no value of this version.");
            long sliding = BinaryPrimitives.ReadInt64LittleEndian(source), end = BinaryPrimitives.ReadInt64LittleEndian(source[8..]);
            return new DistributedEntry(
                source[HeaderBytes..].ToArray(),
                sliding == 0 ? null : new TimeSpan(sliding),
                end == 0 ? null : new DateTimeOffset(end, TimeSpan.Zero),
                new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(source[16..]), TimeSpan.Zero));
        }
    }
}
