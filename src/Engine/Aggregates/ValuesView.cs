using System.Collections;
using System.Diagnostics;

namespace Sluice;

/// <summary>Values in an order of their own: what windows and lists have in common.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>Immutable and safe on any thread.</remarks>
[DebuggerDisplay("Count = {Count}")]
public abstract class ValuesView<T> : IReadOnlyList<T>
    where T : notnull
{
    private protected ValuesView()
    {
    }

    /// <summary>How many values there are.</summary>
    public abstract int Count { get; }

    /// <summary>A value.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="IndexOutOfRangeException">The index is outside that range.</exception>
    public abstract T this[int index] { get; }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", this)}]";
}
