using System.Buffers.Binary;
using Sluice.Locking;

namespace Sluice.Coordination.Redis;

/// <summary>Sessions, handles and pushes as scripts write them (see the locks' prelude.lua): big-endian, because their bytes order them.</summary>
internal static class PackedLocks
{
    public const int SessionBytes = 19;
    public const int HandleBytes = SessionBytes + NumberBytes;
    public const int EngineBytes = 12;

    /// <summary>Of an acquire: the handle, its bound, policy, whether it waits.</summary>
    public const int TermsBytes = HandleBytes + NumberBytes + 2;

    /// <summary>Mode and capacity; the resource follows.</summary>
    public const int ClaimHeadBytes = 1 + sizeof(int);

    private const int NumberBytes = 7;
    private const int PartitionBytes = 4;
    private const int WakeBytes = 1 + (4 * NumberBytes);

    public static void WriteSession(Span<byte> destination, IncarnationId session)
    {
        WriteNumber(destination, session.IssuedAt);
        WriteEngine(destination[NumberBytes..], LockEngineId.Of(session));
    }

    public static void WriteHandle(Span<byte> destination, IncarnationId session, long number)
    {
        WriteSession(destination, session);
        WriteNumber(destination[SessionBytes..], number);
    }

    public static void WriteTerms(Span<byte> destination, AcquireRequest request)
    {
        WriteHandle(destination, request.Session, request.Number);
        WriteNumber(destination[HandleBytes..], request.MaxHold);
        destination[TermsBytes - 2] = (byte)request.Policy;
        destination[TermsBytes - 1] = request.Waits ? (byte)1 : (byte)0;
    }

    public static void WriteClaim(Span<byte> destination, LockClaim claim)
    {
        destination[0] = (byte)claim.Mode;
        BinaryPrimitives.WriteInt32LittleEndian(destination[1..], claim.Capacity);
        claim.Resource.Bytes.CopyTo(destination[ClaimHeadBytes..]);
    }

    public static void WriteEngine(Span<byte> destination, LockEngineId engine)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, engine.High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[sizeof(uint)..], engine.Low);
    }

    public static IncarnationId ReadSession(ReadOnlySpan<byte> bytes) => new(
        ReadNumber(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[NumberBytes..]), BinaryPrimitives.ReadUInt64BigEndian(bytes[(NumberBytes + sizeof(uint))..]));

    public static LockHandleId ReadHandle(ReadOnlySpan<byte> bytes) => new(ReadSession(bytes), ReadNumber(bytes[SessionBytes..]));

    public static void WriteNumber(Span<byte> destination, long value)
    {
        Span<byte> eight = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(eight, PackedRecords.ToScript(value));
        eight[1..].CopyTo(destination);
    }

    public static long ReadNumber(ReadOnlySpan<byte> bytes)
    {
        Span<byte> eight = stackalloc byte[sizeof(long)];
        eight[0] = 0;
        bytes[..NumberBytes].CopyTo(eight[1..]);
        return PackedRecords.FromScript(BinaryPrimitives.ReadInt64BigEndian(eight));
    }

    /// <summary>Tells a sink what one message says: the partition, then pushes. One that makes no sense is left out: pushes may be lost.</summary>
    public static void Tell(ReadOnlySpan<byte> message, LockEngineId engine, ILockWakeSink sink)
    {
        if (message.Length < PartitionBytes || (message.Length - PartitionBytes) % WakeBytes != 0)
            return;
        int partition = BinaryPrimitives.ReadInt32LittleEndian(message);
        for (message = message[PartitionBytes..]; !message.IsEmpty; message = message[WakeBytes..])
        {
            IncarnationId session = new(ReadNumber(message[1..]), engine.High, engine.Low);
            sink.OnWake(partition, new LockWake((LockWakeKind)message[0], session, ReadNumber(message[8..]), ReadNumber(message[15..]), ReadNumber(message[22..])));
        }
    }
}
