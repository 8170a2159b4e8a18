using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sluice.Locking;

namespace Sluice.Coordination.Redis;

/// <summary>A record of holders as scripts keep it; who waits stands elsewhere.</summary>
internal sealed record PackedLockRecord(LockPolicy Policy, int Writers, int Others, ImmutableArray<LockHolder> Holders, (LockHandleId Handle, long Place, long Since)? Upgrade)
{
    public int Waiting => Writers + Others;

    public static PackedLockRecord Read(ReadOnlySpan<byte> packed)
    {
        PackedCursor cursor = new(packed);
        int flags = cursor.Byte();
        int writers = 0, others = 0;
        if ((flags & 8) != 0)
            (writers, others) = (cursor.Int32(), cursor.Int32());
        (LockHandleId, long, long)? upgrade = (flags & 4) != 0 ? (cursor.Handle(), cursor.Number(), cursor.Number()) : null;
        ImmutableArray<LockHolder>.Builder holders = ImmutableArray.CreateBuilder<LockHolder>();
        while (!cursor.IsAtEnd)
            holders.Add(Holder(ref cursor));
        return new PackedLockRecord((LockPolicy)(flags & 3), writers, others, holders.ToImmutable(), upgrade);
    }

    public LockRecord ToRecord(ResourceKey resource, ImmutableSortedDictionary<long, LockWaiter> waiters)
    {
        LockRecord record = new(Policy) { Holders = Holders, Waiters = waiters, WaitingWriters = Writers };
        if (Upgrade is not { } upgrade || record.HolderOf(upgrade.Handle) is not { } holder)
            return record;
        return record with
        {
            Upgrade = new LockWaiter(
                upgrade.Handle, upgrade.Place, upgrade.Since, [new LockClaim(resource, LockMode.Exclusive)], Policy, holder.MaxHold, holder.Owner, IsUpgrade: true),
        };
    }

    private static LockHolder Holder(ref PackedCursor cursor)
    {
        LockHandleId handle = cursor.Handle();
        int kind = cursor.Byte();
        long token = cursor.Number();
        long since = (kind & 64) != 0 ? cursor.Number() : token;
        (long deadline, long maxHold) = (kind & 8) != 0 ? (cursor.Number(), cursor.Number()) : (Durations.Never, Durations.Never);
        (int capacity, long step, string owner) = (kind & 16) != 0 ? (cursor.Int32(), cursor.Number(), cursor.Text()) : (1, 0, "");
        return new LockHolder(handle, (LockMode)(kind & 7), capacity, token, since, deadline, maxHold, owner, step, IsRevocationRequested: (kind & 32) != 0);
    }
}

/// <summary>A handle as scripts keep it.</summary>
/// <param name="Waiter">What it waits for; null: it holds.</param>
internal sealed record PackedHandle(LockHandleId Handle, long Place, ImmutableArray<ResourceKey> Resources, LockWaiter? Waiter)
{
    public static PackedHandle Read(ReadOnlySpan<byte> packed)
    {
        PackedCursor cursor = new(packed);
        LockHandleId handle = cursor.Handle();
        long place = cursor.BigNumber();
        if (place == 0)
        {
            ImmutableArray<ResourceKey>.Builder resources = ImmutableArray.CreateBuilder<ResourceKey>();
            while (!cursor.IsAtEnd)
                resources.Add(new ResourceKey(cursor.Bytes()));
            return new PackedHandle(handle, place, resources.ToImmutable(), null);
        }

        (long since, long maxHold, LockPolicy policy, string owner) = (cursor.Number(), cursor.Number(), (LockPolicy)cursor.Byte(), cursor.Text());
        ImmutableArray<LockClaim>.Builder claims = ImmutableArray.CreateBuilder<LockClaim>();
        while (!cursor.IsAtEnd)
        {
            (LockMode mode, int capacity) = ((LockMode)cursor.Byte(), cursor.Int32());
            claims.Add(new LockClaim(new ResourceKey(cursor.Bytes()), mode, capacity));
        }

        LockWaiter waiter = new(handle, place, since, claims.ToImmutable(), policy, maxHold, owner, IsUpgrade: false);
        return new PackedHandle(handle, place, [.. waiter.Claims.Select(static claim => claim.Resource)], waiter);
    }

    public LockHandleEntry ToEntry() => new(Resources, Place);
}

/// <summary>A place in a line, as scripts keep it.</summary>
internal sealed record PackedWaiter(ResourceKey Resource, bool IsWriter, long Place, LockHandleId Handle, LockMode Mode, int Capacity, int Claims)
{
    private const int WritersLine = 1;
    private const int SeveralLine = 100;

    public static PackedWaiter Read(ReadOnlySpan<byte> packed)
    {
        int length = BinaryPrimitives.ReadUInt16BigEndian(packed);
        ResourceKey resource = new(packed.Slice(sizeof(ushort), length));
        PackedCursor cursor = new(packed[(sizeof(ushort) + length)..]);
        (int line, int lineCapacity) = (cursor.Byte(), cursor.BigInt32());
        PackedWaiter waiter = new(resource, line == WritersLine, cursor.BigNumber(), cursor.Handle(), (LockMode)cursor.Byte(), cursor.Int32(), cursor.UInt16());
        int own = waiter.Claims == 1 ? 1 + (int)waiter.Mode : SeveralLine;
        bool isCounted = own != SeveralLine && (waiter.Mode is LockMode.Permit or LockMode.Rendezvous or LockMode.Await);
        return line == own && lineCapacity == (isCounted ? waiter.Capacity : 0)
            ? waiter
            : throw new InvalidDataException($"{waiter.Handle} stands in a line of '{resource}' where it does not belong.");
    }
}

/// <summary>Reads packed values one after the other.</summary>
internal ref struct PackedCursor(ReadOnlySpan<byte> packed)
{
    private const int NumberBytes = 7;

    private ReadOnlySpan<byte> _rest = packed;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public int Byte() => Take(1)[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public int BigInt32() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    public long Number() => PackedRecords.Read7(Take(NumberBytes));

    public long BigNumber() => PackedLocks.ReadNumber(Take(NumberBytes));

    public LockHandleId Handle() => PackedLocks.ReadHandle(Take(PackedLocks.HandleBytes));

    /// <summary>Bytes behind their length.</summary>
    public ReadOnlySpan<byte> Bytes() => Take(UInt16());

    public string Text() => Encoding.UTF8.GetString(Bytes());

    private ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
