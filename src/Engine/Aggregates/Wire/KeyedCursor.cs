using System.Buffers.Binary;
using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>Walks the entries of a set's or a map's payload, by ascending hash, without copying.</summary>
internal ref struct KeyedCursor(ReadOnlySpan<byte> payload, bool hasValues)
{
    public const int HashBytes = sizeof(ulong);

    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>The hash of the current key, as the entry claims it: nobody but the engine that makes an entry computes hashes.</summary>
    public ulong Hash { get; private set; } = 0;

    public ReadOnlySpan<byte> Key { get; private set; } = default;

    /// <summary>The payload of the key's field; empty where the field is, and in sets.</summary>
    public ReadOnlySpan<byte> Value { get; private set; } = default;

    /// <summary>The whole current entry.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; } = default;

    /// <summary>True when everything was walked: false after <see cref="MoveNext"/> means a broken payload.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Moves to the next entry; false at the end and at the first fault.</summary>
    public bool MoveNext()
    {
        if (_rest.Length < HashBytes)
            return false;
        ReadOnlySpan<byte> rest = _rest[HashBytes..];
        if (!Varint.TryTake(ref rest, out int length) || length > rest.Length)
            return false;
        ReadOnlySpan<byte> key = rest[..length];
        rest = rest[length..];
        int valueLength = 0;
        if (hasValues && (!Varint.TryTake(ref rest, out valueLength) || valueLength > rest.Length))
            return false;
        Hash = BinaryPrimitives.ReadUInt64BigEndian(_rest);
        Key = key;
        Value = rest[..valueLength];
        Bytes = _rest[..(_rest.Length - rest.Length + valueLength)];
        _rest = rest[valueLength..];
        return true;
    }

    /// <summary>By hash, and where two keys share one, by their bytes.</summary>
    public readonly int CompareTo(in KeyedCursor other) => Compare(Hash, Key, other.Hash, other.Key);

    public static int Compare(ulong hash, ReadOnlySpan<byte> key, ulong otherHash, ReadOnlySpan<byte> otherKey) =>
        hash != otherHash ? hash.CompareTo(otherHash) : key.SequenceCompareTo(otherKey);

    /// <summary>True when the payload is the one form of some non-empty set or map: 1 to so many entries, strictly ascending.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="capacity">How many entries there may be.</param>
    /// <param name="hasValues">True in maps.</param>
    /// <param name="values">What the values are; null in sets, and where whoever reads a map's values judges them.</param>
    /// <param name="count">How many entries there are.</param>
    public static bool IsCanonical<TElement>(ReadOnlySpan<byte> payload, int capacity, bool hasValues, MapValues? values, out int count)
        where TElement : IElementRange
    {
        KeyedCursor cursor = new(payload, hasValues);
        ulong hash = 0;
        ReadOnlySpan<byte> key = default;
        for (count = 0; cursor.MoveNext(); count++)
        {
            if (count == capacity || !TElement.IsElement(cursor.Key) || (count > 0 && Compare(cursor.Hash, cursor.Key, hash, key) <= 0))
                return false;
            if (values is not null && !values.IsCanonical(cursor.Value))
                return false;
            hash = cursor.Hash;
            key = cursor.Key;
        }

        return count > 0 && cursor.IsAtEnd;
    }
}
