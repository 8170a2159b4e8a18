using System.Buffers;
using System.Buffers.Binary;
using System.ComponentModel;
using System.Numerics;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>An exact sum. A sum of zero is the empty field, however many contributions cancelled out: it is the identity of addition.</summary>
/// <typeparam name="T"><see cref="long"/> or <see cref="int"/>.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct SumState<T> : IFieldState, IDifferenceState<T>
    where T : struct, IBinaryInteger<T>, ISignedNumber<T>, IMinMaxValue<T>
{
    private T _total;

    /// <inheritdoc/>
    public readonly bool IsEmpty => T.IsZero(_total);

    /// <summary>The sum; zero when nothing was contributed.</summary>
    public readonly T Total => _total;

    /// <summary>True when the sum after the addition has a representation. Asked of every sum before the first field of an event is merged.</summary>
    /// <param name="contribution">What would be added.</param>
    public readonly bool CanAdd(T contribution)
    {
        // Two's complement: an addition has overflowed exactly when both operands have the sign that the result has not.
        T sum = unchecked(_total + contribution);
        return !T.IsNegative((sum ^ _total) & (sum ^ contribution));
    }

    /// <summary>Adds what <see cref="CanAdd"/> has allowed.</summary>
    /// <param name="contribution">What is added.</param>
    public void Merge(T contribution) => _total = checked(_total + contribution);

    /// <summary>True when the sum after the subtraction has a representation.</summary>
    /// <param name="contribution">What would be subtracted.</param>
    public readonly bool CanSubtract(T contribution)
    {
        // A subtraction has overflowed exactly when the operands differ in sign and the result has not the sign of the first.
        T difference = unchecked(_total - contribution);
        return !T.IsNegative((_total ^ contribution) & (_total ^ difference));
    }

    /// <summary>Subtracts what <see cref="CanSubtract"/> has allowed.</summary>
    /// <param name="contribution">What is subtracted.</param>
    public void Subtract(T contribution) => _total = checked(_total - contribution);

    /// <summary>The sum and what it began with.</summary>
    /// <param name="initial">The beginning.</param>
    /// <exception cref="OverflowException">The result has no representation.</exception>
    public readonly T TotalFrom(T initial) => checked(initial + _total);

    /// <inheritdoc/>
    public void Reset() => _total = default;

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (!IsEmpty)
            BinaryPrimitives.WriteInt64LittleEndian(FieldFrame.Append(output, field, SumMerger.PayloadBytes), long.CreateChecked(_total));
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!SumMerger.IsCanonical(payload, long.CreateChecked(T.MinValue), long.CreateChecked(T.MaxValue)))
            throw MalformedField.Of("sum", payload.Length);
        _total = T.CreateChecked(BinaryPrimitives.ReadInt64LittleEndian(payload));
    }

    static bool IEntryState.CanCancelOut => true;

    readonly int IEntryState.PayloadLength => IsEmpty ? 0 : SumMerger.PayloadBytes;

    readonly void IEntryState.WritePayload(Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, long.CreateChecked(_total));

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly T IEntryState<T, T>.View(int parameter) => _total;

    readonly bool IEntryState<T, T>.CanAdd(T contribution, int parameter) => CanAdd(contribution);

    void IEntryState<T, T>.Add(T contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly bool IDifferenceState<T>.CanSubtract(T contribution, int parameter) => CanSubtract(contribution);

    void IDifferenceState<T>.Subtract(T contribution, int parameter) => Subtract(contribution);
}
