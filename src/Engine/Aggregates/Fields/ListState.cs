using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The first or the last contributions, in the order of their timestamps.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <typeparam name="TElement">Their bytes.</typeparam>
/// <typeparam name="TOrder">Which ones are kept.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. It grows by doubling up to
/// the list's capacity; a merge into a full list allocates nothing, and a contribution in order costs the same whatever the size.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct ListState<T, TElement, TOrder> : IFieldState, IEntryState<Stamped<T>, ListView<T>>
    where T : notnull
    where TElement : IElement<T>
    where TOrder : IContributionOrder
{
    private ContributionRing<T, TElement> _ring;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _ring.Count == 0;

    /// <summary>An immutable copy of the list.</summary>
    public readonly ListView<T> View
    {
        get
        {
            if (IsEmpty)
                return ListView<T>.Empty;
            Stamped<T>[] elements = new Stamped<T>[_ring.Count];
            for (int i = 0; i < elements.Length; i++)
            {
                (ContributionIdentity identity, T value) = _ring[TOrder.Mask == 0 ? i : elements.Length - 1 - i];
                elements[i] = Stamped<T>.FromTicks(value, identity.Masked(TOrder.Mask).Rank);
            }

            return new ListView<T>(elements);
        }
    }

    /// <summary>Puts the contribution into its place, unless the list is full of ones that come before it.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    /// <param name="capacity">How many elements the list keeps: the same in every call.</param>
    /// <param name="context">Gives the contribution its place in the order.</param>
    public void Merge(in Stamped<T>? contribution, int capacity, scoped in MergeContext context)
    {
        if (contribution is { } element)
            _ring.Insert(ContributionIdentities.Of(element, context).Masked(TOrder.Mask), element.Value, capacity);
    }

    /// <inheritdoc/>
    public void Reset() => _ring.Reset();

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output) => _ring.Write(field, output);

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="capacity">How many elements the list keeps.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int capacity) => _ring.Read<TOrder>(payload, capacity);

    static bool IEntryState.IsOrdered => true;

    readonly int IEntryState.PayloadLength => _ring.PayloadLength;

    readonly void IEntryState.WritePayload(Span<byte> destination) => _ring.WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload, parameter);

    readonly ListView<T> IEntryState<Stamped<T>, ListView<T>>.View(int parameter) => View;

    readonly bool IEntryState<Stamped<T>, ListView<T>>.CanAdd(Stamped<T> contribution, int parameter) => true;

    void IEntryState<Stamped<T>, ListView<T>>.Add(Stamped<T> contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter, in context);
}
