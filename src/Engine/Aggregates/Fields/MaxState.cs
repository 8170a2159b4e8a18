using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The greatest contribution.</summary>
/// <typeparam name="T">The type of the contributions.</typeparam>
/// <typeparam name="TOrdinal">Its order.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct MaxState<T, TOrdinal> : IFieldState, IEntryState<T, T>
    where T : struct
    where TOrdinal : IOrdinal<T>
{
    private long _ordinal;
    private bool _hasValue;

    /// <inheritdoc/>
    public readonly bool IsEmpty => !_hasValue;

    /// <summary>The greatest contribution, or the type's default when there was none.</summary>
    public readonly T ValueOrDefault => _hasValue ? TOrdinal.FromOrdinal(_ordinal) : default;

    /// <summary>The greatest contribution, or <see langword="null"/> when there was none.</summary>
    public readonly T? Value => _hasValue ? TOrdinal.FromOrdinal(_ordinal) : null;

    /// <summary>Keeps the contribution if it is the greatest so far.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    public void Merge(T? contribution)
    {
        if (contribution is not { } value)
            return;
        long ordinal = TOrdinal.ToOrdinal(value);
        if (_hasValue && ordinal <= _ordinal)
            return;
        _ordinal = ordinal;
        _hasValue = true;
    }

    /// <inheritdoc/>
    public void Reset() => this = default;

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_hasValue)
            ExtremumPayload.Write(FieldFrame.Append(output, field, ExtremumPayload.Bytes), _ordinal);
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!ExtremumPayload.TryRead(payload, out long ordinal) || !TOrdinal.IsOrdinal(ordinal))
            throw MalformedField.Of("max", payload.Length);
        _ordinal = ordinal;
        _hasValue = true;
    }

    readonly int IEntryState.PayloadLength => IsEmpty ? 0 : ExtremumPayload.Bytes;

    readonly void IEntryState.WritePayload(Span<byte> destination) => ExtremumPayload.Write(destination, _ordinal);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly T IEntryState<T, T>.View(int parameter) => ValueOrDefault;

    readonly bool IEntryState<T, T>.CanAdd(T contribution, int parameter) => true;

    void IEntryState<T, T>.Add(T contribution, int parameter, scoped in MergeContext context) => Merge(contribution);
}
