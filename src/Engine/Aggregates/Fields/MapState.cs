using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// A field for each key, for the keys with the smallest hashes. A key whose contributions have cancelled out stays: if it left, another key that had
/// been cut off could come back, without what it had been contributed before.
/// </summary>
/// <typeparam name="TKey">The type of the keys.</typeparam>
/// <typeparam name="TElement">Their bytes and hashes.</typeparam>
/// <typeparam name="TEntry">The field of a key.</typeparam>
/// <typeparam name="TContribution">What is contributed to it.</typeparam>
/// <typeparam name="TValue">What a snapshot shows of it.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. A sorted list that grows by doubling up to the
/// capacity, with the field of a key in each place; a contribution to a key that is known, or that does not enter, allocates what its field does, and nothing.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct MapState<TKey, TElement, TEntry, TContribution, TValue> : IFieldState
    where TKey : notnull
    where TElement : IKeyElement<TKey>
    where TEntry : struct, IEntryState<TContribution, TValue>
{
    private KeyedList<TKey, TElement, TEntry> _entries;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _entries.Count == 0;

    /// <summary>True when the key's field can hold the result of the merge.</summary>
    /// <param name="key">The key.</param>
    /// <param name="contribution">What would be merged.</param>
    /// <param name="parameter">The parameter of the keys' fields: the same in every call.</param>
    public readonly bool CanAdd(TKey key, TContribution contribution, int parameter) =>
        !_entries.TryFind(TElement.Hash(key), key, out int position) || _entries.EntryAt(position).CanAdd(contribution, parameter);

    /// <summary>Merges what <see cref="CanAdd"/> has allowed, unless the map is full of keys with smaller hashes.</summary>
    /// <param name="key">The key.</param>
    /// <param name="contribution">What is merged.</param>
    /// <param name="capacity">How many keys the map keeps: the same in every call.</param>
    /// <param name="parameter">The parameter of the keys' fields: the same in every call.</param>
    /// <param name="context">Gives the contribution its place in the order, where the keys' fields have one.</param>
    public void Merge(TKey key, TContribution contribution, int capacity, int parameter, scoped in MergeContext context)
    {
        ulong hash = TElement.Hash(key);
        if (_entries.TryFind(hash, key, out int position))
        {
            _entries.EntryAt(position).Add(contribution, parameter, in context);
            return;
        }

        if (position == capacity)
        {
            // What number an event's later contributions get must not depend on which keys this process happens to have seen.
            if (TEntry.IsOrdered)
                context.NextSequence();
            return;
        }

        TEntry entry = _entries.Spare();
        entry.Add(contribution, parameter, in context);
        if (!entry.IsEmpty && _entries.Insert(position, hash, key, entry, capacity))
            _entries.Gone.Reset();
    }

    /// <summary>An immutable copy of the map.</summary>
    /// <param name="capacity">How many keys the map keeps.</param>
    /// <param name="parameter">The parameter of the keys' fields.</param>
    public readonly MapView<TKey, TValue> View(int capacity, int parameter)
    {
        if (IsEmpty)
            return MapView<TKey, TValue>.Empty;
        Dictionary<TKey, TValue> values = new(_entries.Count);
        for (int i = 0; i < _entries.Count; i++)
        {
            ref readonly TEntry entry = ref _entries.EntryAt(i);
            if (!entry.IsEmpty)
                values[_entries.KeyAt(i)] = entry.View(parameter);
        }

        return new MapView<TKey, TValue>(values, isAtCapacity: _entries.Count == capacity);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        for (int i = 0; i < _entries.Count; i++)
            _entries.EntryAt(i).Reset();
        _entries.Clear();
    }

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (IsEmpty)
            return;
        int length = 0;
        for (int i = 0; i < _entries.Count; i++)
        {
            int size = _entries.EntryAt(i).PayloadLength;
            length += _entries.SizeAt(i) + Varint.SizeOf(size) + size;
        }

        Span<byte> rest = FieldFrame.Append(output, field, length);
        for (int i = 0; i < _entries.Count; i++)
        {
            ref readonly TEntry entry = ref _entries.EntryAt(i);
            rest = rest[_entries.WriteAt(i, rest)..];
            int size = entry.PayloadLength;
            rest = rest[Varint.Write(rest, size)..];
            if (size != 0)
                entry.WritePayload(rest[..size]);
            rest = rest[size..];
        }
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="capacity">How many keys the map keeps.</param>
    /// <param name="parameter">The parameter of the keys' fields.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int capacity, int parameter)
    {
        if (!KeyedCursor.IsCanonical<TElement>(payload, capacity, hasValues: true, values: null, out int count))
            throw MalformedField.Of("map", payload.Length);
        _entries = new KeyedList<TKey, TElement, TEntry>(count);
        KeyedCursor cursor = new(payload, hasValues: true);
        while (cursor.MoveNext())
        {
            TEntry entry = default;
            if (!cursor.Value.IsEmpty)
                entry.ReadPayload(cursor.Value, parameter);
            else if (!TEntry.CanCancelOut)
                throw MalformedField.Of("map", payload.Length);
            _entries.Insert(_entries.Count, cursor.Hash, TElement.Read(cursor.Key), entry, capacity);
        }
    }
}
