using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// Deltas that only the application's code can merge, side by side. Taking one and writing them touches bytes and nothing else, so both may happen under
/// an entry's claim; merging them is <see cref="Fold"/>, on a copy that nobody else knows, and <see cref="Adopt"/> afterwards.
/// </summary>
/// <typeparam name="T">The state.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. Its list of at most
/// <see cref="OpaquePayload.LocalItems"/> grows by doubling and is kept by <see cref="Reset"/>: a merge allocates nothing but, now and then, a fold.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OpaqueState<T> : IFieldState
    where T : IOpaqueState<T>
{
    private const int FirstCapacity = 4;

    private OpaqueItem[]? _items;
    private byte[]? _folded;
    private int _count;
    private int _bytes;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _count == 0;

    /// <summary>The merged state. Runs the application's code.</summary>
    /// <exception cref="OpaqueStateException">It threw.</exception>
    public readonly T View => OpaqueCodec<T>.Merge(Items);

    private readonly ReadOnlySpan<OpaqueItem> Items => _items.AsSpan(0, _count);

    /// <summary>False when the deltas have to be folded before there is room for this one.</summary>
    /// <param name="contribution">What would be taken.</param>
    public readonly bool CanTake(Opaque<T> contribution) =>
        contribution.Content is not { } content
        || (_count < OpaquePayload.LocalItems && _bytes + OpaquePayload.SizeOf(content.Length) <= OpaquePayload.MaxBytes);

    /// <summary>Takes a delta that <see cref="CanTake"/> has allowed.</summary>
    /// <param name="contribution">The delta.</param>
    /// <param name="context">Gives it its identity.</param>
    public void Merge(Opaque<T> contribution, scoped in MergeContext context)
    {
        if (contribution.Content is not { } content)
            return;
        Append(new OpaqueItem(context.Origin, context.NextSequence(), content));
    }

    /// <inheritdoc/>
    public void Reset()
    {
        // The list outlives the items; what they refer to must not.
        _items.AsSpan(0, _count).Clear();
        _folded = null;
        _count = _bytes = 0;
    }

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_count == 0)
            return;
        Span<byte> rest = FieldFrame.Append(output, field, _bytes);
        foreach (OpaqueItem item in Items)
            rest = OpaquePayload.Write(rest, item);
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!OpaquePayload.IsCanonical(payload, out int count))
            throw MalformedField.Of("opaque", payload.Length);
        _items = new OpaqueItem[count];
        _folded = null;
        _count = _bytes = 0;
        OpaqueCursor cursor = new(payload);
        while (cursor.MoveNext())
            Append(cursor.Item);
    }

    /// <summary>A copy of the deltas, for <see cref="Fold"/>. Runs no code but the engine's.</summary>
    public readonly OpaqueState<T> Unfolded() => new() { _items = Items.ToArray(), _count = _count, _bytes = _bytes };

    /// <summary>Merges the deltas into one. Runs the application's code: nothing may be held.</summary>
    /// <exception cref="OpaqueStateException">It threw, or the merged state is too large.</exception>
    public void Fold()
    {
        if (_count > 1)
            _folded = OpaqueCodec<T>.Write(OpaqueCodec<T>.Merge(Items));
    }

    /// <summary>
    /// Puts one merged delta in the place of those that <paramref name="folded"/> is a copy of, if they are still there: not if they have left with a
    /// flush, or if another fold was faster. What was taken since stays behind it. Runs no code but the engine's.
    /// </summary>
    /// <param name="folded">A copy that was folded.</param>
    public void Adopt(in OpaqueState<T> folded)
    {
        int replaced = folded._count;
        if (folded._folded is null || replaced > _count)
            return;
        for (int i = 0; i < replaced; i++)
        {
            // The very same arrays: an identity of another life, or of a delta that was folded meanwhile, can't be mistaken for them.
#if SLUICE_MUTANTS
            if (Caching.Schedule.Is(Caching.Mutant.AdoptWithoutLooking))
                continue;
#endif
            if (!ReferenceEquals(_items![i].Content, folded._items![i].Content))
                return;
        }

        OpaqueItem merged = _items![replaced - 1] with { Content = folded._folded };
        Span<OpaqueItem> items = _items.AsSpan(0, _count);
        items[replaced..].CopyTo(items[1..]);
        items[(_count - replaced + 1)..].Clear();
        items[0] = merged;
        _count -= replaced - 1;
        _bytes += OpaquePayload.SizeOf(merged.Content.Length) - folded._bytes;
    }

    private void Append(in OpaqueItem item)
    {
        if (_items is null || _count == _items.Length)
            Array.Resize(ref _items, _items is null || _items.Length == 0 ? FirstCapacity : _items.Length * 2);
        _items[_count++] = item;
        _bytes += OpaquePayload.SizeOf(item.Content.Length);
    }
}
