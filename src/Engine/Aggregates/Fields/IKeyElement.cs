using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>Elements that sets and maps keep by their hashes: those of a <see cref="DistinctAttribute">[Distinct]</see> field.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IKeyElement<T> : IElement<T>
    where T : notnull
{
    /// <summary>The hash of the element's bytes; part of the stored form.</summary>
    /// <param name="value">An element that an event accepted.</param>
    static abstract ulong Hash(T value);
}
