using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// The newest contributions, as a set by identity that keeps its n greatest. The n greatest of a union are the n greatest of the n greatest of its
/// parts, so windows may be merged in any order and any number of times.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <typeparam name="TElement">Their bytes.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. A ring that grows by doubling up to
/// the window's size; a merge into a full window allocates nothing, and a contribution in order costs the same whatever the size.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct WindowState<T, TElement> : IFieldState
    where T : notnull
    where TElement : IElement<T>
{
    private const int FirstCapacity = 4;

    private Slot[]? _ring;
    private int _oldest;
    private int _count;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _count == 0;

    /// <summary>An immutable copy of the window.</summary>
    public readonly WindowView<T> View
    {
        get
        {
            if (_count == 0)
                return WindowView<T>.Empty;
            Stamped<T>[] elements = new Stamped<T>[_count];
            for (int i = 0; i < elements.Length; i++)
            {
                ref readonly Slot slot = ref At(_count - 1 - i);
                elements[i] = Stamped<T>.FromTicks(slot.Value, slot.Identity.Ticks);
            }

            return new WindowView<T>(elements);
        }
    }

    /// <summary>Takes the contribution into the window, unless it is older than everything in a full one.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    /// <param name="size">How many elements the window keeps: the same in every call.</param>
    /// <param name="context">Gives the contribution its place in the order.</param>
    public void Merge(in Stamped<T>? contribution, int size, scoped in MergeContext context)
    {
        if (contribution is not { } element)
            return;
        ContributionIdentity identity = new(element.TicksOr(context.NowTicks), context.Origin, context.NextSequence());
        Debug.Assert(identity.Ticks >= 0 && identity.Ticks <= DateTimeOffset.MaxValue.UtcTicks, "The session clock is outside the range of instants.");
        Insert(new Slot(identity, element.Value), size);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        // The ring outlives the elements; what they refer to must not.
        if (_ring is not null)
            Array.Clear(_ring);
        _oldest = 0;
        _count = 0;
    }

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_count == 0)
            return;
        int length = 0;
        for (int i = 0; i < _count; i++)
        {
            int size = TElement.SizeOf(At(i).Value);
            length += ContributionIdentity.Bytes + Varint.SizeOf(size) + size;
        }

        Span<byte> rest = FieldFrame.Append(output, field, length);
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
    /// <param name="payload">The bytes.</param>
    /// <param name="size">How many elements the window keeps.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int size)
    {
        if (!WindowCursor.IsCanonical<TElement>(payload, size, out int count))
            throw MalformedField.Of("window", payload.Length);
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

    private void Insert(in Slot slot, int size)
    {
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
