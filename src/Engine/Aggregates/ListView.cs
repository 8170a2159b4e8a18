using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>The first or the last contributions to a <see cref="ListAttribute">[List]</see> field, in the order of their timestamps.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>Immutable and safe on any thread. Two views are equal when they have the same values with the same timestamps in the same order.</remarks>
public sealed class ListView<T> : ValuesView<T>, IEquatable<ListView<T>>
    where T : notnull
{
    internal ListView(Stamped<T>[] earliestFirst) => Stamped = ImmutableCollectionsMarshal.AsImmutableArray(earliestFirst);

    /// <summary>The list that nothing was contributed to.</summary>
    public static ListView<T> Empty { get; } = new([]);

    /// <summary>The values with their timestamps, earliest first.</summary>
    public ImmutableArray<Stamped<T>> Stamped { get; }

    /// <summary>How many values the list holds, 0 to its declared capacity.</summary>
    public override int Count => Stamped.Length;

    /// <summary>A value; 0 is the earliest.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="IndexOutOfRangeException">The index is outside that range.</exception>
    public override T this[int index] => Stamped[index].Value;

    /// <inheritdoc/>
    public bool Equals(ListView<T>? other) => other is not null && Stamped.AsSpan().SequenceEqual(other.Stamped.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ListView<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (Stamped<T> element in Stamped)
            hash.Add(element);
        return hash.ToHashCode();
    }
}
