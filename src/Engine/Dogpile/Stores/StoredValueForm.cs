using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Sluice.Dogpiling;

/// <summary>
/// A stored value as bytes: version and flags, the fencing token (big-endian, where the script of <see cref="RedisDogpileStore"/> looks for it), three instants, the tags, the payload.
/// </summary>
internal static class StoredValueForm
{
    // The script of RedisDogpileStore that expires a value knows the version, and where the flags are.
    private const byte Version = 1;
    private const byte ExpiredFlag = 1, KeepsFlag = 2;
    private const int HeaderBytes = 2 + (4 * sizeof(long)) + sizeof(ushort);

    public static byte[] Write(StoredValue value)
    {
        byte[] bytes = new byte[HeaderBytes + value.Tags.Sum(static tag => 2 + Encoding.UTF8.GetByteCount(tag)) + value.Payload.Length];
        Span<byte> rest = bytes;
        rest[0] = Version;
        rest[1] = (byte)((value.IsExpired ? ExpiredFlag : 0) | (value.KeepUntil is null ? 0 : KeepsFlag));
        BinaryPrimitives.WriteInt64BigEndian(rest[2..], value.FencingToken);
        BinaryPrimitives.WriteInt64LittleEndian(rest[10..], value.BegunAt.UtcTicks);
        BinaryPrimitives.WriteInt64LittleEndian(rest[18..], value.CreatedAt.UtcTicks);
        BinaryPrimitives.WriteInt64LittleEndian(rest[26..], value.KeepUntil?.UtcTicks ?? 0);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[34..], checked((ushort)value.Tags.Length));
        rest = rest[HeaderBytes..];
        foreach (string tag in value.Tags)
        {
            int length = Encoding.UTF8.GetBytes(tag, rest[2..]);
            BinaryPrimitives.WriteUInt16LittleEndian(rest, checked((ushort)length));
            rest = rest[(2 + length)..];
        }

        value.Payload.Span.CopyTo(rest);
        return bytes;
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is something else, or of a later version.</exception>
    public static StoredValue Read(ReadOnlyMemory<byte> bytes)
    {
        ReadOnlySpan<byte> header = bytes.Span;
        if (header.Length < HeaderBytes || header[0] != Version)
            throw Malformed();
        ReadOnlyMemory<byte> rest = bytes[HeaderBytes..];
        ImmutableArray<string>.Builder tags = ImmutableArray.CreateBuilder<string>(BinaryPrimitives.ReadUInt16LittleEndian(header[34..]));
        for (int left = tags.Capacity; left > 0; left--)
        {
            int length = rest.Length < 2 ? int.MaxValue - 2 : BinaryPrimitives.ReadUInt16LittleEndian(rest.Span);
            if (rest.Length < 2 + length)
                throw Malformed();
            tags.Add(Encoding.UTF8.GetString(rest.Span.Slice(2, length)));
            rest = rest[(2 + length)..];
        }

        return new StoredValue(
            rest,
            Instant(header[10..]),
            Instant(header[18..]),
            (header[1] & KeepsFlag) != 0 ? Instant(header[26..]) : null,
            BinaryPrimitives.ReadInt64BigEndian(header[2..]),
            tags.DrainToImmutable(),
            (header[1] & ExpiredFlag) != 0);
    }

    private static DateTimeOffset Instant(ReadOnlySpan<byte> ticks)
    {
        long value = BinaryPrimitives.ReadInt64LittleEndian(ticks);
        return value >= 0 && value <= DateTimeOffset.MaxValue.Ticks ? new DateTimeOffset(value, TimeSpan.Zero) : throw Malformed();
    }

    private static InvalidDataException Malformed() => new("The store holds bytes that are no value of this version.");
}
