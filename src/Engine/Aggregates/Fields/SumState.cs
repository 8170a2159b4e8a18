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
public struct SumState<T> : IFieldState
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
}
