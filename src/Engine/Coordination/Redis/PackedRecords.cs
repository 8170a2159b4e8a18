using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sluice.Aggregates.Wire;

namespace Sluice.Coordination.Redis;

/// <summary>
/// The records as the scripts pack them (see prelude.lua): little-endian, integers of 7 bytes because a script's numbers are exact up to 2^53.
/// </summary>
internal static class PackedRecords
{
    /// <summary>What scripts call never: 2^53 microseconds are the year 2255.</summary>
    public const long Never = 1L << 53;

    private const int ReleasedBytes = 19;

    /// <summary>Where a refused item has its outcome.</summary>
    private const byte ReleasedMark = 4;

    public const int OpenBytes = 45;
    public const int SealedBytes = 54;
    public const int LetterBytes = 37;

    public static long Read7(ReadOnlySpan<byte> bytes)
    {
        long value = BinaryPrimitives.ReadUInt32LittleEndian(bytes) | ((long)BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]) << 32) | ((long)bytes[6] << 48);
        return FromScript(value);
    }

    /// <summary>Of a number that is at least 0.</summary>
    public static void Write7(Span<byte> destination, long value)
    {
        long capped = ToScript(value);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)capped);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], (ushort)(capped >> 32));
        destination[6] = (byte)(capped >> 48);
    }

    public static long ToScript(long value) => Math.Min(value, Never);

    public static long FromScript(long value) => value >= Never ? Durations.Never : value;

    /// <summary>The last batch of a member or a tombstone, and its refused items.</summary>
    public static MemberEntry Member(IncarnationId incarnation, ReadOnlySpan<byte> record, bool isFenced) => isFenced
        ? new MemberEntry(incarnation, Read7(record), 0, BinaryPrimitives.ReadInt32LittleEndian(record[22..]), IsFenced: true)
        : new MemberEntry(incarnation, Read7(record), Read7(record[15..]), BinaryPrimitives.ReadInt32LittleEndian(record[29..]), IsFenced: false)
        {
            LastSeen = Read7(record[15..]) == Durations.Never ? 0 : Read7(record[15..]) - Read7(record[22..]),
        };

    /// <summary>The items of a batch that were refused: 5 bytes each. Behind them its last releases.</summary>
    public static ImmutableArray<RefusedItem> Refused(ReadOnlySpan<byte> packed)
    {
        int count = CountRefused(packed);
        ImmutableArray<RefusedItem>.Builder refused = ImmutableArray.CreateBuilder<RefusedItem>(count);
        for (int i = 0; i < count; i++)
            refused.Add(new RefusedItem(BinaryPrimitives.ReadInt32LittleEndian(packed[(5 * i)..]), (ItemOutcome)packed[(5 * i) + 4]));
        return refused.MoveToImmutable();
    }

    /// <summary>The items of a batch that let go last: behind the refused ones, 19 bytes each.</summary>
    public static ImmutableArray<ReleasedItem> Released(ReadOnlySpan<byte> packed)
    {
        packed = packed[(5 * CountRefused(packed))..];
        ImmutableArray<ReleasedItem>.Builder released = ImmutableArray.CreateBuilder<ReleasedItem>(packed.Length / ReleasedBytes);
        for (; !packed.IsEmpty; packed = packed[ReleasedBytes..])
            released.Add(new ReleasedItem(BinaryPrimitives.ReadInt32LittleEndian(packed), Read7(packed[5..]), Read7(packed[12..])));
        return released.MoveToImmutable();
    }

    /// <summary>What an owned set says of a resource.</summary>
    public static Holding Holding(ReadOnlySpan<byte> packed) =>
        packed.Length < 14 ? Coordination.Holding.Of(Read7(packed)) : new Holding(Read7(packed), Read7(packed[7..]), Encoding.UTF8.GetString(packed[14..]));

    private static int CountRefused(ReadOnlySpan<byte> packed)
    {
        int count = 0;
        while (packed.Length > 5 * count && packed[(5 * count) + 4] != ReleasedMark)
            count++;
        return count;
    }

    /// <param name="record">The open record; empty: there is none.</param>
    /// <param name="large">Its large fields.</param>
    public static OpenRecord Open(ReadOnlySpan<byte> record, ReadOnlySpan<byte> large) => record.IsEmpty ? OpenRecord.Empty : new OpenRecord
    {
        Holders = BinaryPrimitives.ReadInt32LittleEndian(record),
        Forced = (record[4] & 1) != 0,
        Waiting = (record[4] & 2) != 0,
        CountsReferences = (record[4] & 8) != 0,
        Reason = (CompletionReason)record[5],
        TimesModified = BinaryPrimitives.ReadUInt32LittleEndian(record[6..]),
        Generation = Read7(record[10..]),
        CreatedAt = Read7(record[17..]),
        HardDue = Read7(record[24..]),
        Due = Read7(record[31..]),
        DueAfter = Read7(record[38..]),
        Fields = Fields(record[OpenBytes..], large),
    };

    /// <param name="record">The sealed record.</param>
    /// <param name="large">Its large fields.</param>
    public static SealedRecord Sealed(ReadOnlySpan<byte> record, ReadOnlySpan<byte> large)
    {
        int length = BinaryPrimitives.ReadUInt16LittleEndian(record[52..]);
        return new SealedRecord
        {
            Generation = Read7(record),
            Token = Read7(record[7..]),
            Attempt = BinaryPrimitives.ReadInt32LittleEndian(record[14..]),
            LeaseDeadline = Read7(record[18..]),
            Lease = Read7(record[25..]),
            Parked = (record[32] & 1) != 0,
            OutOfOrder = (record[32] & 2) != 0,
            TimesModified = BinaryPrimitives.ReadUInt32LittleEndian(record[33..]),
            CreatedAt = Read7(record[37..]),
            SealedAt = Read7(record[44..]),
            Reason = (CompletionReason)record[51],
            LastError = length == 0 ? null : Encoding.UTF8.GetString(record.Slice(SealedBytes, length)),
            Fields = Fields(record[(SealedBytes + length)..], large),
        };
    }

    /// <param name="name">The resource's name, then the number, 7 bytes, big-endian.</param>
    /// <param name="record">The letter.</param>
    public static DeadLetterEntry Letter(ReadOnlySpan<byte> name, ReadOnlySpan<byte> record)
    {
        long id = 0;
        foreach (byte digit in name[^7..])
            id = (id << 8) | digit;
        int errorLength = BinaryPrimitives.ReadUInt16LittleEndian(record[31..]), smallLength = BinaryPrimitives.ReadInt32LittleEndian(record[33..]);
        ReadOnlySpan<byte> content = record[LetterBytes..];
        DeadLetterKind kind = record[0] == 0 ? DeadLetterKind.Completion : DeadLetterKind.Item;
        DeadLetterEntry letter = new(
            new ResourceKey(name[..^7]), id, kind, Fields(content.Slice(errorLength, smallLength), content[(errorLength + smallLength)..]),
            BinaryPrimitives.ReadInt32LittleEndian(record[1..]), Encoding.UTF8.GetString(content[..errorLength]), Read7(record[5..]));
        return kind == DeadLetterKind.Item ? letter : letter with
        {
            TimesModified = BinaryPrimitives.ReadUInt32LittleEndian(record[12..]),
            CreatedAt = Read7(record[16..]),
            SealedAt = Read7(record[23..]),
            Reason = (CompletionReason)record[30],
        };
    }

    /// <summary>One canonical record out of the two in which a partition keeps it.</summary>
    private static ReadOnlyMemory<byte> Fields(ReadOnlySpan<byte> small, ReadOnlySpan<byte> large)
    {
        byte[] record = new byte[small.Length + large.Length];
        if (large.IsEmpty)
        {
            small.CopyTo(record);
            return record;
        }

        // Both ascend by index, and no index is in both.
        Span<byte> destination = record;
        while (!small.IsEmpty || !large.IsEmpty)
        {
            bool takesSmall = large.IsEmpty || (!small.IsEmpty && small[0] < large[0]);
            ref ReadOnlySpan<byte> source = ref takesSmall ? ref small : ref large;
            int length = FrameLength(source);
            source[..length].CopyTo(destination);
            destination = destination[length..];
            source = source[length..];
        }

        return record;
    }

    private static int FrameLength(ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<byte> rest = record[1..];
        return Varint.TryTake(ref rest, out int length)
            ? record.Length - rest.Length + length
            : throw new InvalidDataException("The partition holds a record that is malformed.");
    }
}
