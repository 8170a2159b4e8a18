using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>The contributions with the highest scores to a <see cref="WindowAttribute">[Window]</see> field, the highest first.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>Immutable and safe on any thread. Two views are equal when they have the same values with the same scores in the same order.</remarks>
public sealed class ScoredView<T> : ValuesView<T>, IEquatable<ScoredView<T>>
    where T : notnull
{
    internal ScoredView(Scored<T>[] highestFirst) => Scored = ImmutableCollectionsMarshal.AsImmutableArray(highestFirst);

    /// <summary>The window that nothing was contributed to.</summary>
    public static ScoredView<T> Empty { get; } = new([]);

    /// <summary>The values with their scores, the highest first.</summary>
    public ImmutableArray<Scored<T>> Scored { get; }

    /// <summary>How many values the window holds, 0 to its declared size.</summary>
    public override int Count => Scored.Length;

    /// <summary>A value; 0 is the one with the highest score.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="IndexOutOfRangeException">The index is outside that range.</exception>
    public override T this[int index] => Scored[index].Value;

    /// <inheritdoc/>
    public bool Equals(ScoredView<T>? other) => other is not null && Scored.AsSpan().SequenceEqual(other.Scored.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ScoredView<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (Scored<T> element in Scored)
            hash.Add(element);
        return hash.ToHashCode();
    }
}
