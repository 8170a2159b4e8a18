using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The earliest or the latest contribution: a list of one, without the list.</summary>
/// <typeparam name="T">The type of the contributions.</typeparam>
/// <typeparam name="TElement">Their bytes.</typeparam>
/// <typeparam name="TOrder">Which one is kept.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; a merge allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct FirstOrLastState<T, TElement, TOrder> : IFieldState, IEntryState<Stamped<T>, T>
    where T : notnull
    where TElement : IElement<T>
    where TOrder : IContributionOrder
{
    private ContributionIdentity _identity;
    private T? _value;
    private bool _hasValue;

    /// <inheritdoc/>
    public readonly bool IsEmpty => !_hasValue;

    /// <summary>The contribution, or the type's default when there was none.</summary>
    public readonly T? ValueOrDefault => _value;

    /// <summary>Keeps the contribution if it comes before the one that is kept.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    /// <param name="context">Gives the contribution its place in the order.</param>
    public void Merge(in Stamped<T>? contribution, scoped in MergeContext context)
    {
        if (contribution is not { } element)
            return;
        ContributionIdentity identity = ContributionIdentities.Of(element, context).Masked(TOrder.Mask);
        if (_hasValue && identity.CompareTo(_identity) is int order && (order < 0 || (order == 0 && TElement.Compare(element.Value, _value!) <= 0)))
            return;
        _identity = identity;
        _value = element.Value;
        _hasValue = true;
    }

    /// <inheritdoc/>
    public void Reset() => this = default;

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (!_hasValue)
            return;
        int size = TElement.SizeOf(_value!);
        WritePayload(FieldFrame.Append(output, field, ContributionIdentity.Bytes + Varint.SizeOf(size) + size));
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!WindowCursor.IsCanonical<TElement, TOrder>(payload, 1, out _))
            throw MalformedField.Of("first or last", payload.Length);
        WindowCursor cursor = new(payload);
        cursor.MoveNext();
        _identity = cursor.Identity;
        _value = TElement.Read(cursor.Value);
        _hasValue = true;
    }

    static bool IEntryState.IsOrdered => true;

    readonly int IEntryState.PayloadLength => _hasValue ? ContributionIdentity.Bytes + Varint.SizeOf(TElement.SizeOf(_value!)) + TElement.SizeOf(_value!) : 0;

    readonly void IEntryState.WritePayload(Span<byte> destination) => WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly T IEntryState<Stamped<T>, T>.View(int parameter) => _value!;

    readonly bool IEntryState<Stamped<T>, T>.CanAdd(Stamped<T> contribution, int parameter) => true;

    void IEntryState<Stamped<T>, T>.Add(Stamped<T> contribution, int parameter, scoped in MergeContext context) => Merge(contribution, in context);

    private readonly void WritePayload(Span<byte> payload)
    {
        int size = TElement.SizeOf(_value!);
        _identity.Write(payload);
        payload = payload[ContributionIdentity.Bytes..];
        TElement.Write(_value!, payload.Slice(Varint.Write(payload, size), size));
    }
}
