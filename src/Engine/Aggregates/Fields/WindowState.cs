using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The newest contributions.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <typeparam name="TElement">Their bytes.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. It grows by doubling up to
/// the window's size; a merge into a full window allocates nothing, and a contribution in order costs the same whatever the size.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct WindowState<T, TElement> : IFieldState, IEntryState<Stamped<T>, WindowView<T>>
    where T : notnull
    where TElement : IElement<T>
{
    private ContributionRing<T, TElement> _ring;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _ring.Count == 0;

    /// <summary>An immutable copy of the window.</summary>
    public readonly WindowView<T> View
    {
        get
        {
            if (IsEmpty)
                return WindowView<T>.Empty;
            Stamped<T>[] elements = new Stamped<T>[_ring.Count];
            for (int i = 0; i < elements.Length; i++)
            {
                (ContributionIdentity identity, T value) = _ring[elements.Length - 1 - i];
                elements[i] = Stamped<T>.FromTicks(value, identity.Rank);
            }

            return new WindowView<T>(elements);
        }
    }

    /// <summary>Takes the contribution into the window, unless it is older than everything in a full one.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    /// <param name="size">How many elements the window keeps: the same in every call.</param>
    /// <param name="context">Gives the contribution its place in the order.</param>
    public void Merge(in Stamped<T>? contribution, int size, scoped in MergeContext context)
    {
        if (contribution is { } element)
            _ring.Insert(ContributionIdentities.Of(element, context), element.Value, size);
    }

    /// <inheritdoc/>
    public void Reset() => _ring.Reset();

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output) => _ring.Write(field, output);

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="size">How many elements the window keeps.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int size) => _ring.Read<LatestFirst>(payload, size);

    static bool IEntryState.IsOrdered => true;

    readonly int IEntryState.PayloadLength => _ring.PayloadLength;

    readonly void IEntryState.WritePayload(Span<byte> destination) => _ring.WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload, parameter);

    readonly WindowView<T> IEntryState<Stamped<T>, WindowView<T>>.View(int parameter) => View;

    readonly bool IEntryState<Stamped<T>, WindowView<T>>.CanAdd(Stamped<T> contribution, int parameter) => true;

    void IEntryState<Stamped<T>, WindowView<T>>.Add(Stamped<T> contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter, in context);
}
