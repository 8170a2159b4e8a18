using System.Collections;
using System.Collections.Frozen;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Sluice;

/// <summary>What was contributed to each key of a <see cref="MapAttribute">[Map]</see> field.</summary>
/// <typeparam name="TKey">The type of the keys.</typeparam>
/// <typeparam name="TValue">The type of the values.</typeparam>
/// <remarks>
/// Immutable and safe on any thread. Two views are equal when they have the same keys with the same values. Sums of zero are left out. The order of
/// enumeration means nothing.
/// </remarks>
[DebuggerDisplay("Count = {Count}")]
[SuppressMessage("Naming", "CA1710", Justification = "A view like the others.")]
public sealed class MapView<TKey, TValue> : IReadOnlyDictionary<TKey, TValue>, IEquatable<MapView<TKey, TValue>>
    where TKey : notnull
{
    private readonly FrozenDictionary<TKey, TValue> _values;

    internal MapView(Dictionary<TKey, TValue> values, bool isAtCapacity)
    {
        _values = values.ToFrozenDictionary();
        IsAtCapacity = isAtCapacity;
    }

    /// <summary>The map that nothing was contributed to.</summary>
    public static MapView<TKey, TValue> Empty { get; } = new([], isAtCapacity: false);

    /// <summary>How many keys there are, 0 to the declared capacity.</summary>
    public int Count => _values.Count;

    /// <summary>True when there may have been more keys: those here are then the ones with the smallest hashes. Their values are whole.</summary>
    public bool IsAtCapacity { get; }

    /// <inheritdoc/>
    public IEnumerable<TKey> Keys => _values.Keys;

    /// <inheritdoc/>
    public IEnumerable<TValue> Values => _values.Values;

    /// <inheritdoc/>
    public TValue this[TKey key] => _values[key];

    /// <inheritdoc/>
    public bool ContainsKey(TKey key) => _values.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) => _values.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(MapView<TKey, TValue>? other)
    {
        if (other is null || other.Count != Count)
            return false;
        foreach ((TKey key, TValue value) in _values)
        {
            if (!other._values.TryGetValue(key, out TValue? there) || !EqualityComparer<TValue>.Default.Equals(value, there))
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as MapView<TKey, TValue>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        int hash = 0;
        foreach ((TKey key, TValue value) in _values)
            hash ^= HashCode.Combine(key, value);
        return hash;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{{{string.Join(", ", _values.Select(static pair => $"{pair.Key}: {pair.Value}"))}}}";
}
