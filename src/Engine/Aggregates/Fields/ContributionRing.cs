using System.Buffers;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// Contributions as a set by identity that keeps its n greatest. The n greatest of a union are the n greatest of the n greatest of its parts, so such
/// sets may be merged in any order and any number of times.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <typeparam name="TElement">Their bytes.</typeparam>
/// <remarks>
/// A mutable value that its holder guards. A ring that grows by doubling up to n; once it is full nothing is allocated, and a contribution in order
/// costs the same whatever n is.
/// </remarks>
internal struct ContributionRing<T, TElement>
    where T : notnull
    where TElement : IElement<T>
{
    private const int FirstCapacity = 4;

    private Slot[]? _ring;
    private int _oldest;
    private int _count;

    /// <summary>How many elements there are.</summary>
    public readonly int Count => _count;

    /// <summary>An element; 0 is the smallest.</summary>
    public readonly (ContributionIdentity Identity, T Value) this[int position]
    {
        get
        {
            ref readonly Slot slot = ref At(position);
            return (slot.Identity, slot.Value);
        }
    }

    /// <summary>Empties the set and keeps its room.</summary>
    public void Reset()
    {
        // The ring outlives the elements; what they refer to must not.
        if (_ring is not null)
            Array.Clear(_ring);
        _oldest = 0;
        _count = 0;
    }

    /// <summary>How many bytes <see cref="WritePayload"/> writes.</summary>
    public readonly int PayloadLength
    {
        get
        {
            int length = 0;
            for (int i = 0; i < _count; i++)
            {
                int size = TElement.SizeOf(At(i).Value);
                length += ContributionIdentity.Bytes + Varint.SizeOf(size) + size;
            }

            return length;
        }
    }

    /// <summary>Appends the field's frame, or nothing when there is no element.</summary>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_count != 0)
            WritePayload(FieldFrame.Append(output, field, PayloadLength));
    }

    /// <summary>Writes the elements, the greatest first.</summary>
    public readonly void WritePayload(Span<byte> rest)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            ref readonly Slot slot = ref At(i);
            slot.Identity.Write(rest);
            rest = rest[ContributionIdentity.Bytes..];
            int size = TElement.SizeOf(slot.Value);
            rest = rest[Varint.Write(rest, size)..];
            TElement.Write(slot.Value, rest[..size]);
            rest = rest[size..];
        }
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read<TRank>(ReadOnlySpan<byte> payload, int size)
        where TRank : IOrdinalRange
    {
        if (!WindowCursor.IsCanonical<TElement, TRank>(payload, size, out int count))
            throw MalformedField.Of("window or list", payload.Length);
        _ring = new Slot[count];
        _oldest = 0;
        _count = count;
        WindowCursor cursor = new(payload);
        for (int i = count - 1; i >= 0 && cursor.MoveNext(); i--)
            _ring[i] = new Slot(cursor.Identity, TElement.Read(cursor.Value));
    }

    private readonly ref Slot At(int position)
    {
        int index = _oldest + position;
        return ref _ring![index < _ring.Length ? index : index - _ring.Length];
    }

    /// <summary>Takes an element in, unless the set is full of greater ones.</summary>
    /// <param name="identity">Its place in the order.</param>
    /// <param name="value">The element.</param>
    /// <param name="size">How many elements are kept: the same in every call.</param>
    public void Insert(ContributionIdentity identity, T value, int size)
    {
        Slot slot = new(identity, value);
        int position = PositionAfter(slot.Identity);
        if (position > 0 && At(position - 1).Identity == slot.Identity)
        {
            // Identities are unique by construction. Should two values ever share one, every process keeps the same of them.
            ref Slot same = ref At(position - 1);
            if (TElement.Compare(slot.Value, same.Value) > 0)
                same = slot;
            return;
        }

        if (_count == size)
        {
            if (position == 0)
                return;
            _oldest = _oldest + 1 == _ring!.Length ? 0 : _oldest + 1;
            _count--;
            position--;
        }
        else if (_ring is null || _count == _ring.Length)
        {
            Grow(size);
        }

        _count++;
        for (int i = _count - 1; i > position; i--)
            At(i) = At(i - 1);
        At(position) = slot;
    }

    // How many elements are not newer than the identity. Most contributions are the newest; the others are searched for.
    private readonly int PositionAfter(ContributionIdentity identity)
    {
        if (_count == 0 || At(_count - 1).Identity.CompareTo(identity) <= 0)
            return _count;
        int low = 0;
        int high = _count - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (At(middle).Identity.CompareTo(identity) <= 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private void Grow(int size)
    {
        Slot[] grown = new Slot[_ring is null ? Math.Min(FirstCapacity, size) : Math.Min(_ring.Length * 2, size)];
        for (int i = 0; i < _count; i++)
            grown[i] = At(i);
        _ring = grown;
        _oldest = 0;
    }

    private readonly record struct Slot(ContributionIdentity Identity, T Value);
}
