using System.Collections;
using System.Collections.Frozen;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Sluice;

/// <summary>The different values that were contributed to a <see cref="SetAttribute">[Set]</see> field.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>Immutable and safe on any thread. Two views are equal when they have the same values. The order of enumeration means nothing.</remarks>
[DebuggerDisplay("Count = {Count}")]
[SuppressMessage("Naming", "CA1710", Justification = "A view like the others.")]
public sealed class SetView<T> : IReadOnlyCollection<T>, IEquatable<SetView<T>>
    where T : notnull
{
    private readonly FrozenSet<T> _values;

    internal SetView(IEnumerable<T> values, bool isAtCapacity)
    {
        _values = values.ToFrozenSet();
        IsAtCapacity = isAtCapacity;
    }

    /// <summary>The set that nothing was contributed to.</summary>
    public static SetView<T> Empty { get; } = new([], isAtCapacity: false);

    /// <summary>How many values there are, 0 to the declared capacity.</summary>
    public int Count => _values.Count;

    /// <summary>True when there may have been more values: those here are then the ones with the smallest hashes.</summary>
    public bool IsAtCapacity { get; }

    /// <summary>Whether the value is here.</summary>
    /// <param name="value">Any value.</param>
    public bool Contains(T value) => _values.Contains(value);

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(SetView<T>? other) => other is not null && _values.SetEquals(other._values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SetView<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        int hash = 0;
        foreach (T value in _values)
            hash ^= value.GetHashCode();
        return hash;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{{{string.Join(", ", _values)}}}";
}
