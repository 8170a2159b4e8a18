using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>The newest contributions to a <see cref="WindowAttribute">[Window]</see> field, newest first.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>Immutable and safe on any thread. Two views are equal when they have the same values with the same timestamps in the same order.</remarks>
public sealed class WindowView<T> : ValuesView<T>, IEquatable<WindowView<T>>
    where T : notnull
{
    internal WindowView(Stamped<T>[] newestFirst) => Stamped = ImmutableCollectionsMarshal.AsImmutableArray(newestFirst);

    /// <summary>The window that nothing was contributed to.</summary>
    public static WindowView<T> Empty { get; } = new([]);

    /// <summary>The values with their timestamps, newest first.</summary>
    public ImmutableArray<Stamped<T>> Stamped { get; }

    /// <summary>How many values the window holds, 0 to its declared size.</summary>
    public override int Count => Stamped.Length;

    /// <summary>A value; 0 is the newest.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="IndexOutOfRangeException">The index is outside that range.</exception>
    public override T this[int index] => Stamped[index].Value;

    /// <inheritdoc/>
    public bool Equals(WindowView<T>? other) => other is not null && Stamped.AsSpan().SequenceEqual(other.Stamped.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as WindowView<T>);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (Stamped<T> element in Stamped)
            hash.Add(element);
        return hash.ToHashCode();
    }
}
