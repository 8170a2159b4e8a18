using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The keys of a set or a map with what belongs to them, by ascending hash; those with the smallest hashes stay when there is no more room.</summary>
/// <typeparam name="T">The type of the keys.</typeparam>
/// <typeparam name="TElement">Their bytes and hashes.</typeparam>
/// <typeparam name="TEntry">What belongs to a key.</typeparam>
/// <remarks>A mutable value that its holder guards. Grows by doubling up to the capacity.</remarks>
internal struct KeyedList<T, TElement, TEntry>
    where T : notnull
    where TElement : IKeyElement<T>
    where TEntry : struct
{
    private const int FirstCapacity = 4;

    private Slot[]? _slots;
    private int _count;
    private TEntry _gone;

    /// <summary>An empty list with room for so many keys.</summary>
    public KeyedList(int room) => _slots = new Slot[room];

    public readonly int Count => _count;

    public readonly T KeyAt(int position) => _slots![position].Key;

    public readonly ref TEntry EntryAt(int position) => ref _slots![position].Entry;

    /// <summary>Where a key is, or where it would stand.</summary>
    public readonly bool TryFind(ulong hash, T key, out int position)
    {
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            ref readonly Slot slot = ref _slots![middle];
            int order = slot.Hash != hash ? slot.Hash.CompareTo(hash) : TElement.Compare(slot.Key, key);
            if (order == 0)
            {
                position = middle;
                return true;
            }

            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }

        position = low;
        return false;
    }

    /// <summary>Takes a new key in where <see cref="TryFind"/> said, unless the list is full of smaller ones; true when another one had to go.</summary>
    public bool Insert(int position, ulong hash, T key, TEntry entry, int capacity)
    {
        bool isFull = _count == capacity;
        if (isFull)
        {
            if (position == _count)
                return false;
            _count--;
            _gone = _slots![_count].Entry;
        }
        else if (_slots is null || _count == _slots.Length)
        {
            Array.Resize(ref _slots, Math.Min(capacity, _slots is null ? FirstCapacity : Math.Max(FirstCapacity, _slots.Length * 2)));
        }

        _slots.AsSpan(position, _count - position).CopyTo(_slots.AsSpan(position + 1));
        _slots![position] = new Slot { Hash = hash, Key = key, Entry = entry };
        _count++;
        return isFull;
    }

    /// <summary>What is left of an entry that has gone, with its buffers, or a new one: what the next key may begin with.</summary>
    public readonly TEntry Spare() => _slots is not null && _count < _slots.Length ? _slots[_count].Entry : _gone;

    /// <summary>The entry of the key that the last insertion has pushed out.</summary>
    [UnscopedRef]
    public ref TEntry Gone => ref _gone;

    /// <summary>Takes all keys out and keeps the room, and the entries, which the caller has emptied.</summary>
    public void Clear()
    {
        // The room outlives the keys; what they refer to must not.
        for (int i = 0; i < _count; i++)
            _slots![i].Key = default!;
        _count = 0;
    }

    /// <summary>How many bytes <see cref="WriteAt"/> writes.</summary>
    public readonly int SizeAt(int position)
    {
        int size = TElement.SizeOf(_slots![position].Key);
        return KeyedCursor.HashBytes + Varint.SizeOf(size) + size;
    }

    /// <summary>Writes hash and key, and returns how many bytes that were.</summary>
    public readonly int WriteAt(int position, Span<byte> destination)
    {
        ref readonly Slot slot = ref _slots![position];
        BinaryPrimitives.WriteUInt64BigEndian(destination, slot.Hash);
        int size = TElement.SizeOf(slot.Key);
        int start = KeyedCursor.HashBytes + Varint.Write(destination[KeyedCursor.HashBytes..], size);
        TElement.Write(slot.Key, destination.Slice(start, size));
        return start + size;
    }

    private struct Slot
    {
        public ulong Hash;
        public T Key;
        public TEntry Entry;
    }
}
