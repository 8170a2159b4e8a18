using System.Buffers.Binary;
using System.Numerics;

namespace Sluice.Aggregates.Wire;

/// <summary>Which identities the items of one payload have: a table of their places, in memory of the caller's.</summary>
/// <param name="payload">The payload that places refer to.</param>
/// <param name="slots">At least <see cref="SlotsFor"/> zeros.</param>
internal readonly ref struct OpaqueIdentities(ReadOnlySpan<byte> payload, Span<int> slots)
{
    /// <summary>The most slots that a payload can need.</summary>
    public const int MostSlots = 2 * OpaquePayload.MaxItems;

    private readonly ReadOnlySpan<byte> _payload = payload;
    private readonly Span<int> _slots = slots;

    /// <summary>Twice as many as there can be items, a power of two.</summary>
    public static int SlotsFor(ReadOnlySpan<byte> payload) =>
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Min(MostSlots, 2 * ((payload.Length / (OpaquePayload.IdentityBytes + 1)) + 1)));

    /// <summary>Notes the item at this place; false when another one has its identity.</summary>
    public bool TryAdd(int place, ReadOnlySpan<byte> identity)
    {
        ref int slot = ref SlotOf(identity, out bool isThere);
        if (!isThere)
            slot = place + 1;
        return !isThere;
    }

    /// <summary>True when an item has the identity.</summary>
    public bool Contains(ReadOnlySpan<byte> identity)
    {
        SlotOf(identity, out bool isThere);
        return isThere;
    }

    private ref int SlotOf(ReadOnlySpan<byte> identity, out bool isThere)
    {
        ulong mixed = (BinaryPrimitives.ReadUInt64LittleEndian(identity) ^ BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(identity[8..]), 29)) * 0x9E3779B97F4A7C15;
        int index = (int)(mixed >> 40) & (_slots.Length - 1);
        while (true)
        {
            ref int slot = ref _slots[index];
            isThere = slot != 0 && _payload.Slice(slot - 1, OpaquePayload.IdentityBytes).SequenceEqual(identity);
            if (isThere || slot == 0)
                return ref slot;
            index = (index + 1) & (_slots.Length - 1);
        }
    }
}
